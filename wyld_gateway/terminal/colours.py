"""How many colours a terminal has, and the nearest colour where it has fewer than were asked for.

The 256-colour palette is that of xterm: 16 colours that the player's theme defines, a cube of 6x6x6 and 24
greys. Pure.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class Colours(IntEnum):
    """What a terminal can show, in ascending order, so that `<` means "fewer"."""

    NONE = 0
    ANSI_16 = 16
    ANSI_256 = 256
    TRUECOLOR = 1 << 24


class Rgb(NamedTuple):
    """One colour, each part 0 to 255."""

    red: int
    green: int
    blue: int

    @property
    def luminance(self) -> float:
        """Relative luminance, 0 to 1, as WCAG 2.1 defines it."""
        red, green, blue = (
            part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4
            for part in (self.red / 255, self.green / 255, self.blue / 255)
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue


_LEVELS = (0, 95, 135, 175, 215, 255)
_CUBE = tuple(Rgb(red, green, blue) for red in _LEVELS for green in _LEVELS for blue in _LEVELS)
_GREYS = tuple(Rgb(level, level, level) for level in range(8, 239, 10))

#: Palette entries 16 to 255; the first 16 have no fixed colour.
PALETTE = _CUBE + _GREYS
_FIRST = 16


def nearest_256(colour: Rgb) -> int:
    """The entry of the 256-colour palette, 16 to 255, that is nearest to `colour`."""
    return _FIRST + min(range(len(PALETTE)), key=lambda index: distance(PALETTE[index], colour))


def distance(one: Rgb, other: Rgb) -> int:
    """How different two colours look, weighted for the eye's sensitivity to each part."""
    return (
        2 * (one.red - other.red) ** 2 + 4 * (one.green - other.green) ** 2 + 3 * (one.blue - other.blue) ** 2
    )

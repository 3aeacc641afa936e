"""Colours that come as escape sequences (SGR, ECMA-48 section 8.3.117; ITU-T T.416 for the ones beyond sixteen), for terminals that
have fewer.

An author of the world may colour a drawing or a sign as terminals do: 16 colours for letters and 16 behind them, 256, or any. Every
other control sequence is taken out, and so are the attributes that blink, hide or change the font. What is left ends by itself: no
text colours the one behind it. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from wyld_gateway.terminal.colours import PALETTE, Colours, Rgb, distance, nearest_256
from wyld_gateway.terminal.strip import strip_controls
from wyld_gateway.terminal.styles import RESET

_SGR = re.compile(r"\x1b\[([0-9;:]{0,64})m")

#: Bold, faint, italic, underlined, inverse, struck out, and their ends; sixteen colours for letters and sixteen behind them.
_EVERYWHERE = frozenset(
    {
        1,
        2,
        3,
        4,
        7,
        9,
        22,
        23,
        24,
        27,
        29,
        39,
        49,
        *range(30, 38),
        *range(40, 48),
        *range(90, 98),
        *range(100, 108),
    }
)

_LETTERS, _BEHIND = 38, 48

# The first sixteen as xterm has them by default; every terminal has its own.
_SIXTEEN = (
    Rgb(0, 0, 0), Rgb(205, 0, 0), Rgb(0, 205, 0), Rgb(205, 205, 0),
    Rgb(0, 0, 238), Rgb(205, 0, 205), Rgb(0, 205, 205), Rgb(229, 229, 229),
    Rgb(127, 127, 127), Rgb(255, 0, 0), Rgb(0, 255, 0), Rgb(255, 255, 0),
    Rgb(92, 92, 255), Rgb(255, 0, 255), Rgb(0, 255, 255), Rgb(255, 255, 255),
)  # fmt: skip

#: Different sequences that are in use at the same time: those of a few drawings.
_KEPT = 4096


def adapt_colours(text: str, colours: Colours) -> str:
    """`text` with its colours brought down to what a terminal has, and without any other control sequence. The same object where
    there is nothing to do.
    """
    if text.isprintable():
        return text
    pieces = _SGR.split(text)
    if len(pieces) == 1 or not colours:
        return strip_controls(text)
    adapted = [strip_controls(pieces[0])]
    lit = False
    for parameters, words in zip(pieces[1::2], pieces[2::2], strict=True):
        sequence = _adapted(parameters, colours)
        adapted += [sequence, strip_controls(words)]
        lit = sequence != RESET if sequence else lit
    return "".join(adapted) + (RESET if lit else "")


@lru_cache(_KEPT)
def _adapted(parameters: str, colours: Colours) -> str:
    """One sequence for a terminal with so many colours; empty where nothing is left of it."""
    codes = list(_codes(parameters, colours))
    return f"\x1b[{';'.join(codes)}m" if codes else ""


def _codes(parameters: str, colours: Colours) -> Iterator[str]:
    fields = iter(parameters.split(";"))
    for field in fields:
        code, *rest = field.split(":")
        number = int(code or 0) if len(code) < 4 else -1
        if number == 0:
            yield "0"
        elif number in _EVERYWHERE:
            yield str(number)
        elif number in (_LETTERS, _BEHIND):
            colour = _colour(rest or _following(fields))
            if colour is not None:
                yield _shown(number, colour, colours)


def _following(fields: Iterator[str]) -> list[str]:
    """The fields that belong to a 38 or 48 where they are not joined to it by colons."""
    kind = next(fields, "")
    return [kind, *[next(fields, "") for _ in range({"5": 1, "2": 3}.get(kind, 0))]]


def _colour(fields: list[str]) -> int | Rgb | None:
    """An entry of the 256, or a colour of its own; None where the fields make no sense."""
    numbers = [int(field) if field.isdecimal() and len(field) < 4 else -1 for field in fields]
    match numbers:
        case [5, entry] if 0 <= entry <= 255:
            return entry
        # T.416 has the number of a colour space before the parts, which nobody fills in.
        case [2, red, green, blue] | [2, _, red, green, blue] if all(
            0 <= part <= 255 for part in (red, green, blue)
        ):
            return Rgb(red, green, blue)
    return None


def _shown(target: int, colour: int | Rgb, colours: Colours) -> str:
    if isinstance(colour, Rgb):
        if colours is Colours.TRUECOLOR:
            return f"{target};2;{colour.red};{colour.green};{colour.blue}"
        if colours is Colours.ANSI_256:
            return f"{target};5;{nearest_256(colour)}"
    elif colours is not Colours.ANSI_16:
        return f"{target};5;{colour}"
    entry = _nearest_16(colour)
    base = 30 if target == _LETTERS else 40
    return str(base + entry if entry < 8 else base + 60 + entry - 8)


def _nearest_16(colour: int | Rgb) -> int:
    if isinstance(colour, int):
        if colour < 16:
            return colour
        colour = PALETTE[colour - 16]
    wanted = colour
    return min(range(16), key=lambda entry: distance(_SIXTEEN[entry], wanted))

"""The world's style names as escape sequences (SGR, ECMA-48 section 8.3.117).

Each style has one colour for terminals that can show any, and one of the terminal's own sixteen for those
that cannot; 256-colour terminals get the nearest of theirs. The colours are chosen to have a contrast of 4.5
to 1 on black and on white alike (WCAG 2.1, 1.4.3), because nobody tells us which background a player has. No
style carries a fact that the words do not: without colours the text is complete. Pure.
"""

from __future__ import annotations

import attrs

from wyld_gateway.terminal.colours import Colours, Rgb, nearest_256

RESET = "\x1b[0m"


@attrs.frozen
class Style:
    """How one named style looks. `ansi` is 0 to 7: black, red, green, yellow, blue, magenta, cyan, white."""

    colour: Rgb | None = None
    ansi: int | None = None
    bold: bool = False


STYLES: dict[str, Style] = {
    "": Style(),
    "title": Style(Rgb(0x18, 0x70, 0xEC), ansi=4, bold=True),
    "exit": Style(Rgb(0x22, 0x87, 0x2A), ansi=2),
    "npc": Style(Rgb(0x99, 0x6E, 0x08), ansi=3),
    "player": Style(Rgb(0x91, 0x51, 0xEC), ansi=5),
    "item": Style(Rgb(0xC5, 0x39, 0xAE), ansi=5),
    "speech": Style(Rgb(0x10, 0x82, 0x8C), ansi=6),
    "channel": Style(Rgb(0xBE, 0x58, 0x0F), ansi=3),
    "warning": Style(Rgb(0xDA, 0x2B, 0x74), ansi=1, bold=True),
    "emphasis": Style(bold=True),
    "damage": Style(Rgb(0xE1, 0x2B, 0x2B), ansi=1),
}


def _opening(style: Style, colours: Colours) -> str:
    codes = ["1"] if style.bold and colours else []
    if style.colour and colours is Colours.TRUECOLOR:
        codes.append(f"38;2;{style.colour.red};{style.colour.green};{style.colour.blue}")
    elif style.colour and colours is Colours.ANSI_256:
        codes.append(f"38;5;{nearest_256(style.colour)}")
    elif style.ansi is not None and colours is Colours.ANSI_16:
        codes.append(f"3{style.ansi}")
    return f"\x1b[{';'.join(codes)}m" if codes else ""


_OPENINGS = {
    (name, colours): _opening(style, colours) for name, style in STYLES.items() for colours in Colours
}


def paint(text: str, style: str, colours: Colours) -> str:
    """`text` in a named style; as it is where the style is unknown or the terminal has no colours. Each line
    is complete in itself.
    """
    opening = _OPENINGS.get((style, colours))
    if not opening:
        return text
    return "\n".join([f"{opening}{line}{RESET}" if line else line for line in text.split("\n")])

"""Lines that fit a window, measured in the columns that a terminal needs for them (Unicode TR 11), not in
characters.

Lines are broken at spaces; a word that is longer than a line is cut, but never inside an escape sequence or a
grapheme. A style that is open at a break is closed before it and opened again behind it. Lines that fit are
left as they are, with all their spaces. Pure.
"""

from __future__ import annotations

import re
from functools import lru_cache

import wcwidth

#: Different window widths that are in use at the same time are few; the codec clamps them to some 500.
_WIDTHS_KEPT = 512


def wrap(text: str, width: int) -> str:
    """`text`, whose lines end in LF, with every line broken to at most `width` columns, of which there are at
    least one.

    A character wider than `width` stands alone on a line that is too long.
    """
    if len(text) <= width and text.isascii() and text.isprintable():
        return text
    return "\n".join([line if _fits(line, width) else _broken(line, width) for line in text.split("\n")])


def _fits(line: str, width: int) -> bool:
    if line.isascii() and line.isprintable():
        return len(line) <= width
    return wcwidth.width(line) <= width


def _broken(line: str, width: int) -> str:
    if line.isascii() and line.isprintable():
        # Most long lines, at a twentieth of the price.
        return "\n".join(
            [piece.rstrip(" ") for piece in _ascii_pieces(width).findall(line) if not piece.isspace()]
        )
    return "\n".join(wcwidth.wrap(line, width, break_on_hyphens=False, expand_tabs=True))


@lru_cache(_WIDTHS_KEPT)
def _ascii_pieces(width: int) -> re.Pattern[str]:
    return re.compile(rf".{{1,{width}}}(?= |$) *|.{{{width}}}")

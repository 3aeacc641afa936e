"""Text that players write, made safe to show to others, and the small grammar of what they read.

Pure. What a player writes reaches other people's terminals, screen readers and a database, so it must hold nothing that moves a
cursor, turns the direction of writing, or cannot be stored.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

LINE_LIMIT = 1_000
"""Characters of one command line: ten lines of a screen, more than anyone says in one breath."""

_KEPT_FORMATS = "\u200c\u200d"
"""The joiners of Persian, of Indian scripts and of emoji: the only invisible characters that ordinary text needs."""

_DROPPED = frozenset({"Cc", "Cf", "Cs", "Co"})
"""Control characters (ESC and all others of C0 and C1), invisible format characters (bidirectional overrides among them), halves of
surrogate pairs, which cannot be stored, and private use, which means something else to every reader."""


def clean(text: str) -> str:
    """`text` in one line, with every kind of blank as a space and without what no line of words needs."""
    if text.isprintable():
        return text
    kept = []
    for character in text:
        category = unicodedata.category(character)
        if category[0] == "Z" or character in "\t\n\r\v\f\x85":
            kept.append(" ")
        elif category not in _DROPPED or character in _KEPT_FORMATS:
            kept.append(character)
    return "".join(kept)


def capital(text: str) -> str:
    """`text` with a capital first letter, the rest untouched."""
    return text[:1].upper() + text[1:]


def listing(names: Iterable[str], last: str = "and") -> str:
    """ "a", "a and b", "a, b and c"; empty for no names."""
    *front, end = list(names) or [""]
    return f"{', '.join(front)} {last} {end}" if front else end


def definite(name: str) -> str:
    """ "the brass lantern" for "a brass lantern"; names without an article stay as they are."""
    article, _, rest = name.partition(" ")
    return f"the {rest}" if article in ("a", "an", "some") and rest else name


def counted(number: int, one: str, many: str) -> str:
    """ "1 person", "3 people"."""
    return f"{number:,} {one if number == 1 else many}"

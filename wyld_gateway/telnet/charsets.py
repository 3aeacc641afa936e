"""The character sets that the gateway speaks, by the names that clients give them (IANA's, and common
variants). Pure.

Single-byte sets and UTF-8 only: in all of them the bytes of CR, LF, NUL and the letters of ASCII mean what
telnet takes them for.
"""

from __future__ import annotations

_CODECS = {
    "UTF-8": "utf-8",
    "UTF8": "utf-8",
    "ISO-8859-1": "latin-1",
    "LATIN1": "latin-1",
    "LATIN-1": "latin-1",
    "ISO-8859-2": "iso8859-2",
    "ISO-8859-15": "iso8859-15",
    "WINDOWS-1250": "cp1250",
    "CP1250": "cp1250",
    "WINDOWS-1251": "cp1251",
    "CP1251": "cp1251",
    "WINDOWS-1252": "cp1252",
    "CP1252": "cp1252",
    "KOI8-R": "koi8-r",
    "IBM437": "cp437",
    "CP437": "cp437",
    "US-ASCII": "ascii",
    "ASCII": "ascii",
}

#: What we ask for, best first.
PREFERRED = ("UTF-8", "ISO-8859-1", "US-ASCII")


def codec_of(name: str) -> str | None:
    """The codec that Python knows for a character set, whose name is compared without case; None for one that
    we do not speak.
    """
    return _CODECS.get(name.strip().upper())


def name_of(codec: str) -> str:
    """The name by which people know a character set that we speak."""
    return next(name for name, known in _CODECS.items() if known == codec)

"""Text to the bytes of a telnet stream: line ends, character set, IAC doubling.

A function of the text and the encoding alone, so that a text for many players is encoded once. Pure.
"""

from __future__ import annotations

import codecs
import unicodedata

from wyld_gateway.telnet.constants import DOUBLED_IAC, IAC, Command

_SUBNEGOTIATION_END = bytes((Command.IAC, Command.SE))


#: What compatibility decomposition (Unicode chapter 3.7) does not bring down to ASCII.
_LOOK_ALIKES = {
    **dict.fromkeys("\u2018\u2019\u201a\u2032", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u2033\u00ab\u00bb", '"'),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2500\u2550", "-"),
    **dict.fromkeys("\u2502\u2551", "|"),
    **dict.fromkeys("\u250c\u2510\u2514\u2518\u251c\u2524\u252c\u2534\u253c", "+"),
    **dict.fromkeys("\u2022\u00b7", "*"),
    "\u00d7": "x",
    "\u00df": "ss",
    "\u00e6": "ae",
    "\u00f8": "o",
    "\u0153": "oe",
    "\u0142": "l",
    "\u20ac": "EUR",
}
_NEAREST = "wyld.nearest"


def _nearest(error: UnicodeError) -> tuple[str, int]:
    """What stands for the characters that an encoding lacks; the error handler of that name for `str.encode`."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_look_alike, error.object[error.start : error.end])), error.end


def _look_alike(character: str) -> str:
    known = _LOOK_ALIKES.get(character)
    if known is not None:
        return known
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode("ascii")
    return plain or "?"


codecs.register_error(_NEAREST, _nearest)


def encode_text(text: str, encoding: str = "utf-8") -> bytes:
    """Bytes for `text`, whose lines end in `\\n` (`\\r\\n` and a lone `\\r` are read as line ends too).

    Line ends become CR LF, a character that `encoding` lacks becomes the nearest that it has, in ASCII, or
    `?`, and a byte 255, which some single-byte encodings produce, is doubled. `encoding` is a codec name that Python knows. Nothing is
    appended.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    data = text.replace("\n", "\r\n").encode(encoding, _NEAREST)
    return escape(data)


def escape(data: bytes) -> bytes:
    """`data` with each byte 255 doubled (RFC 854)."""
    return data.replace(IAC, DOUBLED_IAC) if IAC in data else data


def subnegotiation(option: int, body: bytes) -> bytes:
    """The whole subnegotiation with `body`, which is escaped here (RFC 855)."""
    return bytes((Command.IAC, Command.SB, option)) + escape(body) + _SUBNEGOTIATION_END

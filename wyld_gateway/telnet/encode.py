"""Text to the bytes of a telnet stream: line ends, character set, IAC doubling.

A function of the text and the encoding alone, so that a text for many players is encoded once. Pure.
"""

from __future__ import annotations

from wyld_gateway.telnet.constants import DOUBLED_IAC, IAC, Command

_SUBNEGOTIATION_END = bytes((Command.IAC, Command.SE))


def encode_text(text: str, encoding: str = "utf-8") -> bytes:
    """Bytes for `text`, whose lines end in `\\n` (`\\r\\n` and a lone `\\r` are read as line ends too).

    Line ends become CR LF, a character that `encoding` lacks becomes `?`, and a byte 255, which some
    single-byte encodings produce, is doubled. `encoding` is a codec name that Python knows. Nothing is
    appended.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    data = text.replace("\n", "\r\n").encode(encoding, "replace")
    return escape(data)


def escape(data: bytes) -> bytes:
    """`data` with each byte 255 doubled (RFC 854)."""
    return data.replace(IAC, DOUBLED_IAC) if IAC in data else data


def subnegotiation(option: int, body: bytes) -> bytes:
    """The whole subnegotiation with `body`, which is escaped here (RFC 855)."""
    return bytes((Command.IAC, Command.SB, option)) + escape(body) + _SUBNEGOTIATION_END

"""Puts runs of text together into the lines that a player typed.

A line ends at CR LF, LF, CR NUL, CR alone or LF CR (RFC 854 knows the first and the third; clients send all
of them). The end counts as soon as its first byte is there, so that no line waits for the next read; the
second byte is then swallowed, whenever it comes. NUL is dropped wherever it stands: it is the second half of
a CR NUL or an old keepalive. Backspace and DEL come from clients in character mode and erase the character
before them, in the bytes of one UTF-8 character at a time. Runs are cut by one compiled pattern.

Text is decoded one line at a time: a line that is not valid in the connection's encoding is read as latin-1,
which has a character for every byte; the next line starts afresh. So no byte raises, and one odd client does
not spoil its later lines.

What is kept between reads is one line within the limit. Pure; never raises.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from wyld_gateway.telnet.events import Line, LineTooLong

#: What clients send that agreed on nothing.
DEFAULT_ENCODING = "utf-8"

_LINE_END = re.compile(rb"\r\n?|\n\r?")
_ERASE = re.compile(rb"[\x08\x7f]")
_SECOND_BYTE = {b"\r": b"\n", b"\n": b"\r"}


class LineAssembler:
    """The line being typed on one connection. Not for concurrent use."""

    __slots__ = ("_discarding", "_limit", "_pending", "_swallow", "encoding")

    def __init__(self, limit: int, encoding: str = DEFAULT_ENCODING) -> None:
        """`limit`: bytes of one line. `encoding`, a codec name that Python knows, may be set at any time and
        counts from the next line end.
        """
        self.encoding = encoding
        self._limit = limit
        self._pending = b""
        self._discarding = False
        self._swallow = b""

    def receive(self, run: bytes) -> list[Line | LineTooLong]:
        """Take the next text, IAC doubling undone; give the lines that it ends."""
        if b"\0" in run:
            run = run.replace(b"\0", b"")
        if self._swallow and run:
            run = run.removeprefix(self._swallow)
            self._swallow = b""
        if not run:
            return []
        *ended, rest = _LINE_END.split(run)
        events: list[Line | LineTooLong] = []
        if ended:
            ended[0] = self._pending + ended[0]
            self._pending = b""
            if self._discarding:
                self._discarding = False
                del ended[0]
            events = self._lines(ended) if ended else []
        if rest:
            events += self._keep(rest)
        else:
            self._swallow = _swallowed_after(run)
        return events

    def erase_line(self) -> None:
        """Carry out EL: forget what was typed since the last line end."""
        self._pending = b""

    def _keep(self, rest: bytes) -> Sequence[LineTooLong]:
        if self._discarding:
            return ()
        if len(self._pending) + len(rest) <= self._limit:
            self._pending += rest
            return ()
        self._pending = b""
        self._discarding = True
        return (LineTooLong(),)

    def _lines(self, raws: list[bytes]) -> list[Line | LineTooLong]:
        together = b"\n".join(raws)
        if len(together) <= self._limit and b"\x08" not in together and b"\x7f" not in together:
            # The usual case, at a third of the price of one line at a time.
            try:
                return [Line(text) for text in together.decode(self.encoding).split("\n")]
            except UnicodeDecodeError:
                pass
        return [self._line(raw) for raw in raws]

    def _line(self, raw: bytes) -> Line | LineTooLong:
        if len(raw) > self._limit:
            return LineTooLong()
        if _ERASE.search(raw):
            raw = _carry_out_erasures(raw)
        return Line(_decode(raw, self.encoding))


def _swallowed_after(run: bytes) -> bytes:
    """The byte that would belong to the line end with which `run` ends, if that line end is one byte so far."""
    line_ends = run[len(run.rstrip(b"\r\n")) :]
    last = _LINE_END.findall(line_ends)[-1]
    return _SECOND_BYTE.get(last, b"")


def _carry_out_erasures(raw: bytes) -> bytes:
    first, *others = _ERASE.split(raw)
    line = bytearray(first)
    for piece in others:
        while line and line[-1] & 0xC0 == 0x80:
            del line[-1]
        del line[-1:]
        line += piece
    return bytes(line)


def _decode(raw: bytes, encoding: str) -> str:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError:
        return raw.decode("latin-1")

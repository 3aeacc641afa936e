"""What the codec owes the peer: commands, negotiations and subnegotiations, in the order in which they were
decided, and the one place through which every byte for the peer goes: it is compressed here once that was agreed.
Pure.
"""

from __future__ import annotations

from wyld_gateway.telnet.compression import Compressor
from wyld_gateway.telnet.constants import Command
from wyld_gateway.telnet.encode import subnegotiation


class Outgoing:
    """One connection's buffer, shared by the connection and its options. Not for concurrent use."""

    __slots__ = ("_buffer", "_compressor", "_finished")

    def __init__(self) -> None:
        self._finished = b""
        self._buffer = bytearray()
        self._compressor: Compressor | None = None

    def __bool__(self) -> bool:
        """Whether anything waits."""
        return bool(self._buffer or self._finished)

    def write(self, data: bytes) -> None:
        """Add bytes that are telnet already."""
        self._buffer += data

    def say(self, word: Command, option: int) -> None:
        """Add WILL, WONT, DO or DONT and an option."""
        self._buffer += bytes((Command.IAC, word, option))

    def subnegotiate(self, option: int, body: bytes) -> None:
        """Add a subnegotiation with `body`, which is escaped here."""
        self._buffer += subnegotiation(option, body)

    def compress(self) -> None:
        """Compress everything from here on; what waits still goes as it is."""
        self._finished = self.take()
        self._compressor = Compressor()

    def end_compression(self) -> None:
        """Compress what waits, and nothing behind it. Without effect where nothing is compressed."""
        if self._compressor is not None:
            self._finished += self._compressor.end(bytes(self._buffer))
            self._buffer.clear()
            self._compressor = None

    def take(self, text: bytes = b"") -> bytes:
        """Everything that waits, which then waits no longer, and `text`, which is telnet already, behind it; as it goes on the
        wire.
        """
        if self._buffer:
            text = bytes(self._buffer) + text
            self._buffer.clear()
        if self._compressor is not None and text:
            text = self._compressor.batch(text)
        if self._finished:
            text = self._finished + text
            self._finished = b""
        return text

"""What the codec owes the peer: commands, negotiations and subnegotiations, in the order in which they were
decided. Pure.
"""

from __future__ import annotations

from wyld_gateway.telnet.constants import Command
from wyld_gateway.telnet.encode import subnegotiation


class Outgoing:
    """One connection's buffer, shared by the connection and its options. Not for concurrent use."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def __bool__(self) -> bool:
        """Whether anything waits."""
        return bool(self._buffer)

    def write(self, data: bytes) -> None:
        """Add bytes that are telnet already."""
        self._buffer += data

    def say(self, word: Command, option: int) -> None:
        """Add WILL, WONT, DO or DONT and an option."""
        self._buffer += bytes((Command.IAC, word, option))

    def subnegotiate(self, option: int, body: bytes) -> None:
        """Add a subnegotiation with `body`, which is escaped here."""
        self._buffer += subnegotiation(option, body)

    def take(self) -> bytes:
        """Everything that waits, which then waits no longer."""
        data = bytes(self._buffer)
        self._buffer.clear()
        return data

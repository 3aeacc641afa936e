"""How every telnet test feeds its bytes: in all ways of cutting them, because how they were cut must not
matter.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Iterable, Sequence

import attrs

from wyld_gateway.telnet import Command, Event, TelnetConnection

IAC, SB, SE = bytes([Command.IAC]), bytes([Command.SB]), bytes([Command.SE])
WILL, WONT, DO, DONT = (
    bytes([Command.IAC, word]) for word in (Command.WILL, Command.WONT, Command.DO, Command.DONT)
)

#: What a client is asked first of all.
BURST = (
    WONT + b"\x01"
    + b"".join([DO + bytes([option]) for option in (24, 31, 39)])
    + b"".join([WILL + bytes([option]) for option in (42, 25, 70, 201, 69, 86)])
)  # fmt: skip
#: The answer of a client that wants none of it.
REFUSAL = BURST.removeprefix(WONT + b"\x01").replace(DO, WONT).replace(WILL, DONT)


class Reader:
    """What a client makes of our bytes: it begins to inflate behind the start of a stream, and stops at its end.

    `plain` is everything it read, the starts included; `begun` counts them.
    """

    START = IAC + SB + b"\x56" + IAC + SE

    def __init__(self) -> None:
        self.plain = b""
        self.begun = 0
        self._inflate: zlib._Decompress | None = None

    @property
    def compressed(self) -> bool:
        return self._inflate is not None

    def read(self, data: bytes) -> Reader:
        while data:
            if self._inflate is not None:
                self.plain += self._inflate.decompress(data)
                data = self._inflate.unused_data
                if self._inflate.eof:
                    self._inflate = None
                continue
            before, start, data = data.partition(self.START)
            self.plain += before + start
            if start:
                self._inflate = zlib.decompressobj()
                self.begun += 1
        return self


@attrs.frozen
class Heard:
    """What a connection made of the bytes: its events, what it wants sent, uncompressed, and itself."""

    events: list[Event]
    sent: bytes
    connection: TelnetConnection


def feed(connection: TelnetConnection, pieces: Iterable[bytes]) -> Heard:
    """Feed `pieces` one after the other."""
    events: list[Event] = []
    reader = Reader()
    for piece in pieces:
        events += connection.receive_data(piece)
        reader.read(connection.data_to_send())
    return Heard(events, reader.plain, connection)


def feed_all_ways(make: Callable[[], TelnetConnection], data: bytes) -> Heard:
    """Feed `data` whole, byte by byte and at random cuts, each to a connection of its own; what is heard must
    be the same.
    """
    heard = feed(make(), [data])
    for pieces in ([data[at : at + 1] for at in range(len(data))], *(_cut(data, seed) for seed in range(4))):
        other = feed(make(), pieces)
        assert other.events == heard.events, pieces
        assert other.sent == heard.sent, pieces
    return heard


def started() -> TelnetConnection:
    """A connection whose opening burst has been sent."""
    connection = TelnetConnection()
    connection.start()
    connection.data_to_send()
    return connection


def subnegotiation(option: int, body: bytes) -> bytes:
    """`body` framed and escaped as a client would."""
    return IAC + SB + bytes([option]) + body.replace(IAC, IAC + IAC) + IAC + SE


def _cut(data: bytes, seed: int) -> Sequence[bytes]:
    dice = random.Random(seed)
    pieces = []
    at = 0
    while at < len(data):
        size = dice.randint(1, 9)
        pieces.append(data[at : at + size])
        at += size
    return pieces

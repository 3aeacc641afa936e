"""Hostile bytes against the telnet codec.

The invariant, whatever bytes come and however they are cut: nothing is raised; the same bytes mean the same; answers are bounded by what
was sent; what is kept is bounded by the limits; and what the codec sends can be read, compressed or not.

    python fuzz/fuzz_telnet.py [options of libFuzzer] [folder of inputs]

needs atheris, which `just fuzz` brings; the test suite calls `check` with inputs of its own making.
"""

from __future__ import annotations

import sys
import zlib

if __name__ == "__main__":
    import atheris

    # What is imported here, atheris watches.
    with atheris.instrument_imports(include=["wyld_gateway.telnet"]):
        from wyld_gateway.telnet import Event, Limits, TelnetConnection
else:
    from wyld_gateway.telnet import Event, Limits, TelnetConnection

ANSWERS_FOR_A_BYTE = 20
ANSWERS = 8192
"""Bytes that may be sent for each received one, and beside that: a STATUS lists every option, an agreement brings questions."""

COMPRESSION_STARTS = bytes([255, 250, 86, 255, 240])
# Where a bomb is noticed depends on how it was cut; nothing else does.
ANY_RATIO = Limits(line=256, subnegotiation=256, inflation=1_000_000)
STRICT = Limits(line=256, subnegotiation=256, inflation=2)
MAX_INPUT = 2048


def check(data: bytes) -> None:
    """Raise if the invariant does not hold for `data`, of which `MAX_INPUT` bytes are looked at."""
    data = data[:MAX_INPUT]
    whole, sent_for_whole = heard([data], ANY_RATIO)
    bytewise, sent_bytewise = heard([data[at : at + 1] for at in range(len(data))], ANY_RATIO)
    assert whole == bytewise, "events depend on how the bytes were cut"
    assert sent_for_whole == sent_bytewise, "answers depend on how the bytes were cut"
    heard([data[at : at + 97] for at in range(0, len(data), 97)], STRICT)


def heard(pieces: list[bytes], limits: Limits) -> tuple[list[Event], bytes]:
    """The events and, uncompressed, the answers of one connection."""
    connection = TelnetConnection(limits)
    connection.start()
    client = Client()
    client.read(connection.data_to_send())
    events: list[Event] = []
    received = 0
    for piece in pieces:
        events += connection.receive_data(piece)
        client.read(connection.data_to_send(b"x"))
        received += len(piece)
    assert len(client.plain) <= ANSWERS + ANSWERS_FOR_A_BYTE * received + len(pieces), "too many answers"
    client.read(connection.data_to_send())
    connection.end_compression()
    client.read(connection.data_to_send())
    assert client.inflate is None, "the compressed stream has no end"
    connection.set_echo(False)
    assert connection.prompt_mark in (b"", b"\xff\xf9", b"\xff\xef")
    return events, client.plain.replace(b"x", b"")


class Client:
    """Reads what the codec sends."""

    def __init__(self) -> None:
        self.plain = b""
        self.inflate: zlib._Decompress | None = None

    def read(self, data: bytes) -> None:
        while data:
            if self.inflate is not None:
                self.plain += self.inflate.decompress(data)
                data = self.inflate.unused_data
                self.inflate = None if self.inflate.eof else self.inflate
                continue
            before, start, data = data.partition(COMPRESSION_STARTS)
            self.plain += before + start
            self.inflate = zlib.decompressobj() if start else None


if __name__ == "__main__":
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()

"""How fast telnet is read and written, beside telnetlib3 on the same bytes in the same run.

    python benchmarks/bench_telnet.py [--write]

Three things are measured: *parsing*, from the bytes of a socket to the bytes that are text, with everything of telnet's own taken out
(telnetlib3 acts on that at once, our parser leaves it to its caller); *reading*, the same, acting on telnet's own, and then lines of
decoded text; *writing*, from a text to the bytes for the socket. Each number is the best of `ROUNDS`. `--write` puts the table into
docs/performance.md.
"""

from __future__ import annotations

import asyncio
import platform
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import attrs
import telnetlib3

from wyld_gateway.telnet import Limits, TelnetConnection, encode_text
from wyld_gateway.telnet.parser import TelnetParser

ROUNDS = 5
READ_SIZE = 4096
DOCUMENT = Path(__file__).parent.parent / "docs" / "performance.md"
BEGIN, END = "<!-- telnet: begin -->", "<!-- telnet: end -->"

LINES = [
    "look",
    "get the brass lantern from the second chest",
    "say I would not go down there without a light if I were you, and not with one either",
    "n",
    "tell ann meet me at the harbour when the tide turns",
]
TYPED = "".join(f"{line}\r\n" for line in LINES * 400).encode()
ACCENTED = TYPED.replace(b"e", "é".encode())
WILL_WINDOW_SIZE = bytes([255, 251, 31])
WINDOW_SIZE = bytes([255, 250, 31, 0, 100, 0, 40, 255, 240])
RESIZED = b"".join(line + b"\r\n" + WINDOW_SIZE for line in TYPED.split(b"\r\n"))
OUTPUT = "The lane bends between tarred sheds, and the wind brings the smell of rope and rain.\n" * 10


@attrs.frozen
class Case:
    name: str
    pieces: Sequence[bytes]
    lines: int


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


CASES = [
    Case("plain text, reads of 4 KiB", cut(TYPED, READ_SIZE), TYPED.count(b"\n")),
    Case("plain text, one line a read", TYPED.splitlines(keepends=True), TYPED.count(b"\n")),
    Case("UTF-8 beyond ASCII, reads of 4 KiB", cut(ACCENTED, READ_SIZE), ACCENTED.count(b"\n")),
    Case("a window size after each line, reads of 4 KiB", cut(RESIZED, READ_SIZE), RESIZED.count(b"\n")),
]


class Nowhere(asyncio.Transport):
    """A transport that is never full and leads nowhere."""

    def write(self, data: bytes) -> None: ...
    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    def close(self) -> None: ...


async def seconds(work: Callable[[], Awaitable[None]]) -> float:
    """The best of a few rounds of work that never really waits."""
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.perf_counter()
        await work()
        best = min(best, time.perf_counter() - began)
    return best


async def our_parsing(case: Case) -> float:
    parser = TelnetParser(Limits().subnegotiation_body)

    async def parse() -> None:
        for piece in case.pieces:
            parser.receive(piece)
            while parser.next_token() is not None:
                pass

    return await seconds(parse)


async def our_reading(case: Case) -> float:
    connection = TelnetConnection()
    connection.start()
    connection.receive_data(WILL_WINDOW_SIZE)
    connection.data_to_send()

    async def read() -> None:
        for piece in case.pieces:
            connection.receive_data(piece)

    return await seconds(read)


@contextmanager
def their_server() -> Iterator[Any]:
    server = telnetlib3.TelnetServer(encoding="utf8", force_binary=True, connect_maxwait=0.0)
    server.connection_made(Nowhere())
    server.data_received(WILL_WINDOW_SIZE)
    yield server
    server.connection_lost(None)


async def their_parsing(case: Case) -> float:
    with their_server() as server:
        buffer = server.reader._buffer

        async def parse() -> None:
            for piece in case.pieces:
                server.data_received(piece)
                buffer.clear()  # what whoever takes the text would do, for nothing

        return await seconds(parse)


async def their_reading(case: Case) -> float:
    with their_server() as server:

        async def read() -> None:
            waiting = 0
            for piece in case.pieces:
                server.data_received(piece)
                waiting += piece.count(b"\n")
                while waiting:
                    await server.reader.readline()
                    waiting -= 1

        return await seconds(read)


async def our_writing() -> float:
    async def write() -> None:
        for _ in range(1000):
            encode_text(OUTPUT)

    return await seconds(write)


async def their_writing() -> float:
    with their_server() as server:

        async def write() -> None:
            for _ in range(1000):
                server.writer.write(OUTPUT)

        return await seconds(write)


async def table() -> str:
    rows = [f"| | Wyld | telnetlib3 {version('telnetlib3')} | times |", "|---|---|---|---|"]
    for verb, ours, theirs in (("parse", our_parsing, their_parsing), ("read", our_reading, their_reading)):
        for case in CASES:
            size = sum(map(len, case.pieces))
            rows.append(_row(f"{verb} {case.name}", size, case.lines, await ours(case), await theirs(case)))
    size, lines = len(OUTPUT) * 1000, OUTPUT.count("\n") * 1000
    rows.append(_row("write plain text", size, lines, await our_writing(), await their_writing()))
    return "\n".join(rows)


def _row(name: str, size: int, lines: int, ours: float, theirs: float) -> str:
    def speed(time_: float) -> str:
        return f"{size / 1e6 / time_:,.1f} MB/s, {lines / time_:,.0f} lines/s"

    return f"| {name} | {speed(ours)} | {speed(theirs)} | {theirs / ours:.1f} |"


async def main() -> None:
    """In a running asyncio loop, because telnetlib3 asks for one."""
    # Its timers still look for the connections that have ended.
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    result = await table()
    print(result)
    if "--write" in sys.argv[1:]:
        machine = f"{platform.python_implementation()} {platform.python_version()}, {platform.machine()}, {platform.system()}"
        text = DOCUMENT.read_text("utf-8")
        before, _, rest = text.partition(BEGIN)
        _, _, behind = rest.partition(END)
        DOCUMENT.write_text(f"{before}{BEGIN}\n{result}\n\n{machine}.\n{END}{behind}", "utf-8")


if __name__ == "__main__":
    asyncio.run(main())

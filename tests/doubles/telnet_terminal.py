"""A telnet client on a stream in memory, for tests of the whole gateway: it sends the bytes that it is told to, and shows what comes.

It shares no parser with the product. Telnet commands are kept in `raw`; `sees` looks at the text without them.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio
import trio.testing

from doubles.running_gateway import RunningGateway
from wyld_gateway.connection import serve_connection
from wyld_gateway.telnet.adapter import TelnetAdapter

PATIENCE = 30 * 60.0
"""Seconds of virtual time: longer than anything takes."""

_COMMAND = re.compile(rb"\xff(?:\xfa.*?\xff\xf0|[\xfb-\xfe].|[^\xfa-\xff])", re.DOTALL)
_COMPRESSION_STARTS = b"\xff\xfa\x56\xff\xf0"


class TelnetTerminal:
    """Attributes:
    raw: Everything that came, with compression undone.
    on_the_wire: How many bytes came.
    """

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.stream = stream
        self.raw = b""
        self.on_the_wire = 0
        self.closed = False
        self._read = 0
        self._inflate: zlib._Decompress | None = None
        self._news = trio.lowlevel.ParkingLot()

    @property
    def text(self) -> str:
        return _COMMAND.sub(b"", self.raw).decode(errors="replace")

    @property
    def compressed(self) -> bool:
        """Whether a compressed stream has begun and not ended."""
        return self._inflate is not None

    async def send(self, data: bytes) -> None:
        await self.stream.send_all(data)

    async def type(self, *lines: str) -> None:
        """Send lines in one packet."""
        await self.send("".join(f"{line}\r\n" for line in lines).encode())

    async def sees(self, text: str) -> str:
        """Wait for `text` behind everything that was seen before; what stood in between counts as seen and is returned."""
        with trio.move_on_after(PATIENCE):
            while (found := self.text.find(text, self._read)) < 0 and not self.closed:
                await self._news.park()
            if found >= 0:
                between, self._read = self.text[self._read : found], found + len(text)
                return between
        raise AssertionError(f"no {text!r} in:\n{self.text[self._read :]}")

    async def more(self) -> None:
        """Wait until anything comes."""
        await self._news.park()

    async def gone(self) -> None:
        with trio.fail_after(PATIENCE):
            while not self.closed:
                await self._news.park()

    async def run(self) -> None:
        try:
            async for chunk in self.stream:
                self.on_the_wire += len(chunk)
                self._take(bytes(chunk))
                self._news.unpark_all()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        self.closed = True
        self._news.unpark_all()
        await trio.aclose_forcefully(self.stream)

    def _take(self, data: bytes) -> None:
        while data:
            if self._inflate is not None:
                self.raw += self._inflate.decompress(data)
                data = self._inflate.unused_data
                if self._inflate.eof:
                    self._inflate = None
                continue
            before = len(self.raw)
            self.raw += data
            start = self.raw.find(_COMPRESSION_STARTS, max(0, before - len(_COMPRESSION_STARTS) + 1))
            if start < 0:
                return
            end = start + len(_COMPRESSION_STARTS)
            data, self.raw = self.raw[end:], self.raw[:end]
            self._inflate = zlib.decompressobj()


@asynccontextmanager
async def telnet_terminal(running: RunningGateway, hello: bytes = b"") -> AsyncIterator[TelnetTerminal]:
    """A terminal that has just connected and sent `hello`; leaving the block cuts the connection."""
    ours, theirs = trio.testing.memory_stream_pair()
    terminal = TelnetTerminal(theirs)
    await terminal.send(hello)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(
            serve_connection,
            running.gateway,
            TelnetAdapter(ours, "192.0.2.7:53124", listing=running.gateway.listing),
        )
        nursery.start_soon(terminal.run)
        yield terminal
        await trio.aclose_forcefully(theirs)

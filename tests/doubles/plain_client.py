"""A client that speaks plain lines: a `ProtocolAdapter` without a protocol, with its transport in the test's hands.

What the gateway sends is text; each line of an output ends with a newline, a prompt stands in `<...>` behind everything, echo is
`{echo off}` and `{echo on}`. With `numbers` it numbers its lines as wyld.v1 does, and shows `{attached 1}`, `{ack 3}`, `{detached}`.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Hashable, Sequence

import trio

from wyld_gateway.adapter import (
    ClientMetadata,
    DisconnectedMessage,
    Incoming,
    NegotiationMessage,
    Protocol,
    ProtocolAdapter,
    TextMessage,
)
from wyld_gateway.close import Close
from wyld_gateway.errors import HandshakeFailed, TransportBroken
from wyld_rpc.messages import EntityStateUpdate, GameOutput

PATIENCE = 30 * 60.0
"""Seconds of virtual time: longer than anything takes."""

_ports = itertools.count(50_000)


class PlainClient(ProtocolAdapter):
    """Attributes:
    room: Bytes that the kernel would still take; None means that there is always room. Raise it with `make_room`.
    system_calls: How often bytes were given to the kernel at once.
    waiting_writes: How often a writer wrote.
    rendered: How many outputs were rendered.
    closed: Why the gateway closed the transport; None while it has not.
    """

    def __init__(self, *, numbers: bool = False, kind: str = "plain", screen_reader: bool = False) -> None:
        self.protocol = Protocol.WEBSOCKET if numbers else Protocol.TELNET  # type: ignore[misc]
        self.peer = f"192.0.2.7:{next(_ports)}"
        self.kind = kind
        self.screen_reader = screen_reader
        self.room: int | None = None
        self.system_calls = 0
        self.waiting_writes = 0
        self.rendered = 0
        self.refuses = False
        self.answers_pings = True
        self.broken = False
        self.closed: Close | None = None
        self.text = ""
        self.epoch = b""
        self._read = 0
        self._numbers = numbers
        self._next_number: int | None = None
        self._incoming: deque[Incoming] = deque()
        self._news = trio.lowlevel.ParkingLot()
        self._arrived = trio.lowlevel.ParkingLot()
        self._room_came = trio.lowlevel.ParkingLot()

    # -- The test's side -----------------------------------------------------------------------------------------

    def type(self, *lines: str) -> None:
        """Send lines in one packet."""
        for line in lines:
            number = self._next_number
            if number is not None:
                self._next_number = number + 1
            self._incoming.append(TextMessage(line, number))
        self._arrived.unpark_all()

    def send(self, *messages: Incoming) -> None:
        self._incoming.extend(messages)
        self._arrived.unpark_all()

    def hang_up(self, close: Close = Close.EOF) -> None:
        self.send(DisconnectedMessage(close))

    def learn(self, *, screen_reader: bool) -> None:
        self.screen_reader = screen_reader
        self.send(NegotiationMessage())

    def make_room(self, size: int | None) -> None:
        self.room = size
        self._room_came.unpark_all()

    async def sees(self, text: str) -> str:
        """Wait for `text` behind everything that was seen before; what stood in between counts as seen and is returned."""
        with trio.move_on_after(PATIENCE):
            while (found := self.text.find(text, self._read)) < 0:
                await self._news.park()
            between, self._read = self.text[self._read : found], found + len(text)
            return between
        raise AssertionError(f"no {text!r} in:\n{self.text[self._read :]}")

    async def gone(self) -> Close:
        """Wait until the gateway has closed the transport."""
        with trio.move_on_after(PATIENCE):
            while self.closed is None:
                await self._news.park()
            return self.closed
        raise AssertionError(f"still connected after:\n{self.text}")

    def _show(self, data: bytes) -> None:
        text = data.decode()
        self.text += text
        for mark in text.split("{attached ")[1:]:
            self._next_number = int(mark.partition("}")[0])
        if "{detached}" in text:
            self._next_number = None
        if "{ping}" in text and self.answers_pings:
            self.send(NegotiationMessage())
        self._news.unpark_all()

    # -- The gateway's side --------------------------------------------------------------------------------------

    @property
    def metadata(self) -> ClientMetadata:
        return ClientMetadata(client_name="plain", screen_reader=self.screen_reader)

    @property
    def rendering_key(self) -> Hashable:
        return self.kind

    async def open(self) -> None:
        await trio.lowlevel.checkpoint()
        if self.refuses:
            raise HandshakeFailed("This is no client.")

    async def receive(self) -> Sequence[Incoming]:
        await trio.lowlevel.checkpoint()
        while not self._incoming:
            await self._arrived.park()
        messages = list(self._incoming)
        self._incoming.clear()
        return messages

    def render(self, output: GameOutput) -> bytes:
        self.rendered += 1
        return f"{getattr(output, 'text', output)}\n".encode()

    def numbered(self, rendered: bytes, number: int) -> bytes:
        return f"{number}:".encode() + rendered if self._numbers else rendered

    def encode_state(self, update: EntityStateUpdate) -> bytes:
        return f"{{{update.kind.value}}}".encode()

    def encode_notice(self, text: str) -> bytes:
        return f"{text}\n".encode()

    def encode_echo(self, on: bool) -> bytes:
        return b"{echo on}" if on else b"{echo off}"

    def encode_attached(self, epoch: bytes, next_number: int) -> bytes:
        self.epoch = epoch
        return f"{{attached {next_number}}}".encode() if self._numbers else b""

    def encode_detached(self) -> bytes:
        return b"{detached}" if self._numbers else b""

    def encode_ping(self) -> bytes:
        return b"{ping}" if self._numbers else b""

    def encode_ack(self, number: int) -> bytes:
        return f"{{ack {number}}}".encode() if self._numbers else b""

    def encode_bye(self, close: Close, text: str) -> bytes:
        return f"{text}{{bye {close.value}}}\n".encode()

    def compose(self, parts: Sequence[bytes], prompt: str | None, *, prompt_changed: bool) -> bytes:
        return b"".join(parts) + (f"<{prompt}>".encode() if prompt and prompt_changed else b"")

    def send_now(self, data: bytes) -> int:
        self.system_calls += 1
        taken = self._take(data)
        self._show(data[:taken])
        return taken

    async def send_all(self, data: bytes) -> None:
        self.waiting_writes += 1
        await trio.lowlevel.checkpoint()
        while data:
            if self.broken:
                raise TransportBroken("broken")
            taken = self._take(data)
            self._show(data[:taken])
            data = data[taken:]
            if data:
                await self._room_came.park()

    def _take(self, data: bytes) -> int:
        if self.broken:
            return 0
        if self.room is None:
            return len(data)
        taken = min(self.room, len(data))
        self.room -= taken
        return taken

    def break_transport(self) -> None:
        self.broken = True
        self._room_came.unpark_all()

    async def aclose(self, close: Close) -> None:
        self.closed = close
        self._news.unpark_all()
        await trio.lowlevel.checkpoint()

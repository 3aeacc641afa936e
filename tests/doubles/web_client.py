"""The other end of the web front for tests: raw HTTP, and raw WebSocket frames as RFC 6455, 5.2 spells them.

It shares no code with the product, so that both cannot be wrong in the same way, and it can say everything that a well-behaved library
refuses to say.
"""

from __future__ import annotations

import json
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import attrs
import trio
import trio.testing

from wyld_gateway.adapter import ProtocolAdapter
from wyld_gateway.websocket.front import serve_http
from wyld_gateway.websocket.pages import Page
from wyld_service.metrics import Health

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10

PAGES: Final = {
    "/": Page("text/html; charset=utf-8", b"<!doctype html><title>A page</title>", '"1234"'),
    "/app.js": Page("text/javascript; charset=utf-8", b"export {};", '"5678"'),
}

UPGRADE: Final[Mapping[str, str]] = {
    "Host": "play.example.org",
    "Connection": "keep-alive, Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Protocol": "wyld.v1",
}

HELLO: Final = {
    "t": "hello",
    "v": 1,
    "client": {"name": "test", "ver": "1"},
    "caps": {"width": 80, "height": 24},
}


def request(target: str, headers: Mapping[str, str] | None = None, method: str = "GET") -> bytes:
    fields = {"Host": "play.example.org", **(headers or {})}
    return "\r\n".join(
        [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    ).encode()


def upgrade(**changes: str | None) -> bytes:
    """The request for a WebSocket; a header is changed as `origin="..."`, or left out as `sec_websocket_key=None`."""
    headers: dict[str, str] = dict(UPGRADE)
    for name, value in changes.items():
        spelled = "-".join(part.capitalize() for part in name.split("_")).replace("Websocket", "WebSocket")
        headers.pop(spelled, None)
        if value is not None:
            headers[spelled] = value
    return request("/ws", headers)


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, masked: bool = True) -> bytes:
    length = len(payload)
    mask = 0x80 if masked else 0
    head = bytes([opcode | (0x80 if fin else 0)])
    if length < 126:
        head += bytes([mask | length])
    elif length < 65536:
        head += bytes([mask | 126]) + struct.pack("!H", length)
    else:
        head += bytes([mask | 127]) + struct.pack("!Q", length)
    if not masked:
        return head + payload
    key = b"\x11\x22\x33\x44"
    return head + key + bytes(byte ^ key[i % 4] for i, byte in enumerate(payload))


def said(message: Any) -> bytes:
    """A message as one text frame."""
    return frame(TEXT, json.dumps(message).encode())


@attrs.frozen
class Response:
    status: int
    headers: dict[str, str]
    body: bytes


@attrs.define(eq=False)
class WebClient:
    """Reads what the front sends; whatever has arrived and was not asked for yet is in `buffer`."""

    stream: trio.abc.Stream
    buffer: bytes = b""

    async def send(self, data: bytes) -> None:
        await self.stream.send_all(data)

    async def _exactly(self, count: int) -> bytes:
        while len(self.buffer) < count:
            chunk = await self.stream.receive_some()
            if not chunk:
                raise EOFError
            self.buffer += chunk
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    async def response(self, *, head_only: bool = False) -> Response:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += await self._exactly(1)
        first, *fields = head.decode().strip().split("\r\n")
        headers = {
            name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)
        }
        length = 0 if head_only else int(headers.get("content-length", "0"))
        return Response(int(first.split()[1]), headers, await self._exactly(length))

    async def frame(self) -> tuple[int, bytes]:
        first, length = await self._exactly(2)
        assert first & 0x70 == 0
        if length == 126:
            (length,) = struct.unpack("!H", await self._exactly(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", await self._exactly(8))
        return first & 0x0F, await self._exactly(length)

    async def messages(self) -> list[dict[str, Any]]:
        """The messages of the next frame, which must be text."""
        opcode, payload = await self.frame()
        assert opcode == TEXT, (opcode, payload)
        return [json.loads(line) for line in payload.decode().split("\n")]

    async def close_frame(self) -> tuple[int, str]:
        """Code and reason of the next close frame; what comes before it does not count."""
        while True:
            opcode, payload = await self.frame()
            if opcode == CLOSE:
                return int.from_bytes(payload[:2]), payload[2:].decode()

    async def ended(self) -> bool:
        """Whether the other end is closed once everything is read."""
        try:
            while await self.stream.receive_some():
                pass
        except trio.BrokenResourceError:
            pass
        return True

    async def join(self) -> None:
        """From nothing to having been welcomed."""
        await self.send(upgrade())
        await self.say_hello()

    async def say_hello(self) -> None:
        assert (await self.response()).status == 101
        await self.send(said(HELLO))
        assert [message["t"] for message in await self.messages()] == ["welcome"]


async def refuse_players(adapter: ProtocolAdapter) -> None:
    raise AssertionError("nobody should have got this far")


@asynccontextmanager
async def web_client(
    on_connection: Callable[[ProtocolAdapter], Awaitable[None]] = refuse_players,
    *,
    health: Health | None = None,
    origins: tuple[str, ...] = (),
    unbuffered: bool = False,
) -> AsyncIterator[WebClient]:
    """A client whose other end is served by the front; leaving the block cuts it and waits until the front has returned.

    `unbuffered` lets what the server sends wait until the client reads it.
    """
    to_server, from_client = trio.testing.memory_stream_one_way_pair()
    to_client, from_server = (
        trio.testing.lockstep_stream_one_way_pair()
        if unbuffered
        else trio.testing.memory_stream_one_way_pair()
    )
    client = trio.StapledStream(to_server, from_server)
    server = trio.StapledStream(to_client, from_client)
    async with trio.open_nursery() as nursery:

        async def serve() -> None:
            await serve_http(
                server,
                peer="192.0.2.7:5555",
                pages=PAGES,
                health=health or Health(),
                on_connection=on_connection,
                origins=origins,
            )

        nursery.start_soon(serve)
        yield WebClient(client)
        await trio.aclose_forcefully(client)

"""Two players for process tests: one on a telnet socket, one on a WebSocket, with the same few verbs.

They are deliberately not built on our own codecs: a test that shares the server's parser shares its mistakes.
"""

from __future__ import annotations

import abc
import contextlib
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import trio
import trio_websocket

PATIENCE = 20.0
"""Seconds that a line may take on a busy machine before a test gives up on it."""

ECHO, GMCP = 1, 201


class Player(abc.ABC):
    """Types lines and waits for text. What has been matched once is not matched again."""

    def __init__(self) -> None:
        self.seen = ""
        self._read = 0
        self._news = trio.Event()

    @abc.abstractmethod
    async def type(self, line: str) -> None: ...

    def _take(self, text: str) -> None:
        self.seen += text
        self._news.set()
        self._news = trio.Event()

    async def sees(self, pattern: str) -> re.Match[str]:
        """The next match of a regular expression in what arrives; everything before it counts as read."""
        with trio.move_on_after(PATIENCE):
            while True:
                match = re.compile(pattern).search(self.seen, self._read)
                if match:
                    self._read = match.end()
                    return match
                await self._news.wait()
        raise AssertionError(f"no {pattern!r} in:\n{self.seen[self._read :]}")

    def unread(self) -> str:
        return self.seen[self._read :]


class TelnetPlayer(Player):
    """A plain terminal that agrees to hide passwords and to nothing else: the least that a client can be.

    With `gmcp` it also takes data for scripts, and keeps the names of the messages that came.
    """

    def __init__(self, stream: trio.SocketStream, *, gmcp: bool) -> None:
        super().__init__()
        self.stream = stream
        self.gmcp = gmcp
        self.gmcp_messages: list[str] = []
        self.echo = True
        self.closed = trio.Event()
        # Answers to negotiation and typed lines come from two tasks.
        self._sending = trio.Lock()

    async def type(self, line: str) -> None:
        await self._send(line.encode() + b"\r\n")

    async def _send(self, data: bytes) -> None:
        async with self._sending:
            await self.stream.send_all(data)

    async def run(self) -> None:
        raw = b""
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            async for chunk in self.stream:
                raw = await self._answer(raw + chunk)
        self.closed.set()
        self._news.set()

    async def _answer(self, raw: bytes) -> bytes:
        """Show the text, refuse the options, return what is still incomplete."""
        text = bytearray()
        while raw:
            at = raw.find(b"\xff")
            if at < 0:
                text += raw
                raw = b""
            elif at > 0:
                text += raw[:at]
                raw = raw[at:]
            elif len(raw) < 2:
                break
            elif raw[1] in (251, 252, 253, 254):
                if len(raw) < 3:
                    break
                await self._negotiate(raw[1], raw[2])
                raw = raw[3:]
            elif raw[1] == 250:
                end = raw.find(b"\xff\xf0")
                if end < 0:
                    break
                if raw[2] == GMCP:
                    self.gmcp_messages.append(raw[3:end].decode().partition(" ")[0])
                raw = raw[end + 2 :]
            else:
                raw = raw[2:]
        self._take(re.sub(r"\x1b\[[0-9;]*m", "", text.decode()).replace("\r\n", "\n"))
        return raw

    async def _negotiate(self, verb: int, option: int) -> None:
        will, wont, do, dont = 251, 252, 253, 254
        if option == ECHO:
            self.echo = verb != will
        wanted = option == ECHO or (option == GMCP and self.gmcp)
        answer = {will: do if wanted else dont, wont: dont, do: wont, dont: wont}[verb]
        if verb in (will, do) or wanted:
            await self._send(bytes([255, answer, option]))
        if verb == will and option == GMCP and self.gmcp:
            supports = b'Core.Supports.Set ["Char 1", "Char.Items 1", "Room 1", "Comm.Channel 1"]'
            await self._send(bytes([255, 250, GMCP]) + supports + bytes([255, 240]))


class WebPlayer(Player):
    """Speaks wyld.v1 and keeps the messages beside the text, so that both can be asserted."""

    def __init__(self, socket: trio_websocket.WebSocketConnection) -> None:
        super().__init__()
        self.socket = socket
        self.messages: list[dict[str, Any]] = []
        self.next_number: int | None = None

    async def type(self, line: str) -> None:
        if self.next_number is None:
            await self._send({"t": "line", "text": line})
        else:
            await self._send({"t": "cmd", "n": self.next_number, "text": line})
            self.next_number += 1

    async def _send(self, message: dict[str, Any]) -> None:
        await self.socket.send_message(json.dumps(message))

    async def greet(self) -> None:
        await self._send({"t": "hello", "v": 1, "client": {"name": "test", "ver": "1"}, "caps": {}})

    async def run(self) -> None:
        with contextlib.suppress(trio_websocket.ConnectionClosed):
            while True:
                for line in (await self.socket.get_message()).split("\n"):
                    self._hear(json.loads(line))

    def _hear(self, message: dict[str, Any]) -> None:
        self.messages.append(message)
        kind = message["t"]
        if kind == "attached":
            self.next_number = message["next"]
        # Whatever else a message holds, its strings in order are what a reader would see.
        if kind in ("out", "notice", "prompt", "bye"):
            self._take("\n".join(_strings(message.get("d", message.get("text", "")))) + "\n")
        else:
            self._take("")

    def outputs(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["t"] == "out" and message["k"] == kind]

    def states(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["t"] == "state" and message["k"] == kind]


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [text for item in value for text in _strings(item)]
    return []


@contextlib.asynccontextmanager
async def telnet_player(host: str, port: int, *, gmcp: bool = False) -> AsyncIterator[TelnetPlayer]:
    """Connected until the block ends; then the socket is closed without a word, as a lost line would be."""
    async with trio.open_nursery() as nursery, await trio.open_tcp_stream(host, port) as stream:
        player = TelnetPlayer(stream, gmcp=gmcp)
        nursery.start_soon(player.run)
        yield player
        nursery.cancel_scope.cancel()


@contextlib.asynccontextmanager
async def web_player(host: str, port: int) -> AsyncIterator[WebPlayer]:
    """Connected until the block ends; then closed without a word."""
    async with trio.open_nursery() as nursery:
        stream = await trio.open_tcp_stream(host, port)
        async with stream:
            # Not the library's own context managers: they swallow what the block raises, a failed assertion too.
            socket = await trio_websocket.wrap_client_stream(
                nursery, stream, f"{host}:{port}", "/ws", subprotocols=["wyld.v1"]
            )
            player = WebPlayer(socket)
            await player.greet()
            nursery.start_soon(player.run)
            yield player
            nursery.cancel_scope.cancel()

"""trio-websocket with what a game needs beside it.

The library reads frames, answers pings and shakes hands at the end. `EventSocket` changes three things of it, all in how its reader
handles what arrives:

- **Nothing blocks the reader.** Messages are parsed as they arrive and wait as events, at most `MAX_WAITING` of them; the client that
  sends more than the game takes is refused (`refusal`), and whatever it still sends is read and thrown away, so that its pings and
  its close are still seen. The library itself would stop reading, and a busy client would look like a dead one.
- **A broken frame is answered** with the close code that says why (RFC 6455, 7.1.7); the library hangs up without a word.
- **Late pings are ignored.** After our own close frame nothing more may be sent, an answer to a ping included (5.5.1).

What the reader may write (answers to pings, close frames) shares the library's lock with `send_messages`, so frames never mix. All of the
library's own ways to fail end here: callers see `TransportBroken` only.
"""

from __future__ import annotations

import contextlib
from typing import Final, TypeAlias

import trio
import wsproto.events
from trio_websocket import ConnectionClosed, WebSocketConnection
from wsproto.connection import ConnectionState

from wyld_gateway.close import Close
from wyld_gateway.errors import TransportBroken
from wyld_gateway.websocket.protocol import (
    MAX_FRAME,
    PONG,
    Event,
    Ping,
    ProtocolViolation,
    ServerProtocol,
    to_frame,
)

MAX_WAITING: Final = 256
"""Events that wait for the game. A client holds back at 64 unacknowledged commands and acknowledges every 32 outputs."""

RECEIVE_SIZE: Final = 4096
"""Bytes of one read: a command has a hundred, and every connection holds such a buffer."""

CLOSE_DEADLINE: Final = 2.0
"""Seconds that a client has to answer a close frame. The game has let go of it already."""

Message: TypeAlias = wsproto.events.TextMessage | wsproto.events.BytesMessage

_LOST: Final = 1006
"""The connection ended without a close frame (RFC 6455, 7.4.1); the faults below are those of a peer that breaks the protocol."""
_FAULTS: Final = frozenset({1002, 1003, 1007, 1009})


class EventSocket(WebSocketConnection):
    """The server's end of an open WebSocket. `run` belongs to a nursery of whoever made it; `receive_events`, `send_messages` and
    `aclose_within` may each be used by one task at a time."""

    def __init__(
        self, stream: trio.abc.Stream, connection: wsproto.WSConnection, protocol: ServerProtocol
    ) -> None:
        """`connection` has accepted the handshake already."""
        super().__init__(stream, connection, max_message_size=MAX_FRAME, receive_buffer_size=RECEIVE_SIZE)
        self._protocol = protocol
        self._arrived, self._waiting = trio.open_memory_channel[Event](MAX_WAITING)
        self._fragments: list[str] = []
        self._frame_size = 0
        self.refusal: ProtocolViolation | None = None
        """Set when the client broke a rule: nothing that it sends after that becomes an event."""

    async def run(self) -> None:
        """Read until the connection ends, whoever ends it. Raises nothing; if cancelled, the stream must be closed."""
        with self._arrived:
            await self._reader_task()

    async def receive_events(self) -> list[Event]:
        """Everything that waits, at least one event; an empty list when there will be no more. Cancellation loses nothing."""
        try:
            events = [await self._waiting.receive()]
        except trio.EndOfChannel:
            return []
        with contextlib.suppress(trio.WouldBlock, trio.EndOfChannel):
            while True:
                events.append(self._waiting.receive_nowait())
        return events

    @property
    def ending(self) -> Close:
        """Why there are no more events."""
        if self.refusal is not None:
            return self.refusal.close
        code = _LOST if self.closed is None else self.closed.code
        if code in _FAULTS:
            return Close.PROTOCOL
        # A browser says 1000 or 1001 whether its player leaves the page or only its network changed: neither is a quit.
        return Close.RESET if code == _LOST else Close.EOF

    async def send_messages(self, messages: bytes) -> None:
        """One text frame. Raises `TransportBroken`; if cancelled, the stream must be closed."""
        try:
            await self.send_message(to_frame(messages))
        except ConnectionClosed as error:
            raise TransportBroken(str(error)) from None

    async def shut(self, close: Close) -> None:
        """Say why, wait at most `CLOSE_DEADLINE` for the answer, close the stream. If cancelled, it is closed at once."""
        try:
            with trio.move_on_after(CLOSE_DEADLINE):
                await self.aclose(close.terms.code, close.value)
        finally:
            await trio.aclose_forcefully(self._stream)

    # ------------------------------------------------------------------ what the library's reader calls

    async def _handle_message_event(self, event: Message) -> None:
        if self.refusal is not None or self.closed is not None:
            return
        if isinstance(event, wsproto.events.BytesMessage):
            self._refuse(ProtocolViolation("wyld.v1 has no binary frames."))
            return
        self._frame_size += len(event.data)
        if self._frame_size > MAX_FRAME:
            self._refuse(
                ProtocolViolation(f"A frame is longer than {MAX_FRAME} characters.", Close.TOO_LARGE)
            )
            return
        if event.data:  # a stream of empty fragments must not fill the list
            self._fragments.append(event.data)
        if event.message_finished:
            whole = "".join(self._fragments)
            self._fragments.clear()
            self._frame_size = 0
            await self._take(whole)

    async def _take(self, whole: str) -> None:
        try:
            event = self._protocol.receive_frame(whole)
            self._arrived.send_nowait(event)
        except ProtocolViolation as violation:
            self._refuse(violation)
        except trio.WouldBlock:
            self._refuse(ProtocolViolation("Too much at once: wait for acknowledgements.", Close.LIMIT))
        else:
            if isinstance(event, Ping):
                await self._send(wsproto.events.TextMessage(to_frame(PONG)))

    def _refuse(self, violation: ProtocolViolation) -> None:
        self.refusal = violation
        self._fragments.clear()
        self._arrived.close()

    async def _handle_ping_event(self, event: wsproto.events.Ping) -> None:
        if self._wsproto.state is ConnectionState.OPEN:
            await super()._handle_ping_event(event)

    async def _handle_close_connection_event(self, event: wsproto.events.CloseConnection) -> None:
        if self._wsproto.state is not ConnectionState.OPEN:
            await super()._handle_close_connection_event(event)
            return
        # Not a close frame but a frame that wsproto could not read.
        await self._close_web_socket(event.code, event.reason)
        await self._send(event)
        self._close_handshake.set()
        await self._close_stream()

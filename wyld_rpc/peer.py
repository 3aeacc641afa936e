"""One end of a link over any Trio stream: calls with deadlines, events in order, heartbeat, authentication.

    async with open_gateway_side(stream, key=..., gateway_id=..., gateway_epoch=..., handler=handler) as peer:
        peer.notify("commands", [...])
        result = await peer.call("authenticate", {...})

Entering the block performs the opening; inside it three tasks run in a nursery that the block owns:

- the reader gives every frame to the handler, in the order of the wire, one after another, without a task of
  its own for any.  It never waits for the writer, so two ends that both send a lot cannot block each other;
- the writer sends what `notify`, `call` and `respond` have buffered, in the order of those calls.  All that
  was buffered in one pass of the event loop leaves in one `send_all`;
- the watch sends a heartbeat when nothing was heard for `HEARTBEAT_INTERVAL` and ends the link when nothing
  was heard for `HEARTBEAT_DEADLINE`.

A link ends in one of two ways.  The body leaves the block: what is buffered is sent, for at most
`FLUSH_DEADLINE`, and the stream is closed.  Or the link breaks: the body is cancelled and the block raises
`LinkClosed(reason)`.  Either way, when the block has been left, the stream is closed, the three tasks have
ended, and every call that another task was waiting for has raised LinkClosed.

What leaves the block is one exception, not a group around it: the body's own as it was raised, or LinkClosed.
A group leaves it only if the body raised one itself, or if the body and the handler failed at the same time
for different reasons.

Everything here belongs to the one event loop that entered the block; within it, all tasks may use a peer.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Final, Protocol

import attrs
import trio

from wyld_rpc.errors import (
    CallTimeout,
    LinkBusy,
    LinkClosed,
    RemoteProtocolError,
    RpcError,
    UnknownEvent,
    VersionMismatch,
    WrongKey,
)
from wyld_rpc.frames import (
    Event,
    Failure,
    Frame,
    FrameDecoder,
    Request,
    Response,
    Value,
    encode,
    encode_event,
)
from wyld_rpc.numbering import Epoch
from wyld_rpc.opening import MAX_OPENING_FRAME, NONCE_SIZE, GatewayOpening, Opened, WorldOpening

OPENING_DEADLINE: Final = 5.0
"""Seconds for the whole opening: two round trips between machines that are near each other."""
CALL_DEADLINE: Final = 10.0
"""Seconds for an answer: a password hash behind a few others, and a database that hesitates."""
HEARTBEAT_INTERVAL: Final = 2.0
"""Seconds of silence before we ask whether the other end is there."""
HEARTBEAT_DEADLINE: Final = 6.0
"""Seconds of silence that end the link: three questions, so that one long pause of a process is survived."""
FLUSH_DEADLINE: Final = 1.0
"""Seconds that leaving the block waits for the last frames to go out."""
MAX_UNSENT: Final = 16 * 1024 * 1024
"""Bytes that wait for the other end to take them: some seconds of the busiest world; more will never be taken."""
MAX_PENDING_CALLS: Final = 1024
"""Calls that wait for an answer: far more than can be answered within `CALL_DEADLINE`."""
MAX_READ: Final = 65_536
"""Bytes of one read: what a socket usually has ready."""

HEARTBEAT: Final = "heartbeat"
"""The one method that a peer answers itself."""
UNKNOWN_METHOD: Final = "unknown-method"
"""The error code with which a handler answers a method that it does not know."""
OPTIONAL_PREFIX: Final = "?"
"""An event whose kind begins with it may be ignored by an end that does not know it."""

_BROKEN: Final = (trio.BrokenResourceError, trio.ClosedResourceError)


class Handler(Protocol):
    """What the other end's requests and events are given to.

    Both methods are called by the reader, in the order of the wire; while one runs nothing else is read.  What
    takes time is put where a task waits for it, and answered later with `Peer.respond`.  Neither is called
    before the body of the block has reached its first checkpoint, so that the body can give the handler its peer.

    A RemoteProtocolError ends the link with its sentence as the reason; any other exception leaves the block.
    """

    def on_request(self, request: Request) -> None:
        """Take a request; answer it now or later with `Peer.respond` or `Peer.respond_error`."""

    def on_event(self, event: Event) -> None:
        """Take an event; raise UnknownEvent for a kind that is not known."""


@attrs.define(eq=False)
class _PendingCall:
    done: trio.Event = attrs.field(factory=trio.Event)
    response: Response | None = None


class Peer:
    """One end of an open link; made by `open_gateway_side` and `open_world_side`.

    `notify`, `notify_packed`, `respond` and `respond_error` only buffer, and never wait.  On a link that has
    ended they do nothing: whatever must arrive is numbered and comes again over the next link.  When the other
    end does not take what is sent and `MAX_UNSENT` is passed, the link ends.

    Attributes:
      opened: who is at the two ends.
      bytes_received, bytes_sent, frames_received, frames_sent: counted from the end of the opening.
    """

    def __init__(self, stream: trio.abc.Stream, opened: Opened, handler: Handler, received: bytes) -> None:
        self.opened = opened
        self.bytes_received = 0
        self.bytes_sent = 0
        self.frames_received = 0
        self.frames_sent = 0
        self._stream = stream
        self._handler = handler
        self._decoder = FrameDecoder()
        self._decoder.receive_data(received)
        self._outgoing: list[bytes] = []
        self._unsent = 0  # bytes in _outgoing and in a send_all under way
        self._wake_writer = trio.Event()
        self._sent = trio.lowlevel.ParkingLot()
        self._pending: dict[int, _PendingCall] = {}
        self._next_id = 0
        self._heard_at = trio.current_time()
        self._closed: LinkClosed | None = None
        self._scope = trio.CancelScope()  # around the body and the three tasks

    @property
    def pending_calls(self) -> int:
        """How many calls wait for an answer."""
        return len(self._pending)

    @property
    def closed_reason(self) -> str | None:
        """Why the link has ended, or None while it has not."""
        return None if self._closed is None else self._closed.reason

    # -- What the body and other tasks use ---------------------------------------------------------------------

    async def call(self, method: str, params: Value = None, *, deadline: float = CALL_DEADLINE) -> Value:
        """Ask the other end and return its answer.

        The request is buffered before the first checkpoint, so that calls and events of one task, and of several
        that take turns, leave in the order in which they were made.  Any number of tasks may call at once.

        Args:
          method: its name.
          params: as the method wants them.
          deadline: seconds to wait for the answer.

        Raises:
          RpcError: the answer is an error.
          CallTimeout: there was no answer in time.
          LinkClosed: the link has ended, or ends while we wait.
          LinkBusy: `MAX_PENDING_CALLS` wait already.
          LocalProtocolError: the request cannot be written as a frame.

        If cancelled, the answer is ignored when it comes; the call may or may not be carried out.
        """
        if self._closed is not None:
            raise self._why_closed()
        if len(self._pending) >= MAX_PENDING_CALLS:
            raise LinkBusy(f"{MAX_PENDING_CALLS} calls are waiting for an answer")
        request = Request(self._take_id(), method, params)
        self._send(encode(request))
        pending = self._pending[request.id] = _PendingCall()
        try:
            with trio.move_on_after(deadline):
                await pending.done.wait()
        finally:
            self._pending.pop(request.id, None)
        if pending.response is None:
            raise self._why_closed() if self._closed is not None else CallTimeout(method, deadline)
        error = pending.response.error
        if error is not None:
            raise RpcError(error.code, error.message, error.data)
        return pending.response.result

    def notify(self, kind: str, body: Value) -> None:
        """Send an event.

        Raises:
          LocalProtocolError: it cannot be written as a frame; nothing was sent.
        """
        self._send(encode(Event(kind, body)))

    def notify_packed(self, kind: str, packed: bytes) -> None:
        """Send an event whose body `frames.pack_body` has packed already.

        Raises:
          LocalProtocolError: the frame is too long; nothing was sent.
        """
        self._send(encode_event(kind, packed))

    def respond(self, request_id: int, result: Value) -> None:
        """Answer the request with this id; each request is answered once.

        Raises:
          LocalProtocolError: the result cannot be written as a frame; nothing was sent.
        """
        self._send(encode(Response(request_id, None, result)))

    def respond_error(self, request_id: int, code: str, message: str, data: Value = None) -> None:
        """Answer the request with this id by an error, which its caller gets as RpcError.

        Raises:
          LocalProtocolError: the error cannot be written as a frame; nothing was sent.
        """
        self._send(encode(Response(request_id, Failure(code, message, data), None)))

    async def flush(self) -> None:
        """Wait until all that is buffered has been given to the stream.  If cancelled, it is sent all the same.

        Raises:
          LinkClosed: the link has ended, or ends while we wait.
        """
        await trio.lowlevel.checkpoint()
        while self._unsent and self._closed is None:
            await self._sent.park()
        if self._closed is not None:
            raise self._why_closed()

    # -- What the three tasks and the block use ------------------------------------------------------------------

    def _end(self, reason: str, cause: BaseException | None = None) -> None:
        """End the link, unless it has ended already: the first reason counts."""
        if self._closed is None:
            self._closed = LinkClosed(reason)
            self._closed.__cause__ = cause
            for pending in self._pending.values():
                pending.done.set()
            self._outgoing.clear()
            self._sent.unpark_all()
            self._scope.cancel()

    def _why_closed(self) -> LinkClosed:
        """A new exception each time: several tasks may raise it, and each adds its own traceback."""
        assert self._closed is not None
        error = LinkClosed(self._closed.reason)
        error.__cause__ = self._closed.__cause__
        return error

    def _take_id(self) -> int:
        self._next_id += 1
        return self._next_id - 1

    def _send(self, frame: bytes) -> None:
        if self._closed is not None:
            return
        self._outgoing.append(frame)
        self._unsent += len(frame)
        self.frames_sent += 1
        self._wake_writer.set()
        if self._unsent > MAX_UNSENT:
            self._end(
                f"the other end does not take what is sent: more than {MAX_UNSENT >> 20} MiB are waiting"
            )

    async def _write(self) -> None:
        try:
            while True:
                await self._wake_writer.wait()
                self._wake_writer = trio.Event()
                data = b"".join(self._outgoing)
                self._outgoing.clear()
                await self._stream.send_all(data)
                self._unsent -= len(data)
                self.bytes_sent += len(data)
                self._sent.unpark_all()
        except _BROKEN as error:
            self._end("the connection broke while sending", error)

    async def _read(self) -> None:
        try:
            self._dispatch_all()  # what came in one read with the last frame of the opening
            while data := await self._stream.receive_some(MAX_READ):
                self._heard_at = trio.current_time()
                self.bytes_received += len(data)
                self._decoder.receive_data(data)
                self._dispatch_all()
            inside = " in the middle of a frame" if self._decoder.unread() else ""
            self._end(f"the other end closed the connection{inside}")
        except RemoteProtocolError as error:
            self._end(f"the other end broke the protocol: {error}", error)
        except _BROKEN as error:
            self._end("the connection broke while receiving", error)

    def _dispatch_all(self) -> None:
        while self._closed is None and (frame := self._decoder.next_frame()) is not None:
            self.frames_received += 1
            self._dispatch(frame)

    def _dispatch(self, frame: Frame) -> None:
        match frame:
            case Event():
                try:
                    self._handler.on_event(frame)
                except UnknownEvent:
                    if not frame.kind.startswith(OPTIONAL_PREFIX):
                        raise
            case Response():
                self._take_response(frame)
            case Request(method=method) if method == HEARTBEAT:
                self.respond(frame.id, None)
            case _:
                self._handler.on_request(frame)

    def _take_response(self, response: Response) -> None:
        if response.id >= self._next_id:
            raise RemoteProtocolError(f"an answer to call {response.id}, which was never made")
        pending = self._pending.pop(response.id, None)
        if pending is not None:  # else a heartbeat's, or its caller has given up
            pending.response = response
            pending.done.set()

    async def _watch(self) -> None:
        while True:
            heard_at = self._heard_at
            await trio.sleep_until(heard_at + HEARTBEAT_INTERVAL)
            silence = HEARTBEAT_INTERVAL
            # Whole intervals are counted, not the clock read: a process that was stopped for a while finds the
            # clock far ahead, and must first read what has come meanwhile.
            while self._heard_at == heard_at:
                if silence >= HEARTBEAT_DEADLINE:
                    self._end(f"no sign of life for {HEARTBEAT_DEADLINE:g} s")
                    return
                self._send(encode(Request(self._take_id(), HEARTBEAT, None)))
                await trio.sleep(HEARTBEAT_INTERVAL)
                silence += HEARTBEAT_INTERVAL


# -- Opening and leaving ---------------------------------------------------------------------------------------


def open_gateway_side(
    stream: trio.abc.Stream, *, key: bytes, gateway_id: bytes, gateway_epoch: Epoch, handler: Handler
) -> AbstractAsyncContextManager[Peer]:
    """Open a link as its gateway; use it with `async with`.

    The stream belongs to the block: it is closed however the block is left, also if the opening fails.

    Args:
      stream: freshly connected to the world.
      key: the shared key, at least `opening.MIN_KEY` bytes.
      gateway_id: `opening.GATEWAY_ID_SIZE` bytes.
      gateway_epoch: this life of the gateway.
      handler: gets the world's requests and events.

    Raises, on entering:
      VersionMismatch, WrongKey, OpeningRefused: see there; the world's log says the same.
      RemoteProtocolError: this is no world.
      LinkClosed: the connection broke, or `OPENING_DEADLINE` has passed.
      LocalProtocolError: an argument has the wrong length.

    Raises, from the block:
      LinkClosed: the link broke while the body was running.

    If cancelled, it closes the stream at once.
    """
    opening = GatewayOpening(
        key=key, gateway_id=gateway_id, gateway_epoch=gateway_epoch, nonce=secrets.token_bytes(NONCE_SIZE)
    )
    return _open_peer(stream, opening, handler)


def open_world_side(
    stream: trio.abc.Stream, *, key: bytes, world_epoch: Epoch, handler: Handler
) -> AbstractAsyncContextManager[Peer]:
    """Open a link as its world, on a connection that was just accepted; otherwise like `open_gateway_side`.

    A gateway that is refused is told why before the stream is closed.
    """
    opening = WorldOpening(key=key, world_epoch=world_epoch, nonce=secrets.token_bytes(NONCE_SIZE))
    return _open_peer(stream, opening, handler)


@asynccontextmanager
async def _open_peer(
    stream: trio.abc.Stream, opening: GatewayOpening | WorldOpening, handler: Handler
) -> AsyncIterator[Peer]:
    try:
        peer = await _open(stream, opening, handler)
        body_left = False
        error: BaseException | None = None
        try:
            with peer._scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(peer._read)
                    nursery.start_soon(peer._write)
                    nursery.start_soon(peer._watch)
                    yield peer
                    body_left = True
                    with trio.move_on_after(FLUSH_DEADLINE), suppress(LinkClosed):
                        await peer.flush()
                    nursery.cancel_scope.cancel()
        except BaseExceptionGroup as group:
            error = _only(group) if peer.closed_reason is None else _without_link_closed(group)
        finally:
            peer._end("this end has left the link")
        if error is None and not body_left:
            error = peer._why_closed()
        if error is not None:
            try:
                raise error
            finally:
                del error  # its traceback holds this frame
    finally:
        await trio.aclose_forcefully(stream)


def _without_link_closed(group: BaseExceptionGroup[BaseException]) -> BaseException | None:
    """What was raised besides LinkClosed, which the block raises itself once; None if that was all."""
    _, rest = group.split(LinkClosed)
    return None if rest is None else _only(rest)


def _only(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Undo the one layer that the nursery puts around what its body or a task has raised."""
    _, failures = group.split(trio.Cancelled)
    shown = group if failures is None else failures
    return shown.exceptions[0] if len(shown.exceptions) == 1 else shown


async def _open(stream: trio.abc.Stream, opening: GatewayOpening | WorldOpening, handler: Handler) -> Peer:
    """Perform the opening within its deadline."""
    with trio.move_on_after(OPENING_DEADLINE):
        try:
            received = await _exchange(stream, opening)
        except _BROKEN as error:
            raise LinkClosed("the connection broke during the opening") from error
        except (RemoteProtocolError, VersionMismatch, WrongKey) as error:
            if isinstance(opening, WorldOpening):
                with suppress(*_BROKEN):
                    await stream.send_all(encode(opening.refusal(error)))
            raise
        assert opening.opened is not None
        return Peer(stream, opening.opened, handler, received)
    raise LinkClosed(f"the opening took longer than {OPENING_DEADLINE:g} s")


async def _exchange(stream: trio.abc.Stream, opening: GatewayOpening | WorldOpening) -> bytes:
    """Send and receive until the link is open, and return what has arrived after that."""
    decoder = FrameDecoder(MAX_OPENING_FRAME)
    if isinstance(opening, GatewayOpening):
        await stream.send_all(encode(opening.hello()))
    while opening.opened is None:
        data = await stream.receive_some(MAX_READ)
        if not data:
            raise LinkClosed("the other end closed the connection during the opening")
        decoder.receive_data(data)
        while opening.opened is None and (frame := decoder.next_frame()) is not None:
            answer = opening.receive(frame)
            if answer is not None:
                await stream.send_all(encode(answer))
    return decoder.unread()

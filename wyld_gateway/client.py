"""One connected client as the rest of the gateway sees it: put output on its way, read what it sends, end it.

Output goes through three places, in this order, and never waits for anybody:

- **Staged**: what one tick of the world, or one step of the login, has for the client. Nothing leaves before `flush`.
- **Straight out**: `flush` joins what was staged and hands it to the kernel at once. This is how nearly everything leaves, with one
  system call and no task switch.
- **Queued**: what the kernel did not take goes into a bounded memory channel, and a writer task is started that ends when the
  channel is empty. While there is a writer everything goes behind it: the order of a connection is the order of this one queue.

A client that lets more than its share wait, or takes nothing for `limits.STALLED` seconds, is detached (`Close.SLOW`): its session
lives on, and nobody else waits for it.
"""

from __future__ import annotations

from collections import deque

import attrs
import trio

from wyld_gateway import limits
from wyld_gateway.adapter import (
    CredentialsMessage,
    DisconnectedMessage,
    ErrorMessage,
    NegotiationMessage,
    ProtocolAdapter,
    TextMessage,
)
from wyld_gateway.close import Close
from wyld_gateway.errors import RemoteError, TransportBroken
from wyld_gateway.sessions.session import Session

NO_LAST_WORDS = frozenset({Close.EOF, Close.RESET, Close.SLOW, Close.TLS_FAILED})
"""There is nobody to hear them, or no room for them."""


class ConnectionEnded(RemoteError):
    """The client is gone, or cannot stay: leave its conversation.

    Attributes:
        close: Why.
        text: Last words to it.
    """

    def __init__(self, close: Close, text: str = "") -> None:
        self.close = close
        self.text = text
        super().__init__(close.value)


@attrs.define
class Wait:
    """That a client waits for us: for what, in words, since when by Trio's clock, and how often it was told that it still does.

    Attributes:
        kept: What it typed in play, by number, and what is to be carried out when the wait is over.
    """

    what: str
    since: float
    reminded: int = 0
    kept: dict[int, str] = attrs.field(factory=dict)


class Client:
    """One connection. `receive` belongs to the connection's own task; any task may use the rest, which never waits.

    Args:
        adapter: What the client speaks.
        nursery: The connection's. The writer is started in it, so leaving it waits until nothing is queued any more.
        queue_limit: Bytes that may wait for the socket.

    Attributes:
        conversation: The scope around reading and answering; cancelled when the connection is to end.
        playing: The scope around playing, inside the other one; cancelled when the world has lost the session.
        lines: What was typed and not yet looked at, oldest first.
        credentials: What the client last signed in with and nobody has looked at.
        negotiated: Set when the client told something about itself; whoever acts on it resets it.
        numbers_lines: Whether the client numbers what it types in play by itself.
        session: What it is attached to.
        close: Why the connection ends; None while it does not.
        dirty: Whether something is to be flushed.
        login_deadline: When the patience with a login ends, by Trio's clock; None while it plays.
        wait: What it waits for, while it logs in or in play; None while it waits for nothing, and we for it.
        opened_at, heard_at: When it came, and when anything last came from it, by Trio's clock.
        kept_alive_at: When something was last sent only to keep the connection open.
        asked_at: When it was asked for a sign of life that has not come yet.
        stalled_since: Since when the writer waits for the client to take something.
        queued: Bytes that wait.
        written: Bytes that were given to the transport or the queue, ever.
    """

    __slots__ = (
        "_channel",
        "_gone",
        "_held",
        "_nursery",
        "_prompt",
        "_prompt_changed",
        "_queue_limit",
        "_staged",
        "adapter",
        "asked_at",
        "close",
        "conversation",
        "credentials",
        "dirty",
        "heard_at",
        "kept_alive_at",
        "lines",
        "login_deadline",
        "negotiated",
        "numbers_lines",
        "opened_at",
        "playing",
        "queued",
        "session",
        "stalled_since",
        "wait",
        "written",
    )

    def __init__(self, adapter: ProtocolAdapter, nursery: trio.Nursery, *, queue_limit: int) -> None:
        self.adapter = adapter
        self.conversation = trio.CancelScope()
        self.playing = trio.CancelScope()
        self.lines: deque[TextMessage] = deque()
        self.credentials: CredentialsMessage | None = None
        self.negotiated = False
        self.numbers_lines = False
        self.session: Session | None = None
        self.close: Close | None = None
        self.dirty = False
        self.login_deadline: float | None = None
        self.wait: Wait | None = None
        self.opened_at = self.heard_at = self.kept_alive_at = trio.current_time()
        self.asked_at: float | None = None
        self.stalled_since: float | None = None
        self.queued = 0
        self.written = 0
        self._nursery = nursery
        self._queue_limit = queue_limit
        self._staged: list[bytes] = []
        self._prompt: str | None = None
        self._prompt_changed = False
        self._held = False
        self._channel: trio.MemorySendChannel[bytes] | None = None
        self._gone: ConnectionEnded | None = None

    # -- Out ---------------------------------------------------------------------------------------------------

    def stage(self, data: bytes) -> None:
        """Put these bytes behind what is staged."""
        if data:
            self._staged.append(data)
            self.dirty = True

    def set_prompt(self, prompt: str | None) -> None:
        """What stands at the client's input from the next flush on."""
        self._prompt = prompt
        self._prompt_changed = True
        self.dirty = True

    def notice(self, text: str) -> None:
        """Stage words of the gateway itself; lines are separated by newlines."""
        self.stage(self.adapter.encode_notice(text))

    @property
    def held(self) -> bool:
        return self._held

    @property
    def prompt(self) -> str | None:
        """What stands at the client's input, or will after the next flush."""
        return self._prompt

    def hold(self) -> None:
        """Let what is staged wait for `release`, whoever flushes."""
        self._held = True

    def release(self, first: bytes = b"") -> None:
        """Flush again, with `first` before everything that was held."""
        self._held = False
        if first:
            self._staged.insert(0, first)
            self.dirty = True
        self.flush()

    def flush(self) -> None:
        """Send what is staged, with at most one system call."""
        if self._held or not self.dirty:
            return
        data = self.adapter.compose(self._staged, self._prompt, prompt_changed=self._prompt_changed)
        self._staged.clear()
        self._prompt_changed = self.dirty = False
        self.written += len(data)
        if self._channel is not None:
            self._enqueue(self._channel, data)
        else:
            taken = self.adapter.send_now(data)
            if taken < len(data):
                self._start_writer(data[taken:])

    def _start_writer(self, data: bytes) -> None:
        self._channel, receiving = trio.open_memory_channel[bytes](limits.QUEUE_ITEMS)
        self._enqueue(self._channel, data)
        self._nursery.start_soon(self._write, receiving)

    def _enqueue(self, channel: trio.MemorySendChannel[bytes], data: bytes) -> None:
        try:
            channel.send_nowait(data)
            self.queued += len(data)
        except trio.WouldBlock:
            self.end(Close.SLOW)
        except trio.BrokenResourceError:
            pass  # the transport broke while the writer had it; whoever reads learns it too
        if self.queued > self._queue_limit:
            self.end(Close.SLOW)

    async def _write(self, receiving: trio.MemoryReceiveChannel[bytes]) -> None:
        """The writer: it has the transport to itself until nothing waits any more."""
        with receiving:
            try:
                while self.queued:
                    self.stalled_since = trio.current_time()
                    count = receiving.statistics().current_buffer_used
                    data = b"".join([receiving.receive_nowait() for _ in range(count)])
                    await self.adapter.send_all(data)
                    self.queued -= len(data)
                self._channel = None
            except TransportBroken:
                self.queued = 0
            finally:
                self.stalled_since = None

    # -- In ----------------------------------------------------------------------------------------------------

    async def receive(self) -> None:
        """Wait for the client, and put what it typed into `lines`.

        Cancellation loses nothing.

        Raises:
            ConnectionEnded: It is gone, or broke its protocol. What it typed before that was received by an earlier call.
        """
        if self._gone is not None:
            raise self._gone
        messages = await self.adapter.receive()
        self.heard_at = trio.current_time()
        self.asked_at = None
        for message in messages:
            match message:
                case TextMessage():
                    self.lines.append(message)
                case CredentialsMessage():
                    self.credentials = message
                case NegotiationMessage():
                    self.negotiated = True
                case DisconnectedMessage(close):
                    self._gone = ConnectionEnded(close)
                case ErrorMessage(text, Close() as close):
                    self._gone = ConnectionEnded(close, text)
                case ErrorMessage(text):
                    self.notice(text)
        self.dirty = self.dirty or self.adapter.owes
        self.flush()

    # -- The end -----------------------------------------------------------------------------------------------

    def end(self, close: Close, text: str = "") -> None:
        """End the connection: last words, then its conversation is cancelled. The first reason counts."""
        if self.close is None:
            self.close = close
            self._held = False
            if close not in NO_LAST_WORDS:
                self._prompt = None
                self.stage(self.adapter.encode_bye(close, text))
                self.flush()
            self.conversation.cancel()

"""Commands that are typed while the world is away, put where the death of this gateway does not reach them.

While it is open, and after the `PATIENCE` that a short break deserves, every command that the world has not confirmed is inserted into
the table `session_command_queue`, in order and without a gap; clients that number their commands then hear that they are safe.
The commands stay in their session's window as well: when the world is back, it takes what is in the table, the gateway sends
everything again, and what comes twice counts once. So it does no harm if nobody knows what became of an insert.

`close` ends it before the world is asked where it stands: no command is sent while its insert is under way.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import attrs
import trio

from wyld_gateway import limits
from wyld_gateway.pool import Pool
from wyld_gateway.sessions.session import Session
from wyld_gateway.sessions.store import QueuedCommands, SessionStore
from wyld_rpc.messages import SessionId
from wyld_service.errors import StoreRefused, StoreUnavailable
from wyld_service.log import Event, get_logger

PATIENCE: Final = 1.0
"""Seconds that the world must be away; a restart takes about as long, and most breaks of a link much less."""

BATCH: Final = 512
"""Commands of one insert: some milliseconds of the database's time."""

RETRY_AFTER: Final = 1.0
"""Seconds before a database that was away is tried again."""

SAFE_AHEAD: Final = limits.COMMANDS.count - limits.UNACKED_BY_CLIENT
"""How many commands a client may believe to be safe that the world has not seen: with as many as it sends without hearing more, that
is what the window of its session holds. So it waits by itself before it is refused anything."""

_log = get_logger()


@attrs.define(eq=False)
class CommandQueue:
    """One per gateway; exactly one task runs `run`, and one task opens and closes it.

    Args:
        store: Where the table is.
        pool: The way to the clients that hear what is safe.
    """

    _store: SessionStore
    _pool: Pool
    _is_open: bool = False
    _opened_at: float = 0.0
    _waiting: dict[SessionId, Session] = attrs.field(factory=dict)
    _work: trio.Event = attrs.field(factory=trio.Event)
    _inserting: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    _lock: trio.Lock = attrs.field(factory=trio.Lock)

    def open(self, sessions: Iterable[Session]) -> None:
        """The world is away: everything unconfirmed of these sessions in play is to be inserted, and what is noted from now on."""
        self._is_open = True
        self._opened_at = trio.current_time()
        for session in sessions:
            self.note(session)

    def note(self, session: Session) -> None:
        """A command was added to this session's window. Nothing happens while the queue is closed."""
        if self._is_open and session.commands.last > session.queued:
            self._waiting[session.id] = session
            self._work.set()

    async def close(self) -> None:
        """Break off what is under way. When this returns, or is cancelled, nothing is inserted before the next `open`."""
        self._is_open = False
        self._waiting.clear()
        self._inserting.cancel()
        async with self._lock:
            pass

    async def run(self) -> None:
        """Insert what is noted, for ever. Cancelled, an insert under way may or may not have taken effect."""
        while True:
            await self._work.wait()
            self._work = trio.Event()
            async with self._lock:
                with trio.CancelScope() as self._inserting:
                    if self._is_open:
                        await trio.sleep_until(self._opened_at + PATIENCE)
                        await self._insert_all()

    async def insert_rest(self) -> None:
        """Insert what is noted, once. Not while `run` runs.

        Raises:
            StoreError: Some of it is not inserted.
        """
        while self._waiting:
            await self._insert_some()

    async def _insert_all(self) -> None:
        while True:
            try:
                await self.insert_rest()
                await self._work.wait()
                self._work = trio.Event()
            except StoreUnavailable:
                await trio.sleep(RETRY_AFTER)
            except StoreRefused as error:
                _log.error(Event.STORE_REFUSED, what="queued commands", reason=str(error))
                self._waiting.clear()

    async def _insert_some(self) -> None:
        batch: list[tuple[Session, QueuedCommands]] = []
        count = 0
        for session in self._waiting.values():
            commands = _not_queued(session)
            session.left = max(session.left, session.commands.last)
            batch.append((session, commands))
            count += len(commands.texts)
            if count >= BATCH:
                break
        held = await self._store.queue([commands for _, commands in batch])
        for session, commands in batch:
            self._done(session, commands, held=session.id in held)
        self._pool.flush()

    def _done(self, session: Session, commands: QueuedCommands, *, held: bool) -> None:
        """`held`: whether the session is still ours; if not, whoever has it now decides what becomes of its commands."""
        if held:
            session.queued = max(session.queued, commands.last)
            self._pool.acknowledge(session, min(session.queued, session.commands.acked + SAFE_AHEAD))
        if not held or session.queued >= session.commands.last:
            self._waiting.pop(session.id, None)


def _not_queued(session: Session) -> QueuedCommands:
    items = session.commands.replay(session.queued).items
    return QueuedCommands(
        session.id, session.generation, session.queued + 1, tuple([text for _, text in items])
    )

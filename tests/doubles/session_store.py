"""The in-memory twin of the store of sessions: the same rules as PostgreSQL, and a database that can go away.

`tests/process/test_session_store.py` holds both to one suite.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import attrs
import trio

from wyld_gateway.sessions.lifecycle import IN_PLAY, State
from wyld_gateway.sessions.session import SessionRow
from wyld_gateway.sessions.store import Displaced, Entry, QueuedCommands, SessionStore
from wyld_rpc.messages import SessionId
from wyld_service.errors import StoreRefused, StoreUnavailable


@attrs.define(eq=False)
class MemorySessionStore(SessionStore):
    """Attributes:
    rows: As they are.
    available: Whether the database is there.
    delay: Seconds that each call takes before it has an effect.
    calls: The name of every call that was made.
    queued: The commands that wait for the world, by session and number.
    """

    rows: dict[SessionId, SessionRow] = attrs.field(factory=dict)
    available: bool = True
    delay: float = 0.0
    calls: list[str] = attrs.field(factory=list)
    queued: dict[tuple[SessionId, int], str] = attrs.field(factory=dict)

    async def create(self, row: SessionRow) -> None:
        await self._begin("create")
        self.rows.setdefault(row.id, row)

    async def load(self, session: SessionId) -> SessionRow | None:
        await self._begin("load")
        return self.rows.get(session)

    async def list_by_state(self, states: Collection[State]) -> list[SessionRow]:
        await self._begin("list_by_state")
        found = [row for row in self.rows.values() if row.state in states]
        return sorted(found, key=lambda row: (row.created_at, row.id))

    async def begin_play(self, row: SessionRow, now: float) -> Entry:
        await self._begin("begin_play")
        stored = self.rows.get(row.id)
        if stored is None or stored.state is State.CLOSED:
            raise StoreRefused("the session has been closed")
        of_character = [other for other in self.rows.values() if other.entity_id == row.entity_id]
        displaced = [other for other in of_character if other.id != row.id and other.state in IN_PLAY]
        for other in displaced:
            self.rows[other.id] = attrs.evolve(
                other, state=State.CLOSED, closed_at=now, close_reason="replaced"
            )
        generation = 1 + max((other.generation for other in of_character), default=0)
        self.rows[row.id] = attrs.evolve(
            stored,
            state=State.PLAYING,
            entity_id=row.entity_id,
            metadata=row.metadata,
            gateway_id=row.gateway_id,
            gateway_epoch=row.gateway_epoch,
            last_activity=now,
            detached_at=None,
            generation=generation,
        )
        return Entry(generation, tuple(Displaced(o.id, o.client_addr, o.detached_at) for o in displaced))

    async def save(self, rows: Sequence[SessionRow]) -> None:
        await self._begin("save")
        for row in rows:
            stored = self.rows.get(row.id)
            if (
                stored is not None
                and stored.state is not State.CLOSED
                and stored.generation == row.generation
            ):
                self.rows[row.id] = attrs.evolve(
                    stored,
                    state=row.state,
                    metadata=row.metadata,
                    client_addr=row.client_addr,
                    epoch=row.epoch,
                    last_activity=max(stored.last_activity, row.last_activity),
                    detached_at=row.detached_at,
                    closed_at=row.closed_at,
                    close_reason=row.close_reason,
                )

    async def queue(self, commands: Sequence[QueuedCommands]) -> set[SessionId]:
        await self._begin("queue")
        held = {each.session for each in commands if self._is_held(each)}
        for each in commands:
            if each.session in held:
                for number, text in enumerate(each.texts, each.first):
                    self.queued.setdefault((each.session, number), text)
        return held

    def _is_held(self, commands: QueuedCommands) -> bool:
        row = self.rows.get(commands.session)
        return row is not None and row.state is not State.CLOSED and row.generation == commands.generation

    async def touch(self, activity: Sequence[tuple[SessionId, float]]) -> None:
        await self._begin("touch")
        for session, when in activity:
            if session in self.rows:
                row = self.rows[session]
                self.rows[session] = attrs.evolve(row, last_activity=max(row.last_activity, when))

    async def expire(self, silent_since: float, now: float) -> list[SessionId]:
        await self._begin("expire")
        expired = [row.id for row in self.rows.values() if _is_silent(row, silent_since)]
        for session in expired:
            self.rows[session] = attrs.evolve(
                self.rows[session], state=State.CLOSED, closed_at=now, close_reason="expired"
            )
        return expired

    async def delete(self, closed_before: float) -> int:
        await self._begin("delete")
        old = [
            row.id
            for row in self.rows.values()
            if row.closed_at is not None and row.closed_at < closed_before
        ]
        for session in old:
            del self.rows[session]
        return len(old)

    def take_away(self, session: SessionId) -> None:
        """As another gateway does when a client attaches there."""
        row = self.rows[session]
        self.rows[session] = attrs.evolve(row, generation=row.generation + 1)

    def playing(self) -> list[SessionRow]:
        return [row for row in self.rows.values() if row.state is State.PLAYING]

    async def _begin(self, name: str) -> None:
        self.calls.append(name)
        await trio.sleep(self.delay)
        if not self.available:
            raise StoreUnavailable("the database is away")


def _is_silent(row: SessionRow, since: float) -> bool:
    if row.state is State.DISCONNECTED:
        return row.detached_at is not None and row.detached_at < since
    return row.state is not State.CLOSED and row.last_activity < since

"""Where the rows of sessions live: the interface. `postgres_store` is the product's version; tests have a twin in memory.

What the rows are for: an operator sees who is or was connected, two live sessions of one character are impossible whatever two
gateways do at once, and a session can be found again when the gateway that held it is gone. Play itself never waits for them.

Every method may be called by any number of tasks at once. Cancelled, it may or may not have taken effect; each may be repeated.
"""

from __future__ import annotations

import abc
from collections.abc import Collection, Sequence

import attrs

from wyld_gateway.sessions.lifecycle import State
from wyld_gateway.sessions.session import SessionRow
from wyld_rpc.messages import SessionId


@attrs.frozen
class Displaced:
    """A live session that had to make room for a newer login of its character.

    Attributes:
        detached_at: Since when nobody was attached to it, seconds since 1970; None if somebody was until now.
    """

    id: SessionId
    client_addr: str
    detached_at: float | None


@attrs.frozen
class Entry:
    """A session that has entered play.

    Attributes:
        generation: Higher than that of every session which this character had, so that the world can tell who came last.
    """

    generation: int
    displaced: tuple[Displaced, ...]


@attrs.frozen
class QueuedCommands:
    """Commands of one session that wait for the world, in a row: `texts[0]` has the number `first`."""

    session: SessionId
    generation: int
    first: int
    texts: tuple[str, ...]

    @property
    def last(self) -> int:
        return self.first + len(self.texts) - 1


class SessionStore(abc.ABC):
    """Raises `StoreUnavailable` when it cannot do something now, and `StoreRefused` for what it never will."""

    @abc.abstractmethod
    async def create(self, row: SessionRow) -> None:
        """Insert a new session's row; a row that is there already stays as it is."""

    @abc.abstractmethod
    async def load(self, session: SessionId) -> SessionRow | None:
        """The row, or None if there is none."""

    @abc.abstractmethod
    async def list_by_state(self, states: Collection[State]) -> list[SessionRow]:
        """All rows in one of these states, oldest first."""

    @abc.abstractmethod
    async def begin_play(self, row: SessionRow, now: float) -> Entry:
        """Make the session the one live session of `row.entity_id`, closing every other one in the same transaction.

        Raises:
            StoreRefused: Also if the session has no row any more, or a closed one.
        """

    @abc.abstractmethod
    async def save(self, rows: Sequence[SessionRow]) -> None:
        """Write what changed. A row that is closed, or has another generation by now, belongs to somebody else: it stays."""

    @abc.abstractmethod
    async def queue(self, commands: Sequence[QueuedCommands]) -> set[SessionId]:
        """Insert commands for the world to find. Tells which of the sessions are still alive and of that generation; nothing is
        inserted for any other. Commands that are there already stay as they are."""

    @abc.abstractmethod
    async def touch(self, activity: Sequence[tuple[SessionId, float]]) -> None:
        """Note that sessions were alive: (session, seconds since 1970). Never moves a time back."""

    @abc.abstractmethod
    async def expire(self, silent_since: float, now: float) -> list[SessionId]:
        """Close what nobody holds any more, and tell which: what was detached before `silent_since`, and what should have a
        client but was not touched since then, because its gateway is gone."""

    @abc.abstractmethod
    async def delete(self, closed_before: float) -> int:
        """Delete the rows of sessions that were closed before that time, and tell how many."""

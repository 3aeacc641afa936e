"""All sessions that this gateway holds, found by id: the cache in front of the rows.

Imports no trio. Every change of state goes through here, so that the counts are right at every moment and each change that
concerns a row is noted for writing.
"""

from __future__ import annotations

from collections.abc import Callable

from wyld_gateway.sessions.lifecycle import IN_PLAY, Move, State
from wyld_gateway.sessions.session import Session, SessionRow
from wyld_rpc.messages import SessionId


class Registry:
    """Only the event loop's thread may use it.

    Args:
        clock: Seconds since 1970.
        note: Called with the new row after each change of one that exists, to be written soon.

    Attributes:
        by_id: Every session that is not closed. Read it directly on hot paths, never change it.
        counts: How many sessions are in each state.
    """

    def __init__(self, clock: Callable[[], float], note: Callable[[SessionRow], None]) -> None:
        self._clock = clock
        self._note = note
        self.by_id: dict[SessionId, Session] = {}
        self.counts = dict.fromkeys(State, 0)

    def add(self, session: Session) -> None:
        """Hold a new session."""
        self.by_id[session.id] = session
        self.counts[session.state] += 1

    def in_play(self) -> list[Session]:
        """The sessions in play, attached or not; a snapshot."""
        return [session for session in self.by_id.values() if session.state in IN_PLAY]

    def move(self, session: Session, move: Move, reason: str | None = None) -> None:
        """Make a move of the table and note the row. A closed session is forgotten.

        Raises:
            IllegalMove: The table has no such move; nothing changed.
        """
        was_stored, before = session.stored, session.state
        session.move(move, self._clock(), reason)
        self.counts[before] -= 1
        self.counts[session.state] += 1
        if session.state is State.CLOSED:
            self.counts[State.CLOSED] -= 1
            del self.by_id[session.id]
        if was_stored:
            self._note(session.row())

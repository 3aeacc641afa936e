"""All sessions that this gateway holds, found by id and by character: the cache in front of the rows.

Imports no trio. Every change of state goes through here, so that the counts are right at every moment and each change that
concerns a row is noted for writing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from wyld_gateway.sessions.lifecycle import IN_PLAY, Move, State
from wyld_gateway.sessions.session import Session, SessionRow
from wyld_rpc.messages import EntityId, SessionId


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
        self._by_character: dict[EntityId, Session] = {}
        self.by_id: dict[SessionId, Session] = {}
        self.counts = dict.fromkeys(State, 0)

    def add(self, session: Session) -> None:
        """Hold a new session."""
        self.by_id[session.id] = session
        self.counts[session.state] += 1

    def of_character(self, character: EntityId) -> Session | None:
        """The session in play of this character, if it is one of ours."""
        return self._by_character.get(character)

    def in_play(self) -> Iterator[Session]:
        """The sessions in play, attached or not; a snapshot."""
        return iter([session for session in self.by_id.values() if session.state in IN_PLAY])

    def move(self, session: Session, move: Move, reason: str | None = None) -> None:
        """Make a move of the table and note the row. A closed session is forgotten.

        Raises:
            IllegalMove: The table has no such move; nothing changed.
        """
        was_stored, before = session.stored, session.state
        session.move(move, self._clock(), reason)
        self.counts[before] -= 1
        self.counts[session.state] += 1
        if session.state is State.PLAYING and session.character_id is not None:
            self._by_character[session.character_id] = session
        if session.state is State.CLOSED:
            self._forget(session)
        if was_stored:
            self._note(session.row())

    def _forget(self, session: Session) -> None:
        self.counts[State.CLOSED] -= 1
        del self.by_id[session.id]
        character = session.character_id
        if character is not None and self._by_character.get(character) is session:
            del self._by_character[character]

"""What the code of the world says to its players, held back until the command that said it has succeeded.

Pure. `CommandOutlet` is the engine's `Outlet`: while a command runs it only collects. Afterwards `release` numbers the outputs in
their sessions' numberings and writes everything into the ticks of the sessions' gateways, or `discard` forgets it.

An output is encoded here, once for all its recipients: what cannot be encoded fails the command that said it and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from wyld_rpc.errors import LocalProtocolError
from wyld_rpc.messages import DisconnectReason, EntityStateUpdate, GameOutput, SessionEnded
from wyld_rpc.wire import encode_output, encode_state
from wyld_world.model.things import Character
from wyld_world.sessions import Session, Sessions
from wyld_world.ticks import MAX_ENTRY, StateKey


class CommandOutlet:
    """One for the whole engine, used by one command after the other. Characters without a session hear nothing."""

    __slots__ = ("_ends", "_outputs", "_sessions", "_states")

    def __init__(self, sessions: Sessions) -> None:
        self._sessions: Final = sessions
        self._outputs: list[tuple[bytes, list[Session]]] = []
        self._states: list[tuple[Session, StateKey, bytes]] = []
        self._ends: list[tuple[Session, DisconnectReason, str]] = []

    # ----------------------------------------------------------------- for the code of the world: see `Outlet`

    def send(self, recipients: Iterable[Character], output: GameOutput) -> None:
        """Raises `LocalProtocolError` if the output cannot be sent."""
        playing = self._sessions.by_character
        sessions = [session for one in recipients if (session := playing.get(one.id)) is not None]
        if sessions:
            self._outputs.append((_bounded(encode_output(output)), sessions))

    def state(self, character: Character, update: EntityStateUpdate) -> None:
        """Raises `LocalProtocolError` if the state cannot be sent."""
        session = self._sessions.by_character.get(character.id)
        if session is not None:
            encoded = _bounded(encode_state(update, [session.id]))
            self._states.append((session, (update.kind, update.name), encoded))

    def disconnect(self, character: Character, reason: DisconnectReason, text: str) -> None:
        session = self._sessions.by_character.get(character.id)
        if session is not None:
            self._ends.append((session, reason, text))

    # ------------------------------------------------------------------------------------ for the engine

    def release(self, now: float) -> None:
        """The command has succeeded: number what it said and put it into the ticks. `now` is of the engine's clock."""
        changed = self._sessions.changed
        for encoded, sessions in self._outputs:
            size = len(encoded)
            changed.update(sessions)
            for session in sessions:
                number = session.outputs.append(encoded, size, now)
                if session.gateway is not None:
                    session.gateway.writer.deliver(encoded, session.id, number)
        for session, key, encoded in self._states:
            session.states[key] = encoded
            if session.gateway is not None:
                session.gateway.writer.state(session.id, key, encoded)
        for session, reason, text in self._ends:
            self.end(session, reason, text)
        self.discard()

    def discard(self) -> None:
        """The command has failed: it has said nothing."""
        self._outputs.clear()
        self._states.clear()
        self._ends.clear()

    def end(self, session: Session, reason: DisconnectReason, text: str) -> None:
        """End a session at once and tell its gateway, unless it has ended already."""
        if self._sessions.by_id.get(session.id) is not session:
            return
        if session.gateway is not None:
            session.gateway.writer.end(SessionEnded(session.id, reason, text))
        self._sessions.end(session)


def _bounded(encoded: bytes) -> bytes:
    if len(encoded) > MAX_ENTRY:
        raise LocalProtocolError(f"an output of {len(encoded)} bytes; at most {MAX_ENTRY} are allowed")
    return encoded

"""What the world knows of each session: which character it plays, what was applied, what was sent and is kept.

Pure. A session exists here from the moment a character is selected until it ends: by quitting, by expiry, or because another session
takes the character over. Two things about it vary independently:

- **bound** to a gateway, which gets its outputs whether or not a client is there to read them, or to none, because that gateway's link was
  lost. Its outputs are numbered and kept all the same.
- **attached**, or **detached** since `detached_at`: its client is gone, and it waits for its player.

Whoever attaches raises the session's generation; what carries another one, or comes from another gateway, is too late and is ignored.
Not for several threads.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import attrs

from wyld_rpc.messages import EntityId, SessionId, SessionPositions
from wyld_rpc.numbering import Overflow, ReceiveCursor, SendWindow, WindowLimits
from wyld_world.model.things import Character
from wyld_world.ticks import StateKey

if TYPE_CHECKING:
    from wyld_world.gateways import Gateway

OUTPUT_LIMITS: Final = WindowLimits(count=2_000, bytes=512 * 1024, overflow=Overflow.EVICT, age=15 * 60.0)
"""What is kept of one session's unconfirmed outputs: more than anybody reads after a pause, and a bound on what an absent one costs."""


@attrs.define(eq=False)
class Session:
    """One session in play.

    Attributes:
        commands: The numbering of its commands, and how far they are applied.
        outputs: Encoded outputs (`wire.encode_output`) that its client has not confirmed.
        states: The last state of each kind and name (`wire.encode_state`), sent again when a client comes back.
        detached_at: Seconds of the engine's clock, or None while attached.
    """

    id: SessionId
    character: Character
    generation: int
    commands: ReceiveCursor
    gateway: Gateway | None = None
    outputs: SendWindow[bytes] = attrs.field(factory=lambda: SendWindow(OUTPUT_LIMITS))
    states: dict[StateKey, bytes] = attrs.field(factory=dict)
    detached_at: float | None = None

    @property
    def positions(self) -> SessionPositions:
        return SessionPositions(self.id, self.commands.epoch, self.commands.position, self.outputs.last)


@attrs.define(eq=False)
class Sessions:
    """All sessions in play. At most one plays a character.

    Attributes:
        by_id, by_character: The two ways to find one; read-only for everybody else.
        detached: Those whose client is gone, longest absence first.
        changed: Those whose positions moved since `take_changed` was last called.
        ended: Those that are over since then.
    """

    by_id: dict[SessionId, Session] = attrs.field(factory=dict)
    by_character: dict[EntityId, Session] = attrs.field(factory=dict)
    detached: dict[SessionId, Session] = attrs.field(factory=dict)
    changed: set[Session] = attrs.field(factory=set)
    ended: set[SessionId] = attrs.field(factory=set)

    def begin(self, session: Session, gateway: Gateway) -> None:
        """Take a new session in, bound to `gateway`. No other one may play its character or have its id."""
        self.by_id[session.id] = session
        self.by_character[session.character.id] = session
        self.changed.add(session)
        self.attach(session, gateway, session.generation)

    def attach(self, session: Session, gateway: Gateway, generation: int) -> None:
        """Bind a session to a gateway, where its client is, and away from any other."""
        self._unbind(session)
        session.gateway = gateway
        session.generation = generation
        gateway.sessions.add(session)
        session.detached_at = None
        self.detached.pop(session.id, None)

    def detach(self, session: Session, now: float) -> None:
        """The session's client is gone. Nothing happens to one that waits already."""
        if session.detached_at is None:
            session.detached_at = now
            self.detached[session.id] = session

    def lose_gateway(self, gateway: Gateway, now: float) -> None:
        """The link of a gateway was lost, and every client behind it with that."""
        for session in tuple(gateway.sessions):
            self._unbind(session)
            self.detach(session, now)

    def end(self, session: Session) -> None:
        """Forget a session."""
        self._unbind(session)
        del self.by_id[session.id]
        del self.by_character[session.character.id]
        self.detached.pop(session.id, None)
        self.changed.discard(session)
        self.ended.add(session.id)

    def take_changed(self) -> tuple[tuple[SessionPositions, ...], tuple[SessionId, ...]]:
        """Positions that moved and sessions that ended since the last call: what the next commit must write."""
        positions = tuple([session.positions for session in self.changed])
        ended = tuple(self.ended)
        self.changed.clear()
        self.ended.clear()
        return positions, ended

    def expire_outputs(self, now: float) -> None:
        """Throw away kept outputs that are too old."""
        for session in self.by_id.values():
            session.outputs.expire(now)

    def detached_by(self, moment: float) -> Iterator[Session]:
        """Those that are detached since `moment` or longer, longest first; the caller may end or attach them."""
        for session in tuple(self.detached.values()):
            assert session.detached_at is not None
            if session.detached_at > moment:
                return
            yield session

    def _unbind(self, session: Session) -> None:
        if session.gateway is not None:
            session.gateway.sessions.discard(session)
            session.gateway = None

"""What the world knows of each session: which character it plays, what was applied, what was sent and is kept.

Pure. A session exists here from the moment a character is selected until it ends: by quitting, by expiry, or because another session
takes the character over. Two things about it vary independently:

- **bound** to a gateway, which gets its outputs whether or not a client is there to read them and whether or not its link is up; or to none,
  because that gateway was forgotten, or because this world has just begun and it has not come back yet. Its outputs are numbered and kept
  all the same. While `awaits_report` is true the gateway has to say what it knows of the session before it may send commands of it.
- **attached**, or **detached** since `detached_at`: its client is gone, and it waits for its player.

Whoever attaches raises the session's generation; what carries another one, or comes from another gateway, is too late and is ignored.
Not for several threads.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import attrs

from wyld_rpc.messages import AccountId, EntityId, SessionId, SessionPositions
from wyld_rpc.numbering import Epoch, Overflow, ReceiveCursor, SendWindow, Seq, WindowLimits
from wyld_world.model.things import Character
from wyld_world.ticks import StateKey

if TYPE_CHECKING:
    from wyld_world.gateways import Gateway, Life

OUTPUT_LIMITS: Final = WindowLimits(count=2_000, bytes=512 * 1024, overflow=Overflow.EVICT, age=15 * 60.0)
"""What is kept of one session's unconfirmed outputs: more than anybody reads after a pause, and a bound on what an absent one costs."""


@attrs.frozen
class SessionRow:
    """A session as the database keeps it; a snapshot.

    Attributes:
        applied, sent: As in `SessionPositions`.
        home: As in `Session`.
        kept: After a clean stop the newest outputs that its client had not confirmed, the last of which has the number `sent`; otherwise
            nothing.
    """

    id: SessionId
    character_id: EntityId
    account_id: AccountId
    generation: int
    epoch: Epoch
    applied: int
    sent: int
    home: Life | None
    detached: bool
    kept: tuple[bytes, ...] = ()


@attrs.define(eq=False)
class Session:
    """One session in play.

    Attributes:
        commands: The numbering of its commands, and how far they are applied.
        outputs: Encoded outputs (`wire.encode_output`) that its client has not confirmed.
        states: The last state of each kind and name (`wire.encode_state`), sent again when a client comes back.
        detached_at: Seconds of the engine's clock, or None while attached.
        home: The life of a gateway that it is bound to, or was last.
        in_ticks: The last output that `home` has, or will get in a tick that is kept for it.
        awaits_report: Whether `home` has to report it first.
        inherited: The last output that an earlier world is known to have numbered, for as long as `home` may still know of later ones.
    """

    id: SessionId
    character: Character
    generation: int
    commands: ReceiveCursor
    gateway: Gateway | None = None
    outputs: SendWindow[bytes] = attrs.field(factory=lambda: SendWindow(OUTPUT_LIMITS))
    states: dict[StateKey, bytes] = attrs.field(factory=dict)
    detached_at: float | None = None
    home: Life | None = None
    in_ticks: int = 0
    awaits_report: bool = False
    inherited: int | None = None

    @property
    def positions(self) -> SessionPositions:
        return SessionPositions(self.id, self.commands.epoch, self.commands.position, self.outputs.last)

    def take_unheard(self, received: int, now: float) -> list[bytes]:
        """Somebody has received outputs up to `received`. Those that this world has given the same numbers as an earlier one, without
        anybody to hear them, are taken out of `outputs`: they are to be numbered again."""
        if self.inherited is None or received <= self.inherited:
            return []
        items = self.outputs.replay(self.outputs.floor).items
        older = [(item, len(item)) for number, item in items if number <= self.inherited]
        self.outputs = SendWindow.resume(
            OUTPUT_LIMITS,
            last=Seq(self.inherited),
            acked=Seq(min(self.outputs.acked, self.inherited)),
            kept=older,
            now=now,
        )
        return [item for number, item in items if number > self.inherited]

    def row(self, *, with_outputs: bool = False) -> SessionRow:
        """A snapshot for the database; `with_outputs` at a clean stop."""
        kept = (
            tuple([item for _, item in self.outputs.replay(self.outputs.floor).items]) if with_outputs else ()
        )
        return SessionRow(
            self.id,
            self.character.id,
            self.character.account_id,
            self.generation,
            self.commands.epoch,
            self.commands.position,
            self.outputs.last,
            self.home,
            self.detached_at is not None,
            kept,
        )


@attrs.define(eq=False)
class Sessions:
    """All sessions in play. At most one plays a character.

    Attributes:
        by_id, by_character: The two ways to find one; read-only for everybody else.
        detached: Those whose client is gone, longest absence first.
        changed: Those whose positions moved since `take_changed` was last called.
        ended: Those that are over since then.
        moved: Whether since then one has begun, ended or changed its gateway or its generation, which no death may take back.
    """

    by_id: dict[SessionId, Session] = attrs.field(factory=dict)
    by_character: dict[EntityId, Session] = attrs.field(factory=dict)
    detached: dict[SessionId, Session] = attrs.field(factory=dict)
    changed: set[Session] = attrs.field(factory=set)
    ended: set[SessionId] = attrs.field(factory=set)
    moved: bool = False

    def begin(self, session: Session, gateway: Gateway) -> None:
        """Take a new session in, bound to `gateway`. No other one may play its character or have its id."""
        self.restore(session)
        self.attach(session, gateway, session.generation)

    def restore(self, session: Session) -> None:
        """Take in a session that is bound to nobody yet. No other one may play its character or have its id."""
        self.by_id[session.id] = session
        self.by_character[session.character.id] = session

    def attach(self, session: Session, gateway: Gateway, generation: int) -> None:
        """Bind a session to a gateway, where its client is, and away from any other."""
        self.bind(session, gateway, generation)
        session.detached_at = None
        self.detached.pop(session.id, None)

    def bind(self, session: Session, gateway: Gateway, generation: int) -> None:
        """Bind a session to a gateway, and away from any other, whether or not its client is there."""
        self.moved = self.moved or session.home != gateway.life or session.generation != generation
        self._unbind(session)
        session.gateway = gateway
        session.home = gateway.life
        session.generation = generation
        session.awaits_report = False
        session.inherited = None
        gateway.sessions.add(session)
        self.changed.add(session)

    def detach(self, session: Session, now: float) -> None:
        """The session's client is gone. Nothing happens to one that waits already."""
        if session.detached_at is None:
            session.detached_at = now
            self.detached[session.id] = session
            self.changed.add(session)

    def lose_link(self, gateway: Gateway, now: float) -> None:
        """The link of a gateway was lost, and every client behind it with that, for all that we know."""
        for session in gateway.sessions:
            session.awaits_report = True
            self.detach(session, now)

    def release(self, life: Life, now: float) -> None:
        """That life of a gateway is over, or has no room for more: what it has, or had, waits for its players."""
        for session in self.of(life):
            self.give_up(session, now)

    def give_up(self, session: Session, now: float) -> None:
        """Nobody has the session any more: it waits for its player."""
        self._unbind(session)
        session.awaits_report = True
        session.in_ticks = 0
        self.detach(session, now)

    def of(self, life: Life) -> list[Session]:
        """Those that are bound to a life of a gateway, or were last. Looks at all."""
        return [session for session in self.by_id.values() if session.home == life]

    def end(self, session: Session) -> None:
        """Forget a session."""
        self._unbind(session)
        del self.by_id[session.id]
        del self.by_character[session.character.id]
        self.detached.pop(session.id, None)
        self.changed.discard(session)
        self.ended.add(session.id)
        self.moved = True

    def take_changed(self) -> tuple[tuple[SessionRow, ...], tuple[SessionId, ...]]:
        """Sessions that changed or ended since the last call: what the next commit must write."""
        rows = tuple([session.row() for session in self.changed])
        ended = tuple(self.ended)
        self.changed.clear()
        self.ended.clear()
        return rows, ended

    def all_rows(self) -> tuple[SessionRow, ...]:
        """Every session with what it keeps, for the last commit of a world that stops cleanly."""
        return tuple([session.row(with_outputs=True) for session in self.by_id.values()])

    def take_moved(self) -> bool:
        """Whether anything has `moved` since the last call."""
        moved, self.moved = self.moved, False
        return moved

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

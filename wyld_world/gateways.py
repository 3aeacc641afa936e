"""What the world knows of each gateway: its inbox, its sessions, and the ticks it gets.

Pure. A `Gateway` is one life of a gateway process, over any number of links:

    unknown --first link, or rows of an earlier world--> away --link--> linked --positions--> settled
                                                          away <--link lost-- linked or settled
                                                          away --forgotten--> unknown

- While it is **away**, its sessions stay bound to it and their ticks are kept, as far as `MAX_UNACKED` goes; the commands that had arrived
  stay in its inbox and run. So a lost link loses nothing.
- **Linked**, it has to say its positions before it gets or gives anything else.
- **Settled**, it has got every tick that it lacked, and gets new ones as they are released.
- It is **forgotten** when it has been away for too long, when too much is kept for it, or when a later life of it has linked. If it
  comes back all the same it begins like an unknown one, and what its sessions missed is delivered from what they keep.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

import attrs

from wyld_rpc.errors import RemoteProtocolError
from wyld_rpc.messages import (
    Command,
    CreateCharacter,
    DeleteCharacter,
    ListCharacters,
    Positions,
    SelectCharacter,
    SessionDisconnected,
    SessionId,
    SessionReconnected,
    Tick,
)
from wyld_rpc.numbering import Epoch
from wyld_world.ticks import MAX_UNACKED, SealedTick, TickWriter, UnackedTicks

if TYPE_CHECKING:
    from wyld_world.sessions import Session

MAX_INBOX: Final = 65_536
"""Entries. A gateway has at most 4,096 commands under way, and says at most once of each session that its client has gone."""

Params: TypeAlias = ListCharacters | CreateCharacter | DeleteCharacter | SelectCharacter | SessionReconnected
"""The requests that the engine answers, in order with the commands of their link."""


class Link(Protocol):
    """The connection of a gateway, as `link.GatewayLink` is one. No method waits; on a lost link they do nothing."""

    def send(self, kind: str, body: bytes) -> None:
        """Send an event whose body is packed."""

    def answer(self, request_id: int, result: object) -> None:
        """Answer a request with its result or with the `CallError` that it failed with."""

    def end(self, reason: str) -> None:
        """Close the connection."""


@attrs.frozen
class Asked:
    """A request, and where its answer goes."""

    link: Link
    id: int
    params: Params


@attrs.frozen
class Reported:
    """Positions, and where the answer goes."""

    link: Link
    id: int
    params: Positions


Item: TypeAlias = Command | SessionDisconnected | Asked

Life: TypeAlias = tuple[bytes, Epoch]
"""One life of a gateway process: its id and its epoch."""


@attrs.define(eq=False)
class Gateway:
    """One life of a gateway.

    Attributes:
        link: None while it is away.
        away_since: Seconds of the engine's clock; counts while there is no link.
        settled: Whether it has said its positions on this link.
        counted: Whether the numbering of its ticks is known; from then on this world alone continues it.
        reported: The sessions that it has reported on this link.
        forgotten: Whether it is none of `Gateways` any more; nothing is kept for it then.
        sessions: Those that are bound to it; changed only by `Sessions`.
        writer: The tick that the turn under way writes for it.
        unacked: What was released to it.
        stored: The last tick that has a row in the outbox.
        deleted: The last tick whose rows were deleted from the outbox again.
    """

    id: bytes
    epoch: Epoch
    link: Link | None = None
    away_since: float = 0.0
    settled: bool = False
    counted: bool = False
    forgotten: bool = False
    reported: set[SessionId] = attrs.field(factory=set)
    inbox: deque[Item] = attrs.field(factory=deque)
    sessions: set[Session] = attrs.field(factory=set)
    writer: TickWriter = attrs.field(factory=TickWriter)
    unacked: UnackedTicks = attrs.field(factory=UnackedTicks)
    stored: int = 0
    deleted: int = 0

    @property
    def life(self) -> Life:
        return self.id, self.epoch

    @classmethod
    def restore(cls, life: Life, ticks: Sequence[SealedTick], now: float) -> Gateway:
        """A gateway that was linked to an earlier world, which left `ticks` for it, in order."""
        gateway = cls(*life, away_since=now)
        for tick in ticks:
            gateway.unacked.keep(tick)
            gateway.stored = tick.number
            gateway.writer.continue_after(tick.number)
        return gateway

    def begin_link(self, link: Link) -> None:
        """A link is open; the gateway must say its positions on it."""
        self.link = link
        self.settled = False
        self.reported.clear()

    def lose_link(self, now: float) -> None:
        self.link = None
        self.settled = False
        self.away_since = now

    def settle(self, tick: int) -> None:
        """The gateway has all ticks up to `tick`: send the others, and from now on each as it is released.

        Raises:
            RemoteProtocolError: It cannot have that one, or has acknowledged a later one before.
        """
        if self.counted and not self.unacked.acked <= tick <= self.unacked.released:
            raise RemoteProtocolError(
                f"claims tick {tick}, but {self.unacked.acked} to {self.unacked.released} are possible"
            )
        self.counted = self.settled = True
        self.writer.continue_after(tick)
        self.unacked.continue_after(tick)
        for unacked in self.unacked:
            self._send(unacked)

    def put(self, item: Item) -> None:
        """Add to the inbox. Raises `RemoteProtocolError` if the gateway sends without regard to its limits."""
        if len(self.inbox) >= MAX_INBOX:
            raise RemoteProtocolError(f"more than {MAX_INBOX} commands and requests are waiting")
        self.inbox.append(item)

    def send(self, kind: str, body: bytes) -> None:
        """Send an event whose body is packed; nothing happens once the link is lost."""
        if self.link is not None:
            self.link.send(kind, body)

    def release(self, tick: SealedTick) -> None:
        """Keep a tick until it is acknowledged, and send it as soon as the gateway has all earlier ones."""
        if self.forgotten:
            return
        self.unacked.keep(tick)
        if self.settled:
            self._send(tick)
        if self.is_overdue and self.link is not None:
            self.link.end(f"more than {MAX_UNACKED >> 20} MiB of ticks are not acknowledged")

    @property
    def is_overdue(self) -> bool:
        """Whether more is kept for it than may be."""
        return self.unacked.size > MAX_UNACKED

    def _send(self, tick: SealedTick) -> None:
        assert self.link is not None
        for body in tick.bodies:
            self.link.send(Tick.KIND, body)


@attrs.frozen
class Confirmed:
    """That no tick of a gateway up to `tick` will be asked for again."""

    gateway_id: bytes
    gateway_epoch: bytes
    tick: int


@attrs.define(eq=False)
class Gateways:
    """All gateways that are linked or may come back."""

    _by_life: dict[Life, Gateway] = attrs.field(factory=dict)
    _past: list[Gateway] = attrs.field(factory=list)
    """Those that were forgotten, until their rows are deleted."""

    def __iter__(self) -> Iterator[Gateway]:
        return iter(self._by_life.values())

    def find(self, life: Life) -> Gateway | None:
        return self._by_life.get(life)

    def other_lives(self, gateway: Gateway) -> list[Gateway]:
        """Earlier lives of the same gateway."""
        return [each for each in self if each.id == gateway.id and each is not gateway]

    def add(self, gateway: Gateway) -> None:
        """Take in a gateway that is not known yet."""
        self._by_life[gateway.life] = gateway

    def forget(self, gateway: Gateway) -> None:
        """Keep nothing more for a gateway that is away."""
        del self._by_life[gateway.life]
        gateway.forgotten = True
        self._past.append(gateway)

    def take_confirmed(self) -> tuple[Confirmed, ...]:
        """The ticks that nobody will ask for again but that still have rows; the next commit must delete them first."""
        confirmed = []
        for gateway in (*self._past, *self):
            done = gateway.stored if gateway.forgotten else min(gateway.stored, gateway.unacked.acked)
            if done > gateway.deleted:
                gateway.deleted = done
                confirmed.append(Confirmed(gateway.id, gateway.epoch, done))
        self._past.clear()
        return tuple(confirmed)

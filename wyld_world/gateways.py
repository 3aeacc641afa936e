"""What the world knows of each gateway: its inbox, its sessions, and the ticks it gets.

Pure. A `Gateway` lasts as long as one link of it, and so does its numbering of ticks: a gateway that comes back begins anew. When its
link is lost its sessions are bound to nobody (`Sessions.lose_gateway`), but the commands that had arrived stay in its inbox and run.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
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
    SessionReconnected,
    Tick,
)
from wyld_rpc.numbering import Epoch
from wyld_world.ticks import MAX_UNACKED, SealedTick, TickWriter, UnackedTicks

if TYPE_CHECKING:
    from wyld_world.sessions import Session

MAX_INBOX: Final = 65_536
"""Entries. A gateway has at most 4,096 commands under way, and says at most once of each session that its client has gone."""

Params: TypeAlias = (
    ListCharacters | CreateCharacter | DeleteCharacter | SelectCharacter | SessionReconnected | Positions
)
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


Item: TypeAlias = Command | SessionDisconnected | Asked


@attrs.define(eq=False)
class Gateway:
    """One gateway, from the opening of its link to the end of it.

    Attributes:
        link: None once it is lost.
        sessions: Those that are bound to it; changed only by `Sessions`.
        writer: The tick that the turn under way writes for it.
        unacked: What was released to it.
        stored: The last tick that has a row in the outbox.
        deleted: The last tick whose rows were deleted from the outbox again.
    """

    id: bytes
    epoch: Epoch
    link: Link | None = None
    inbox: deque[Item] = attrs.field(factory=deque)
    sessions: set[Session] = attrs.field(factory=set)
    writer: TickWriter = attrs.field(factory=TickWriter)
    unacked: UnackedTicks = attrs.field(factory=UnackedTicks)
    stored: int = 0
    deleted: int = 0

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
        """Send a tick and keep it until it is acknowledged; nothing happens while there is no link."""
        if self.link is None:
            return
        self.unacked.keep(tick)
        for body in tick.bodies:
            self.link.send(Tick.KIND, body)
        if self.unacked.size > MAX_UNACKED:
            self.link.end(f"more than {MAX_UNACKED >> 20} MiB of ticks are not acknowledged")


@attrs.frozen
class Confirmed:
    """That no tick of a gateway up to `tick` will be asked for again."""

    gateway_id: bytes
    gateway_epoch: bytes
    tick: int


@attrs.define(eq=False)
class Gateways:
    """The gateways that are linked now."""

    _by_id: dict[bytes, Gateway] = attrs.field(factory=dict)
    _past: list[Gateway] = attrs.field(factory=list)
    """Those that were lost, until their rows are deleted."""

    def __iter__(self) -> Iterator[Gateway]:
        return iter(self._by_id.values())

    def find(self, gateway_id: bytes) -> Gateway | None:
        return self._by_id.get(gateway_id)

    def add(self, gateway: Gateway) -> None:
        """Take in a gateway with a new link; none with its id may be there."""
        self._by_id[gateway.id] = gateway

    def lose(self, gateway: Gateway) -> None:
        """The link of a gateway has ended."""
        del self._by_id[gateway.id]
        gateway.link = None
        self._past.append(gateway)

    def take_confirmed(self) -> tuple[Confirmed, ...]:
        """The ticks that nobody will ask for again but that still have rows; the next commit must delete them first."""
        confirmed = []
        for gateway in (*self, *self._past):
            done = gateway.stored if gateway.link is None else min(gateway.stored, gateway.unacked.acked)
            if done > gateway.deleted:
                gateway.deleted = done
                confirmed.append(Confirmed(gateway.id, gateway.epoch, done))
        self._past.clear()
        return tuple(confirmed)

"""The parts of one gateway, put together: what a connection needs from the rest.

`make_gateway` wires them; `app` runs those that run by themselves (the link, the row writer, the timers).
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable

import attrs
import trio

from wyld_gateway.adapter import ProtocolAdapter
from wyld_gateway.listing import Listing
from wyld_gateway.pool import Pool
from wyld_gateway.sessions.claims import Claims
from wyld_gateway.sessions.command_queue import CommandQueue
from wyld_gateway.sessions.registry import Registry
from wyld_gateway.sessions.row_writer import RowWriter
from wyld_gateway.sessions.session import Session
from wyld_gateway.sessions.store import SessionStore
from wyld_gateway.world_link import WorldLink
from wyld_rpc.messages import SessionId
from wyld_rpc.numbering import Epoch, new_epoch
from wyld_service.secret import Secret
from wyld_service.settings import LimitsSettings, ListingSettings, SessionsSettings

ID_BYTES = 16


@attrs.frozen
class Gateway:
    """All connections of a process share one.

    Attributes:
        id, epoch: Who we are, and in which life. Both are new at each start: a starting gateway holds nothing.
        clock: Seconds since 1970.
    """

    id: bytes
    epoch: Epoch
    limits: LimitsSettings
    sessions: SessionsSettings
    clock: Callable[[], float]
    store: SessionStore
    rows: RowWriter
    registry: Registry
    claims: Claims
    pool: Pool
    queue: CommandQueue
    link: WorldLink
    listing: Listing

    def new_session(self, adapter: ProtocolAdapter) -> Session:
        """A session for a connection that begins, held by the registry."""
        session = Session(
            id=SessionId(secrets.token_bytes(ID_BYTES)),
            protocol=adapter.protocol,
            client_addr=adapter.peer,
            created_at=self.clock(),
            gateway_id=self.id,
            gateway_epoch=self.epoch,
            metadata=adapter.metadata,
        )
        self.registry.add(session)
        return session


def make_gateway(
    *,
    connect_world: Callable[[], Awaitable[trio.abc.Stream]],
    key: Secret,
    store: SessionStore,
    limits: LimitsSettings,
    sessions: SessionsSettings,
    listing: ListingSettings | None = None,
    clock: Callable[[], float] = time.time,
) -> Gateway:
    """A gateway whose edges are given: how it reaches the world, where rows live, what time it is."""
    gateway_id, epoch = secrets.token_bytes(ID_BYTES), new_epoch(secrets.token_bytes)
    rows = RowWriter(store)
    registry = Registry(clock, rows.note)
    pool = Pool(registry.by_id)
    queue = CommandQueue(store, pool)
    link = WorldLink(
        connect_world,
        key=key,
        gateway_id=gateway_id,
        gateway_epoch=epoch,
        registry=registry,
        pool=pool,
        queue=queue,
        clock=clock,
    )
    return Gateway(
        gateway_id,
        epoch,
        limits,
        sessions,
        clock,
        store,
        rows,
        registry,
        Claims(),
        pool,
        queue,
        link,
        Listing(listing or ListingSettings(), registry, clock, started=clock()),
    )

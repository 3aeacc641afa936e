"""A whole gateway without its edges: a world, a store in memory, and plain clients that come and go."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import trio

from doubles.fake_world import KEY, FakeWorld
from doubles.plain_client import PlainClient
from doubles.session_store import MemorySessionStore
from wyld_gateway.app import run_gateway
from wyld_gateway.connection import serve_connection
from wyld_gateway.gateway import Gateway, make_gateway
from wyld_service.secret import Secret
from wyld_service.settings import LimitsSettings, SessionsSettings

START = 1_700_000_000.0
"""Seconds since 1970 at which every test begins."""


@attrs.define(eq=False)
class RunningGateway:
    world: FakeWorld
    store: MemorySessionStore
    gateway: Gateway
    nursery: trio.Nursery

    def connect(self, client: PlainClient | None = None) -> PlainClient:
        """A client whose connection has just been accepted."""
        client = client or PlainClient()
        self.nursery.start_soon(serve_connection, self.gateway, client)
        return client

    async def play(self, name: str, client: PlainClient | None = None) -> PlainClient:
        """A client that plays an own character of an own account, and has read everything so far."""
        if name.lower() not in self.world.accounts:
            self.world.add(name, "password", name)
        client = self.connect(client)
        client.type(f"connect {name} password {name}")
        await client.sees(f"{name} wakes.")
        await client.sees("<hp 9>>")
        return client

    def nothing_is_left(self) -> None:
        """Assert that nobody is connected and nothing remembers that somebody was."""
        assert not self.gateway.pool.clients
        self.nothing_is_in_flight()
        assert not self.gateway.claims._turns
        attached = [session for session in self.gateway.registry.by_id.values() if session.client is not None]
        assert attached == []

    def nothing_is_in_flight(self) -> None:
        """Assert that the world owes us nothing, neither by one way of counting nor by the other."""
        assert self.gateway.link.submissions.in_flight == 0
        assert [session for session in self.gateway.registry.by_id.values() if session.in_flight] == []


@asynccontextmanager
async def open_running_gateway(**settings: Any) -> AsyncIterator[RunningGateway]:
    """Everything up, the world too; `settings` are fields of `LimitsSettings`."""
    async with trio.open_nursery() as nursery:
        started = trio.current_time()
        world, store = FakeWorld(nursery), MemorySessionStore()
        gateway = make_gateway(
            connect_world=world.connect,
            key=Secret(KEY),
            store=store,
            limits=attrs.evolve(LimitsSettings(), **settings),
            sessions=SessionsSettings(),
            clock=lambda: START + trio.current_time() - started,
        )
        async with run_gateway(gateway):
            yield RunningGateway(world, store, gateway, nursery)
        nursery.cancel_scope.cancel()

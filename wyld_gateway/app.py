"""The gateway's process: `serve` is its whole nursery tree, readable top to bottom.

    serve
      database              threads and connections to PostgreSQL
      run_gateway
        link                to the world: always up, or coming back
        row writer          changed rows of sessions
        command queue       what is typed while the world is away
        tidying             rows that nobody changes
        sweep               all deadlines of all connections
      services              for operators: metrics, control socket
      certificate           read again at SIGHUP, if there is one
      connections           one task for each client
        accepting           the listeners (`doors`)

Nothing waits for anything at the start: players may come before the world is there. Stop: no new connections; players are told and
their last words leave; their sessions are written; the link is flushed and closed. Each step has a deadline, and the log says what was
waited for in vain.

`run_gateway` is the gateway without its edges, for tests: the caller brings a way to the world, a store, and clients.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import trio

from wyld_gateway.admin import Admin
from wyld_gateway.close import Close
from wyld_gateway.doors import Door, Reception, open_doors
from wyld_gateway.gateway import Gateway, make_gateway
from wyld_gateway.metrics import health, readings
from wyld_gateway.player_socket import PlayerListener, PlayerSocket
from wyld_gateway.sessions.postgres_store import PostgresSessionStore
from wyld_gateway.sessions.tidying import Tidying
from wyld_gateway.sweep import sweep_for_ever
from wyld_gateway.tls import reload_on_hangup
from wyld_gateway.websocket.pages import load_pages
from wyld_service.control import serve_control
from wyld_service.errors import StoreError
from wyld_service.log import Event, get_logger
from wyld_service.metrics import make_registry, serve_metrics
from wyld_service.postgres import open_database
from wyld_service.settings import Settings
from wyld_service.units import SocketAddress, UnixAddress

GOODBYE: Final = "The server is stopping. Goodbye."

PARTING: Final = 2.5
"""Seconds for all players' last words and their transports; `limits.FLUSH` and a little."""

LAST_ROWS: Final = 1.0
"""Seconds for the rows that are not written yet. What is missed looks like a gateway that was killed, which is survived as well."""

_log = get_logger()


async def serve(settings: Settings, *, stop: trio.Event, announce: Callable[[str], None]) -> None:
    """Run a gateway until `stop` is set, then stop gracefully and return.

    Args:
        settings: All of them.
        stop: Set by whoever wants the end.
        announce: Called with one line for each bound address ("telnet 127.0.0.1:4000"), then with "Ready.".

    Raises:
        ServiceError: What an operator must mend, perhaps in an exception group. Nothing is left running.

    Cancellation: everything is closed at once; players hear nothing.
    """
    async with (
        open_doors(settings) as doors,
        open_database(settings.store, application="wyld gateway") as database,
    ):
        gateway = make_gateway(
            connect_world=partial(connect, settings.link.address),
            key=settings.link.key,
            store=PostgresSessionStore(database),
            limits=settings.limits,
            sessions=settings.sessions,
            listing=settings.listing,
        )
        gateway.listing.ports = doors.ports(Door.TELNET)
        gateway.listing.tls_ports = doors.ports(Door.TELNET_TLS)
        state = health(gateway, lambda: database.available)
        reception = Reception(gateway, settings, doors.certificate, pages=load_pages(), health=state)
        async with run_gateway(gateway), trio.open_nursery() as services, trio.open_nursery() as connections:
            if settings.metrics.address is not None:
                registry = make_registry(readings(gateway))
                await services.start(serve_metrics, settings.metrics.address, registry, state)
            admin = Admin(gateway, lambda: database.available)
            await services.start(serve_control, settings.control, "gateway", admin.verbs())
            if doors.certificate is not None:
                await services.start(reload_on_hangup, doors.certificate)
            accepting = []
            for door, listeners in doors.listeners.items():
                receive = partial(reception.receive, door)
                accepting.append(await connections.start(_accept, receive, listeners, connections))
                for listener in listeners:
                    announce(f"{door.value} {listener.address}")
            announce("Ready.")
            _log.info(Event.PROCESS_READY)
            await stop.wait()

            _log.info(Event.PROCESS_STOP, connections=len(gateway.pool.clients))
            for scope in accepting:
                scope.cancel()
            await part_with_everybody(gateway)
            connections.cancel_scope.cancel()
            services.cancel_scope.cancel()


@asynccontextmanager
async def run_gateway(gateway: Gateway) -> AsyncIterator[None]:
    """Run what a gateway does by itself for as long as the block lasts; then close the link and write the last rows."""
    tidying = Tidying(
        gateway.store,
        gateway.registry,
        detached_ttl=gateway.sessions.detached_ttl,
        clock=gateway.clock,
        world_is_there=lambda: gateway.link.is_up,
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(gateway.link.run)
        nursery.start_soon(gateway.rows.run)
        nursery.start_soon(gateway.queue.run)
        nursery.start_soon(tidying.run, gateway.sessions.cleanup_interval)
        nursery.start_soon(sweep_for_ever, gateway.pool, gateway.link.absence)
        yield
        nursery.cancel_scope.cancel()
    await _write_last_rows(gateway)


async def part_with_everybody(gateway: Gateway) -> None:
    """Tell every player that the server stops, and wait until they are gone, but not for long."""
    gateway.pool.shutdown(Close.DRAIN, GOODBYE)
    with trio.move_on_after(PARTING) as patience:
        await gateway.pool.wait_empty()
    if patience.cancelled_caught:
        _log.warning(Event.PROCESS_STOP, waited_for="connections", seconds=PARTING)


async def connect(address: SocketAddress) -> trio.abc.Stream:
    """Connect to where the world listens. Raises OSError."""
    if isinstance(address, UnixAddress):
        return await trio.open_unix_socket(address.path)
    return await trio.open_tcp_stream(address.host, address.port)


async def _accept(
    receive: Callable[[PlayerSocket], Awaitable[None]],
    listeners: Sequence[PlayerListener],
    connections: trio.Nursery,
    *,
    task_status: trio.TaskStatus[trio.CancelScope],
) -> None:
    """Accept connections until the scope that it starts with is cancelled; those that were accepted live on."""
    with trio.CancelScope() as scope:
        task_status.started(scope)
        await trio.serve_listeners(receive, list(listeners), handler_nursery=connections)


async def _write_last_rows(gateway: Gateway) -> None:
    with trio.move_on_after(LAST_ROWS):
        try:
            await gateway.rows.write_all()
            await gateway.queue.insert_rest()
        except StoreError as error:
            _log.warning(Event.PROCESS_STOP, waited_for="rows", count=gateway.rows.waiting, reason=str(error))

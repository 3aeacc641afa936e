"""The world's process: `serve` is its whole nursery tree, readable top to bottom.

    serve
      control socket        what an operator asks (`admin`)
      keep_lock             the advisory lock: one world for each database
      open_world            (`running`)
        engine              the single-writer loop
        heartbeat           wakes the engine once a second
        committer           commits, then releases
        command queue       reads what gateways have queued
        accounts            two workers for passwords
      services              metrics; the countdown of a restart
      links                 one task for each gateway
      accepting             the listener

Start: the areas are loaded, the lock is taken, the fence is raised, everything durable is read and the sessions of the world before are put
back; only then does the world listen. It runs nothing until their gateways have reported. Stop: no new links and no new commands, gateways are
told, what has run is committed and released together with every session and what it keeps, the links are flushed and closed. Each of
these steps has a deadline, and the log says what was waited for in vain.
"""

from __future__ import annotations

import functools
import socket
from collections.abc import Callable
from typing import Final

import trio

from wyld_service.control import serve_control
from wyld_service.errors import CannotListen, LockTaken, StoreError
from wyld_service.listening import bound_address, open_listeners
from wyld_service.log import Event, get_logger
from wyld_service.metrics import make_registry, serve_metrics
from wyld_service.postgres import hold_advisory_lock, open_database
from wyld_service.settings import LinkSettings, Settings, StoreSettings
from wyld_world.admin import Admin
from wyld_world.areas import STARTER_FOLDER
from wyld_world.areas import load as load_areas
from wyld_world.engine import TurnLimits
from wyld_world.metrics import health, readings
from wyld_world.model.prototypes import Areas
from wyld_world.postgres_store import WORLD_LOCK, PostgresStore
from wyld_world.running import CLOSE_DEADLINE, open_world
from wyld_world.store import WorldStore

LOCK_INTERVAL: Final = 0.5
"""Seconds between two tries to take the lock, and between two looks whether it is still held."""

_log = get_logger()


async def serve(settings: Settings, *, stop: trio.Event, announce: Callable[[str], None]) -> None:
    """Run the world until `stop` is set, then stop gracefully, within five seconds, and return.

    Args:
        settings: `[link]`, `[store]`, `[world]`, `[sessions]`, `[metrics]` and `[control]` are read.
        announce: Gets a line for the bound address, and then `Ready.`

    Raises:
        ServiceError: What the operator must mend: `CannotListen`, `StoreUnavailable` at the start, `CommitRefused`, `FencedOff`;
            in an exception group where it ended a running world.
        AreaErrors: The area files are wrong.

    Cancellation: ends at once; the database keeps what was committed.
    """
    areas = load_areas(settings.world.areas or STARTER_FOLDER)
    admin = Admin(stop)
    async with (
        open_database(settings.store, application="wyld world") as database,
        trio.open_nursery() as whole_life,
    ):
        await whole_life.start(serve_control, settings.control, "world", admin.verbs())
        async with trio.open_nursery() as waiting:
            waiting.start_soon(_cancel_when_set, stop, waiting.cancel_scope)
            await whole_life.start(_keep_lock, settings.store, admin.note_lock)
            waiting.cancel_scope.cancel()
        if not stop.is_set():
            await _serve_links(settings, areas, PostgresStore(database), admin, stop, announce)
        whole_life.cancel_scope.cancel()


async def _serve_links(
    settings: Settings,
    areas: Areas,
    store: WorldStore,
    admin: Admin,
    stop: trio.Event,
    announce: Callable[[str], None],
) -> None:
    opening = open_world(
        store,
        areas,
        key=settings.link.key.reveal().encode(),
        detached_ttl=settings.sessions.detached_ttl,
        limits=TurnLimits(settings.world.tick_commands, settings.world.tick_time),
    )
    async with opening as world, trio.open_nursery() as services, trio.open_nursery() as links:
        if settings.metrics.address is not None:
            registry = make_registry(readings(world))
            await services.start(serve_metrics, settings.metrics.address, registry, health(world))
        services.start_soon(admin.restart.run, world.warn)
        async with trio.open_nursery() as accepting:
            listeners = await _open_listeners(settings.link)
            accept = functools.partial(trio.serve_listeners, handler_nursery=links)
            accepting.start_soon(accept, world.serve_link, listeners)
            for listener in listeners:
                announce(f"link {bound_address(listener)}")
            admin.world = world
            announce("Ready.")
            _log.info(Event.PROCESS_READY)
            await stop.wait()
            accepting.cancel_scope.cancel()
        _log.info(Event.PROCESS_STOP, sessions=len(world.sessions.by_id))
        await world.drain(admin.restart.reason)
        links.cancel_scope.deadline = trio.current_time() + CLOSE_DEADLINE
        services.cancel_scope.cancel()
    if links.cancel_scope.cancelled_caught:
        _log.warning(Event.PROCESS_STOP, waited_in_vain_for="gateways to take what was left")


async def _cancel_when_set(event: trio.Event, scope: trio.CancelScope) -> None:
    await event.wait()
    scope.cancel()


async def _keep_lock(
    settings: StoreSettings, note: Callable[[str], None], *, task_status: trio.TaskStatus[None]
) -> None:
    """Take the lock, however long another world holds it, and take it again whenever its connection is lost.

    Why it is not held goes to the log and to `note`, once for each reason; that it is held goes to `note` as an empty text.

    The lock only makes a second world wait. What keeps two worlds from writing at the same time is the fence; so play goes on while the
    lock is lost, and if another world takes it meanwhile, the next commit here is refused.
    """
    said = ""
    started = False
    while True:
        try:
            async with hold_advisory_lock(settings, WORLD_LOCK, application="wyld world: lock") as lock:
                if said:
                    _log.warning(Event.STORE_UP, what="lock")
                    said = ""
                note(said)
                if not started:
                    started = True
                    task_status.started()
                while True:
                    await trio.sleep(LOCK_INTERVAL)
                    await lock.check()
        except (LockTaken, StoreError) as error:
            if str(error) != said:
                said = str(error)
                _log.warning(Event.STORE_DOWN, what="lock", reason=said)
                note(said)
        await trio.sleep(LOCK_INTERVAL)


async def _open_listeners(settings: LinkSettings) -> list[trio.SocketListener]:
    if settings.fd is None:
        return await open_listeners([settings.address])
    try:
        return [trio.SocketListener(trio.socket.from_stdlib_socket(socket.socket(fileno=settings.fd)))]
    except (OSError, ValueError) as error:
        raise CannotListen(f"file descriptor {settings.fd}", str(error)) from error

"""The world's process: `serve` is its whole nursery tree, readable top to bottom.

    serve
      keep_lock             the advisory lock: one world for each database
      open_world
        engine              the single-writer loop
        heartbeat           wakes the engine once a second
        committer           commits, then releases
        accounts            two workers for passwords
      links                 one task for each gateway
        accepting           the listener

Start: the areas are loaded, the lock is taken, the fence is raised, everything durable is read; only then does the world listen. Stop:
no new links and no new commands, gateways are told, what has run is committed and released, the links are flushed and closed. Each of
these steps has a deadline, and the log says what was waited for in vain.

`open_world` is the world without its edges, for tests: the caller brings the store, and a stream for each gateway.
"""

from __future__ import annotations

import functools
import random as random_module
import secrets
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import attrs
import trio

from wyld_rpc.frames import pack_body
from wyld_rpc.messages import Drain
from wyld_rpc.numbering import new_epoch
from wyld_rpc.wire import pack_event
from wyld_service.errors import CannotListen, LockTaken, StoreError
from wyld_service.listening import bound_address, open_listeners
from wyld_service.log import Event, get_logger
from wyld_service.postgres import hold_advisory_lock, open_database
from wyld_service.settings import LinkSettings, Settings, StoreSettings
from wyld_world.accounts import Accounts
from wyld_world.areas import STARTER_FOLDER
from wyld_world.areas import load as load_areas
from wyld_world.attempts import Attempts
from wyld_world.committer import Committer
from wyld_world.engine import HEARTBEAT, Clocks, Engine, TurnLimits
from wyld_world.gateways import Gateways
from wyld_world.link import LinkServices, serve_link
from wyld_world.model.journal import Journal
from wyld_world.model.prototypes import Areas
from wyld_world.model.world import World
from wyld_world.passwords import Argon2Passwords, Passwords
from wyld_world.postgres_store import WORLD_LOCK, PostgresStore
from wyld_world.sessions import Sessions
from wyld_world.store import WorldStore

COMMIT_DEADLINE: Final = 2.0
"""Seconds that a stopping world waits for its last commit."""
CLOSE_DEADLINE: Final = 1.0
"""Seconds for the links to send what is left. Breaking off a commit on a dead network takes two more, which makes five."""
LOCK_INTERVAL: Final = 0.5
"""Seconds between two tries to take the lock, and between two looks whether it is still held."""

_log = get_logger()


async def serve(settings: Settings, *, stop: trio.Event, announce: Callable[[str], None]) -> None:
    """Run the world until `stop` is set, then stop gracefully, within five seconds, and return.

    Args:
        settings: `[link]`, `[store]`, `[world]` and `[sessions]` are read.
        announce: Gets a line for the bound address, and then `Ready.`

    Raises:
        ServiceError: What the operator must mend: `CannotListen`, `StoreUnavailable` at the start, `CommitRefused`, `FencedOff`;
            in an exception group where it ended a running world.
        AreaErrors: The area files are wrong.

    Cancellation: ends at once; the database keeps what was committed.
    """
    areas = load_areas(settings.world.areas or STARTER_FOLDER)
    async with (
        open_database(settings.store, application="wyld world") as database,
        trio.open_nursery() as keeping_lock,
    ):
        async with trio.open_nursery() as waiting:
            waiting.start_soon(_cancel_when_set, stop, waiting.cancel_scope)
            await keeping_lock.start(_keep_lock, settings.store)
            waiting.cancel_scope.cancel()
        if not stop.is_set():
            await _serve_links(settings, areas, PostgresStore(database), stop, announce)
        keeping_lock.cancel_scope.cancel()


async def _serve_links(
    settings: Settings, areas: Areas, store: WorldStore, stop: trio.Event, announce: Callable[[str], None]
) -> None:
    opening = open_world(
        store,
        areas,
        key=settings.link.key.reveal().encode(),
        detached_ttl=settings.sessions.detached_ttl,
        limits=TurnLimits(settings.world.tick_commands, settings.world.tick_time),
    )
    async with opening as world, trio.open_nursery() as links:
        async with trio.open_nursery() as accepting:
            listeners = await _open_listeners(settings.link)
            accept = functools.partial(trio.serve_listeners, handler_nursery=links)
            accepting.start_soon(accept, world.serve_link, listeners)
            for listener in listeners:
                announce(f"link {bound_address(listener)}")
            announce("Ready.")
            await stop.wait()
            accepting.cancel_scope.cancel()
        await world.drain()
        links.cancel_scope.deadline = trio.current_time() + CLOSE_DEADLINE
    if links.cancel_scope.cancelled_caught:
        _log.warning(Event.PROCESS_STOP, waited_in_vain_for="gateways to take what was left")


async def _cancel_when_set(event: trio.Event, scope: trio.CancelScope) -> None:
    await event.wait()
    scope.cancel()


async def _keep_lock(settings: StoreSettings, *, task_status: trio.TaskStatus[None]) -> None:
    """Take the lock, however long another world holds it, and take it again whenever its connection is lost.

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
        await trio.sleep(LOCK_INTERVAL)


async def _open_listeners(settings: LinkSettings) -> list[trio.SocketListener]:
    if settings.fd is None:
        return await open_listeners([settings.address])
    try:
        return [trio.SocketListener(trio.socket.from_stdlib_socket(socket.socket(fileno=settings.fd)))]
    except (OSError, ValueError) as error:
        raise CannotListen(f"file descriptor {settings.fd}", str(error)) from error


# ------------------------------------------------------------------------------------ without its edges


@attrs.frozen
class RunningWorld:
    """A world that runs; made by `open_world`. Its parts are for tests and for whoever reports on it."""

    engine: Engine
    attempts: Attempts
    committer: Committer
    sessions: Sessions
    gateways: Gateways
    world: World
    _services: LinkServices

    async def serve_link(self, stream: trio.abc.Stream) -> None:
        """Serve one gateway until its link ends; see `link.serve_link`."""
        await serve_link(stream, self._services)

    async def drain(self) -> None:
        """Stop taking commands, tell the gateways, commit and release what has run, and end the links.

        Cancellation: what was not committed yet is lost, as if the world had been killed.
        """
        self.engine.stop()
        drain = pack_body(pack_event(Drain(COMMIT_DEADLINE + CLOSE_DEADLINE, "The world is restarting.")))
        for gateway in self.gateways:
            gateway.send(Drain.KIND, drain)
        with trio.move_on_after(COMMIT_DEADLINE) as scope:
            await self.committer.finish()
        if scope.cancelled_caught:
            _log.error(Event.PROCESS_STOP, waited_in_vain_for="the last commit")
        for gateway in tuple(self.gateways):
            self.engine.gateway_lost(gateway, "the world stops")


@asynccontextmanager
async def open_world(
    store: WorldStore,
    areas: Areas,
    *,
    key: bytes,
    detached_ttl: float,
    limits: TurnLimits = TurnLimits(),  # noqa: B008 - frozen
    clocks: Clocks = Clocks(),  # noqa: B008 - frozen
    random: random_module.Random | None = None,
    passwords: Passwords | None = None,
) -> AsyncIterator[RunningWorld]:
    """Take the database over and run a world as long as the block lasts. Leaving it stops at once: `drain` first.

    Raises:
        StoreUnavailable, StoreRefused: On entering.
        CommitRefused, FencedOff: Around the block, in an exception group, when the world cannot go on.
    """
    random = random or random_module.Random(secrets.randbits(64))
    fence = await store.take_over()
    saved = await store.load()
    world = World(areas)
    for note in world.restore(saved.entities, saved.characters):
        _log.warning(Event.WORLD_RESTART, note=note)
    journal = Journal(world)
    world.seed(journal, random)

    known_accounts = set(saved.accounts)
    sessions, gateways = Sessions(), Gateways()
    attempts = Attempts(world, journal, sessions, random)
    committer = Committer(store, fence, sessions, gateways)
    engine = Engine(
        attempts,
        sessions,
        gateways,
        committer,
        accounts=known_accounts,
        detached_ttl=detached_ttl,
        limits=limits,
        clocks=clocks,
    )
    accounts = Accounts(store, known_accounts, passwords=passwords or Argon2Passwords(), wall=clocks.wall)
    services = LinkServices(key, new_epoch(secrets.token_bytes), engine, sessions, accounts)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(engine.run)
        nursery.start_soon(_beat, engine)
        nursery.start_soon(committer.run)
        nursery.start_soon(accounts.run)
        yield RunningWorld(engine, attempts, committer, sessions, gateways, world, services)
        nursery.cancel_scope.cancel()


async def _beat(engine: Engine) -> None:
    while True:
        engine.beat()
        await trio.sleep(HEARTBEAT)

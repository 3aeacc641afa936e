"""A world that runs, without its edges: the caller brings the store, and a stream for each gateway.

`app.serve` puts the database and a listener to it; tests put a store in memory and memory streams to it, so that the whole world runs
under a virtual clock.
"""

from __future__ import annotations

import random as random_module
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import attrs
import trio

from wyld_rpc.frames import pack_body
from wyld_rpc.messages import Drain
from wyld_rpc.numbering import new_epoch
from wyld_rpc.wire import pack_event
from wyld_service.log import Event, get_logger
from wyld_world.accounts import Accounts
from wyld_world.attempts import Attempts
from wyld_world.command_queue import CommandQueue
from wyld_world.committer import Committer
from wyld_world.engine import HEARTBEAT, Clocks, Engine, TurnLimits
from wyld_world.gateways import Gateways
from wyld_world.link import LinkServices, serve_link
from wyld_world.model.journal import Journal
from wyld_world.model.prototypes import Areas
from wyld_world.model.world import World
from wyld_world.passwords import Argon2Passwords, Passwords
from wyld_world.restoring import restore
from wyld_world.sessions import Sessions
from wyld_world.store import WorldStore

COMMIT_DEADLINE: Final = 2.0
"""Seconds that a stopping world waits for its last commit."""
CLOSE_DEADLINE: Final = 1.0
"""Seconds for the links to send what is left. Breaking off a commit on a dead network takes two more, which makes five."""

_log = get_logger()


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

    def warn(self, seconds: float, reason: str) -> None:
        """Tell every gateway that the world stops in `seconds`; with 0, that it stops now."""
        drain = pack_body(pack_event(Drain(seconds, reason)))
        for gateway in self.gateways:
            gateway.send(Drain.KIND, drain)

    async def drain(self, reason: str = "") -> None:
        """Stop taking commands, tell the gateways, commit and release what has run, and end the links.

        Cancellation: what was not committed yet is lost, as if the world had been killed.
        """
        self.engine.stop()
        self.warn(0.0, reason)
        with trio.move_on_after(COMMIT_DEADLINE) as scope:
            await self.committer.finish()
        if scope.cancelled_caught:
            _log.error(Event.PROCESS_STOP, waited_in_vain_for="the last commit")
        for gateway in self.gateways:
            if gateway.link is not None:
                self.engine.link_lost(gateway, gateway.link, "the world stops")


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
    sessions, gateways = Sessions(), Gateways()
    world = World(areas)
    for note in world.restore(saved.entities, saved.characters):
        _log.warning(Event.WORLD_RESTART, note=note)
    awaited = restore(saved, world, sessions, gateways, clocks.now())
    journal = Journal(world)
    world.seed(journal, random)

    known_accounts = set(saved.accounts)
    attempts = Attempts(world, journal, sessions, random)
    committer = Committer(store, fence, sessions, gateways)
    queue = CommandQueue(store)
    engine = Engine(
        attempts,
        sessions,
        gateways,
        committer,
        queue=queue,
        accounts=known_accounts,
        awaited=awaited,
        saved=saved,
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
        nursery.start_soon(queue.run, engine.put_queued)
        nursery.start_soon(accounts.run)
        yield RunningWorld(engine, attempts, committer, sessions, gateways, world, services)
        nursery.cancel_scope.cancel()


async def _beat(engine: Engine) -> None:
    while True:
        engine.beat()
        await trio.sleep(HEARTBEAT)

"""The processes under test: PostgreSQL, a world and gateways as `wyld up` starts them, on loopback ports that the system chooses.

The gateways reach the world through a `LinkProxy`. A world or gateway that ends is started again at once, so that a run has time for many
ends; a gateway comes back on the ports that it had.
"""

from __future__ import annotations

import random as random_module
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import attrs
import psycopg
import trio

from wyld.bench.link_proxy import LinkProxy
from wyld.console import Console
from wyld.data_folder import DataFolder
from wyld.embedded import EmbeddedPostgres
from wyld.errors import CannotStart
from wyld.supervisor import Child, ChildSpec
from wyld_service.listening import bound_address
from wyld_service.units import Address

STOP_GRACE: Final = 5.0
"""Seconds that each process gets to end."""

_BACKLOG: Final = 64
"""Connections that wait for a world: those of all gateways, and of their attempts meanwhile."""

_COINS: Final = """
    select split_part(item.prototype, '.', 2), coalesce(holder.name, item.room, ''), sum((item.data->>'count')::bigint)::bigint
    from entities item left join entities holder on holder.id = item.container_id
    where item.kind = 'item' group by 1, 2
"""


@attrs.frozen
class Gateway:
    """One gateway's process, and where its players connect."""

    child: Child
    telnet: Address
    web: Address


@attrs.frozen
class Game:
    """What runs, made by `open_game`. `link` is what the links of all gateways go through, `database` a URL."""

    world: Child
    gateways: Sequence[Gateway]
    link: LinkProxy
    database: str

    async def coins(self) -> list[tuple[str, str, int]]:
        """From the database: whose coins, the player who has them or the room where they are, and how many."""
        return await trio.to_thread.run_sync(_read_coins, self.database)


def end_at_once(child: Child) -> None:
    """Kill the process, and start the next without the pause that something broken would be given."""
    child.send_signal(signal.SIGKILL)
    child.restart()


@attrs.frozen
class Setting:
    """How a game is to be started: `database` is the URL of an empty database, or None for one that is made."""

    folder: DataFolder
    areas: Path
    gateways: int
    database: str | None


@asynccontextmanager
async def open_game(setting: Setting, random: random_module.Random, console: Console) -> AsyncIterator[Game]:
    """Start everything, and stop it when the block is left.

    Raises `CannotStart`, perhaps within an exception group, with nothing left running.
    """
    with socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG) as listening:
        async with trio.open_nursery() as nursery:
            start = _Start(setting, nursery)
            try:
                yield await start.everything(listening, random, console)
            finally:
                with trio.CancelScope(shield=True):
                    await start.undo()
            nursery.cancel_scope.cancel()


@attrs.define
class _Start:
    """Starts one thing after the other in a nursery, and stops them in the opposite order."""

    _setting: Setting
    _nursery: trio.Nursery
    _started: list[Child | EmbeddedPostgres] = attrs.field(factory=list)
    _environment: dict[str, str] = attrs.field(factory=dict)
    """Of every process."""

    async def everything(
        self, listening: socket.socket, random: random_module.Random, console: Console
    ) -> Game:
        database = await self._database(console)
        host, port = listening.getsockname()
        link = LinkProxy(host, port, random)
        (front,) = await self._nursery.start(link.run)
        self._environment = {
            "WYLD_STORE__URL": database,
            "WYLD_LINK__KEY_FILE": str(self._setting.folder.link_key),
            "WYLD_LINK__ADDRESS": str(bound_address(front)),
            "WYLD_METRICS__ADDRESS": "",
            # What is done to them makes them complain, rightly.
            "WYLD_LOG__LEVEL": "error",
        }
        world = await self._world(listening)
        gateways = [await self._gateway() for _ in range(self._setting.gateways)]
        return Game(world, gateways, link, database)

    async def undo(self) -> None:
        for service in reversed(self._started):
            await service.stop(STOP_GRACE)

    async def _database(self, console: Console) -> str:
        if self._setting.database is not None:
            await trio.to_thread.run_sync(_require_empty, self._setting.database)
            return self._setting.database
        server = EmbeddedPostgres(self._setting.folder.postgres, console)
        url: str = await self._nursery.start(server.run)
        self._started.append(server)
        return url

    async def _world(self, listening: socket.socket) -> Child:
        fd = listening.fileno()
        special = {"WYLD_LINK__FD": str(fd), "WYLD_WORLD__AREAS": str(self._setting.areas)}
        return (await self._child("world", special, fd))[0]

    async def _gateway(self) -> Gateway:
        special = {"WYLD_TELNET__LISTENERS": "127.0.0.1:0", "WYLD_WEB__LISTENERS": "127.0.0.1:0"}
        child, said = await self._child("gateway", special)
        addresses = {kind: Address.parse(where) for kind, _, where in (line.partition(" ") for line in said)}
        there = {f"WYLD_{kind.upper()}__LISTENERS": str(where) for kind, where in addresses.items()}
        child.spec = attrs.evolve(child.spec, environment={**child.spec.environment, **there})
        return Gateway(child, addresses["telnet"], addresses["web"])

    async def _child(self, name: str, special: Mapping[str, str], *fds: int) -> tuple[Child, list[str]]:
        """The running child, and the addresses that it announced, as "telnet 127.0.0.1:4000"."""
        said: list[str] = []
        spec = ChildSpec(name, [sys.executable, "-m", "wyld", name], {**self._environment, **special}, fds)
        child = Child(spec, tell=said.append, notice=_say_nothing)
        await self._nursery.start(child.run)
        self._started.append(child)
        return child, said


def _say_nothing(_: str) -> None:
    """Drop what a supervisor says of its child: here it dies on purpose."""


def _read_coins(database: str) -> list[tuple[str, str, int]]:
    with psycopg.connect(database) as connection:
        return [(owner, place, count) for owner, place, count in connection.execute(_COINS)]


def _require_empty(database: str) -> None:
    """Refuse a database in which somebody has played: this run would play in it."""
    try:
        with psycopg.connect(database) as connection:
            (known,) = connection.execute("select to_regclass('accounts') is not null").fetchone() or (False,)
            used = known and connection.execute("select 1 from accounts limit 1").fetchone()
    except psycopg.Error as error:
        raise CannotStart(f"The database cannot be used: {str(error).splitlines()[0]}.") from error
    if used:
        raise CannotStart("The database is in use by a game. Give an empty one, or none, and one is made.")

"""`wyld up`: database, world and gateway in one terminal, each a process of its own, supervised by one nursery.

    data folder locked -> database -> world (applies the schema) -> gateway -> "Ready." -> wait for a signal
    stop: gateway, world, database

What is started last is stopped first: the gateway tells the players and lets go of them, then the world saves, then
the database ends. The first SIGINT or SIGTERM asks for that; a second one kills what is left.

We open the link's listening socket and the world inherits it. It stays open while a world is being replaced, so
the address stays, and a gateway that connects meanwhile waits in the backlog instead of being refused.
"""

import signal
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import attrs
import trio

import wyld_world
from wyld.console import Console
from wyld.data_folder import DataFolder, open_data_folder
from wyld.embedded import EmbeddedPostgres, require_installed
from wyld.errors import CannotStart
from wyld.reload import restart_on_change
from wyld.supervisor import Child, ChildSpec
from wyld_service.units import Address

# Seconds after the signal at which the patience with each ends, so that `wyld up` is gone within 5 s. What one does
# not use the next one has. The gateway gives slow clients two and a half seconds to read the farewell.
GATEWAY_STOP_LIMIT = 3.25
WORLD_STOP_LIMIT = 4.25
DATABASE_STOP_LIMIT = 4.75
# Gateways that wait while a world is replaced. One is ours; a few may have been started by hand.
LINK_BACKLOG = 16


@attrs.frozen
class UpOptions:
    """What the user asked for. Without `database` an embedded PostgreSQL is started; with `reload` the world is restarted when one of
    its files changes."""

    data: Path
    telnet: tuple[Address, ...]
    web: tuple[Address, ...]
    database: str | None
    reload: bool


class Service(Protocol):
    """What runs in the nursery and is stopped in order."""

    async def stop(self, grace: float) -> None:
        """Stop within `grace` seconds, in the end by force, and wait for it."""
        ...


def up(options: UpOptions, console: Console) -> None:
    """Run everything until a signal. Raises `CannotStart` with nothing left running."""
    if options.database is None:
        require_installed()
    with open_data_folder(options.data) as folder, _link_socket() as link:
        trio.run(_Up(options, console, folder, link).run)


class _Up:
    """One run of `wyld up`."""

    def __init__(self, options: UpOptions, console: Console, folder: DataFolder, link: socket.socket) -> None:
        self._options = options
        self._console = console
        self._folder = folder
        self._link = link
        self._started: list[tuple[Service, float]] = []

    async def run(self) -> None:
        failure: CannotStart | None = None
        async with trio.open_nursery() as nursery:
            running = trio.CancelScope()
            await nursery.start(_obey_signals, running, nursery.cancel_scope)
            try:
                with running:
                    await self._start(nursery)
            except CannotStart as error:
                failure = error
            if failure is None:
                self._console.notice("Stopping ...")
            await self._stop()
            nursery.cancel_scope.cancel()
        if failure is not None:
            raise failure

    async def _start(self, nursery: trio.Nursery) -> None:
        """Start everything in order and then keep it running; cancelled by the first signal."""
        database = self._options.database or await self._start_database(nursery)
        world = await self._start_child(nursery, self._world(database), WORLD_STOP_LIMIT)
        await self._start_child(nursery, self._gateway(database), GATEWAY_STOP_LIMIT)
        self._console.result("Ready.")
        if self._options.reload:
            await restart_on_change(Path(wyld_world.__path__[0]), world.restart, self._console)
        await trio.sleep_forever()

    async def _stop(self) -> None:
        """Stop what was started, the last first; each has until its limit."""
        signalled = trio.current_time()
        for service, limit in reversed(self._started):
            await service.stop(max(0.0, signalled + limit - trio.current_time()))

    async def _start_database(self, nursery: trio.Nursery) -> str:
        database = EmbeddedPostgres(self._folder.postgres, self._console)
        url: str = await nursery.start(database.run)
        self._started.append((database, DATABASE_STOP_LIMIT))
        return url

    async def _start_child(self, nursery: trio.Nursery, spec: ChildSpec, stop_limit: float) -> Child:
        child = Child(spec, tell=self._tell, notice=self._console.notice)
        await nursery.start(child.run)
        self._started.append((child, stop_limit))
        return child

    def _world(self, database: str) -> ChildSpec:
        fd = self._link.fileno()
        environment = {**self._shared(database), "WYLD_LINK__FD": str(fd)}
        return ChildSpec("world", _command("world"), environment, (fd,))

    def _gateway(self, database: str) -> ChildSpec:
        environment = {
            **self._shared(database),
            "WYLD_TELNET__LISTENERS": ",".join(map(str, self._options.telnet)),
            "WYLD_WEB__LISTENERS": ",".join(map(str, self._options.web)),
        }
        return ChildSpec("gateway", _command("gateway"), environment)

    def _shared(self, database: str) -> Mapping[str, str]:
        host, port = self._link.getsockname()
        return {
            "WYLD_STORE__URL": database,
            "WYLD_LINK__KEY_FILE": str(self._folder.link_key),
            "WYLD_LINK__ADDRESS": f"{host}:{port}",
            # Two processes, one default port; and nobody scrapes a terminal.
            "WYLD_METRICS__ADDRESS": "",
            "WYLD_CONTROL__PATH": str(self._folder.path),
        }

    def _tell(self, line: str) -> None:
        self._console.result(describe_address(line))


def describe_address(line: str) -> str:
    """For people: what a child announced as `telnet 127.0.0.1:4000`."""
    kind, _, address = line.partition(" ")
    schemes = {"web": "http", "web-tls": "https"}
    return f"{kind.capitalize()} on " + (f"{schemes[kind]}://{address}/" if kind in schemes else address)


async def _obey_signals(
    running: trio.CancelScope, everything: trio.CancelScope, *, task_status: trio.TaskStatus[None]
) -> None:
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        task_status.started()
        async for _ in signals:
            if running.cancel_called:
                everything.cancel()
            running.cancel()


def _command(process: str) -> list[str]:
    return [sys.executable, "-m", "wyld", process]


@contextmanager
def _link_socket() -> Iterator[socket.socket]:
    try:
        link = socket.create_server(("127.0.0.1", 0), backlog=LINK_BACKLOG)
    except OSError as error:
        raise CannotStart(f"No listening socket for the link could be opened: {error.strerror}.") from error
    with link:
        yield link

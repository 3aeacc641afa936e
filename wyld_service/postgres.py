"""The only place that opens connections to PostgreSQL.

psycopg has no trio mode, so a transaction is a plain function that runs in a worker thread with a pooled connection:
`await database.run(fn, *args)` calls `fn(connection, *args)` and commits. Threads and connections are bounded by the
same number, `store.pool_size`.

A run ends in bounded time whatever the network does, because three watches stand behind each other: the server gives
up a statement after `store.statement_timeout`; a run that lasts longer than `store.connect_timeout` plus
`store.statement_timeout` is cancelled here, on the server too; and where the server does not answer that either, the
connection's socket is shut down (`wyld_service.cancellable`). Before `run` returns or raises, its thread has ended and
its connection is back in the pool, clean, or replaced.
"""

from __future__ import annotations

import contextlib
import logging
import select
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any, Concatenate, Final, ParamSpec, Self, TypeVar

import psycopg
import psycopg_pool
import trio
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from wyld_service.cancellable import CancellableCall
from wyld_service.errors import LockTaken, StoreError, StoreRefused, StoreUnavailable
from wyld_service.log import Event, get_logger
from wyld_service.settings import StoreSettings

Connection = psycopg.Connection[tuple[Any, ...]]
P = ParamSpec("P")
T = TypeVar("T")

ACQUIRE_SLICE: Final = 0.25
"""Seconds between two looks at whether the task that waits for a connection was cancelled meanwhile. Each slice also
makes the pool try a new connection, so this is how soon a database that comes back is noticed."""

RECONNECT_TIMEOUT: Final = 1.0
"""Seconds for which the pool repeats a failed connection by itself. Its pauses double; runs that wait ask anew."""

CLOSE_TIMEOUT: Final = 2.0
"""Seconds for the pool's own threads to end; one in the middle of connecting is left to its connect_timeout."""

_TCP: Final = {
    # A server that vanished is noticed after 15 s of silence, and 5 s after data went unacknowledged.
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 5,
    "tcp_user_timeout": 5000,
}

_NOT_NOW: Final = ("08", "25P03", "40", "53", "55P03", "57", "58")
"""SQLSTATE classes and codes by which the server says "not now": connection, idle for too long, rolled back to resolve
a conflict, out of resources, lock not available, operator intervention (shutdown, cancelled), system error."""

_log = get_logger()

# The pool warns of each failed attempt, several times a second while the database is away; `store.down` says it once.
logging.getLogger("psycopg.pool").setLevel(logging.ERROR)

_call: ContextVar[CancellableCall] = ContextVar("_call")
"""The call that the current worker thread works for; the pool's callbacks have no other way to learn it."""


class Database:
    """A pool of connections and the threads that use them; made by `open_database`.

    Any number of tasks may call `run` at the same time; `store.pool_size` of them run, the others wait in order.

    Attributes:
        available: Whether the last run that reached an end reached the database.
        runs: Runs that ended well, ever.
        failures: Runs that ended in `StoreUnavailable`, ever.
    """

    def __init__(self, settings: StoreSettings, application: str) -> None:
        self._acquire_timeout = settings.connect_timeout
        self._run_timeout = settings.connect_timeout + settings.statement_timeout
        self._limiter = trio.CapacityLimiter(settings.pool_size)
        self._connect_failure: str | None = None
        self._down_since: float | None = None
        self._pool = psycopg_pool.ConnectionPool(
            _conninfo(settings, application),
            connection_class=_connection_class(self._note_connect),
            min_size=settings.pool_size,
            max_size=settings.pool_size,
            num_workers=min(2, settings.pool_size),
            reconnect_timeout=RECONNECT_TIMEOUT,
            check=_check,
            name=application,
            open=False,
        )
        self.available = True
        self.runs = 0
        self.failures = 0

    async def run(
        self, fn: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `fn(connection, *args, **kwargs)` in a worker thread inside one transaction; return its result.

        `fn` must do nothing but talk to the database. If it raises, the transaction is rolled back. An error that
        PostgreSQL reports on a statement must leave `fn`: the transaction is lost by it.

        Raises:
            StoreUnavailable: The database is away, overloaded, shutting down or did not answer in time; with
                `in_doubt` if the connection was lost while COMMIT was under way.
            StoreRefused: The database refused a statement: a broken constraint, a missing table, a wrong value.
            Exception: What `fn` raises for reasons of its own; nothing else of the database's.

        Cancellation: the query is cancelled on the server and the connection returned before `Cancelled` goes on,
        which takes at most about a second (`cancellable.CANCEL_GRACE`). As with every lost answer it is then unknown
        whether the transaction was committed: write it so that it may be repeated.
        """
        call = CancellableCall()
        transaction = _Transaction(call)

        def work() -> T:
            _call.set(call)
            with self._borrowed(call) as connection:
                return transaction.run(connection, lambda: fn(connection, *args, **kwargs))

        try:
            result = await _within(self._run_timeout, call, work, self._limiter)
        except StoreUnavailable as error:
            error.in_doubt |= call.cancelled and transaction.committing
            if call.silent:
                # What one connection suffers, the idle ones beside it do too: none of them is trusted any more.
                self._pool.drain()
            self._note_failure(error)
            raise
        self._note_success()
        return result

    @contextlib.contextmanager
    def _borrowed(self, call: CancellableCall) -> Iterator[Connection]:
        """A connection of the pool, in the worker thread; waits in slices so that cancellation is noticed."""
        deadline = time.monotonic() + self._acquire_timeout
        while True:
            call.check_wanted()
            try:
                connection = self._pool.getconn(ACQUIRE_SLICE)
                break
            except psycopg_pool.PoolTimeout:
                if time.monotonic() >= deadline:
                    reason = self._connect_failure or "no connection is free"
                    raise StoreUnavailable(
                        f"No connection to the database within {self._acquire_timeout:g} s: {reason}."
                    ) from None
            except psycopg_pool.PoolClosed:
                raise StoreUnavailable("This process has closed its connections to the database.") from None
        try:
            yield connection
        finally:
            self._pool.putconn(connection)

    def _note_connect(self, failure: str | None) -> None:
        self._connect_failure = failure

    def _note_success(self) -> None:
        self.runs += 1
        self.available = True
        if self._down_since is not None:
            _log.warning(Event.STORE_UP, seconds=round(trio.current_time() - self._down_since, 1))
            self._down_since = None

    def _note_failure(self, error: StoreUnavailable) -> None:
        self.failures += 1
        self.available = False
        if self._down_since is None:
            self._down_since = trio.current_time()
            _log.error(Event.STORE_DOWN, reason=str(error))


@asynccontextmanager
async def open_database(settings: StoreSettings, *, application: str) -> AsyncIterator[Database]:
    """Open a pool of connections for as long as the block lasts.

    The database need not be up: connections are made in the background and whenever they are needed.

    Args:
        settings: The section `[store]`.
        application: Name under which the connections appear in `pg_stat_activity`.

    Cancellation: the pool is closed in any case, which takes at most `CLOSE_TIMEOUT`.
    """
    database = Database(settings, application)
    database._pool.open(wait=False)
    try:
        yield database
    finally:
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(database._pool.close, CLOSE_TIMEOUT)


class AdvisoryLock:
    """A session-level advisory lock of PostgreSQL; made by `hold_advisory_lock`."""

    def __init__(self, connection: Connection, limiter: trio.CapacityLimiter, timeout: float) -> None:
        self._connection = connection
        self._limiter = limiter
        self._timeout = timeout

    async def check(self) -> None:
        """Ask the server whether the connection that holds the lock lives. One caller at a time.

        Raises:
            StoreUnavailable: It does not, or does not answer. The lock is lost: somebody else may hold it by now.

        Cancellation: ends the connection if the server is silent, and the lock with it.
        """
        call = CancellableCall()

        def work() -> None:
            with call.holding(self._connection), _translated():
                self._connection.execute("")

        await _within(self._timeout, call, work, self._limiter)


@asynccontextmanager
async def hold_advisory_lock(
    settings: StoreSettings, key: int, *, application: str
) -> AsyncIterator[AdvisoryLock]:
    """Hold the advisory lock `key` on a connection of its own for as long as the block lasts.

    Nobody waits for a lease to run out: the server frees the lock as soon as the connection or this process ends.

    Args:
        settings: The section `[store]`.
        key: A signed 64-bit number, the same for all who exclude each other.
        application: Name of the connection in `pg_stat_activity`.

    Raises:
        LockTaken: Another connection holds the lock.
        StoreUnavailable, StoreRefused: As `Database.run`.

    Cancellation: takes effect after `store.connect_timeout` at the latest while connecting; the lock is freed.
    """

    call = CancellableCall()
    limiter = trio.CapacityLimiter(1)
    opened: list[Connection] = []  # also when the result of the thread is lost to a cancellation

    def take() -> None:
        with _translated():
            connection = psycopg.connect(_conninfo(settings, application), autocommit=True)
            opened.append(connection)
            with call.holding(connection):
                row = connection.execute("SELECT pg_try_advisory_lock(%s)", (key,)).fetchone()
        if row != (True,):
            raise LockTaken("Another process works with this database and holds its lock.")

    try:
        await _within(settings.connect_timeout + settings.statement_timeout, call, take, limiter)
        yield AdvisoryLock(opened[0], limiter, settings.statement_timeout)
    finally:
        for connection in opened:
            connection.close()


async def _within(
    seconds: float, call: CancellableCall, work: Callable[[], T], limiter: trio.CapacityLimiter
) -> T:
    with trio.move_on_after(seconds):
        return await call.run(work, limiter)
    raise StoreUnavailable(f"The database did not answer within {seconds:g} s.")


class _Transaction:
    """One transaction in a worker thread; `committing` tells the task how far it came."""

    def __init__(self, call: CancellableCall) -> None:
        self._call = call
        self.committing = False

    def run(self, connection: Connection, work: Callable[[], T]) -> T:
        with self._call.holding(connection):
            try:
                result = work()
                self.committing = True
                connection.commit()
                return result
            except psycopg.Error as error:
                in_doubt = self.committing and connection.closed
                _roll_back(connection)
                raise store_error(error, in_doubt=in_doubt) from error
            except BaseException:
                _roll_back(connection)
                raise


def _roll_back(connection: Connection) -> None:
    """Leave the connection idle, or closed, which makes the pool replace it."""
    try:
        connection.rollback()
    except psycopg.Error:
        connection.close()


def store_error(error: psycopg.Error, *, in_doubt: bool = False) -> StoreError:
    """What an error of psycopg means to a caller: not now (`StoreUnavailable`) or no (`StoreRefused`)."""
    code = error.sqlstate
    reason = _one_line(error)
    absent = (
        isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
        if code is None
        else code.startswith(_NOT_NOW)
    )
    if absent:
        return StoreUnavailable(f"The database is not available: {reason}.", in_doubt=in_doubt)
    return StoreRefused(
        f"The database refused: {reason}.", sqlstate=code, constraint=error.diag.constraint_name
    )


def _one_line(error: psycopg.Error) -> str:
    return " ".join((error.diag.message_primary or str(error)).split()).rstrip(".")


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise store_error(error) from error


def _connection_class(note_connect: Callable[[str | None], None]) -> type[Connection]:
    """The pool's connections; each attempt to connect tells `note_connect` why it failed, or None.

    The pool connects in threads of its own and keeps the reason to itself; without this an operator would read only
    that there was no connection.
    """

    class NotedConnection(psycopg.Connection[tuple[Any, ...]]):
        @classmethod
        def connect(cls, conninfo: str = "", **kwargs: Any) -> Self:
            try:
                connection = super().connect(conninfo, **kwargs)
            except psycopg.Error as error:
                note_connect(_one_line(error))
                raise
            note_connect(None)
            return connection

    return NotedConnection


def _check(connection: Connection) -> None:
    """Called by the pool in the borrower's thread: raise if the connection died while it was idle.

    A server says nothing to an idle connection, so one with something to read has most likely been ended. Looking
    costs no round trip; keepalives see to it that a dead network becomes readable as an error.
    """
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if poll.poll(0):
        with _call.get().holding(connection):
            psycopg_pool.ConnectionPool.check_connection(connection)


def _conninfo(settings: StoreSettings, application: str) -> str:
    """The URL of the settings with every time limit added; options of the URL stay, ours stand behind them."""
    url = settings.url.reveal()
    milliseconds = round(settings.statement_timeout * 1000)
    options = f"-c statement_timeout={milliseconds} -c idle_in_transaction_session_timeout={milliseconds}"
    return make_conninfo(
        url,
        application_name=application,
        connect_timeout=max(2, round(settings.connect_timeout)),
        options=f"{conninfo_to_dict(url).get('options') or ''} {options}".strip(),
        **_TCP,
    )

"""A blocking query in a worker thread that a trio task can cancel.

A thread cannot be cancelled, but what it waits for can: the query, on the server; and where the server does not answer,
the socket, which ends the wait with an error. `CancellableCall` keeps account of which connection its thread holds at
the moment, so that both hit this call's query and never that of the next borrower.

States, guarded by one lock: not started -> started, without a connection <-> holding one -> done. `cancelled` may be
set in any of them; from then on no connection is entered any more.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import psycopg
import trio

T = TypeVar("T")

CANCEL_GRACE: Final = 1.0
"""Seconds for a cancelled query to end on the server before its socket is shut down."""


class Abandoned(BaseException):
    """Unwinds a worker thread whose task was cancelled. No `Exception`: nothing between here and the thread's first
    function may mistake it for a failed query and try again."""


class CancellableCall:
    """One piece of blocking work on database connections; use each object once.

    Attributes:
        cancelled: Whether the task was cancelled before the thread had ended; what the thread did after that is lost.
        silent: Whether the server did not even answer a cancellation, so that the socket was shut down.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._started = False
        self.cancelled = False
        self._connection: psycopg.Connection[Any] | None = None
        self._done = trio.Event()
        self.silent = False

    async def run(self, work: Callable[[], T], limiter: trio.CapacityLimiter) -> T:
        """Run `work()` in a worker thread and return or raise what it does.

        Cancellation: cancels the query on the server, waits until the thread has ended, then lets `Cancelled` go on.
        That takes `CANCEL_GRACE` where the server is silent, and hardly any time where it is not.
        """
        token = trio.lowlevel.current_trio_token()

        def in_thread() -> T:
            try:
                with self._lock:
                    self._started = True
                    self._go_on()
                return work()
            finally:
                token.run_sync_soon(self._done.set)

        try:
            # Abandoned only in the sense of trio: `_stop` waits for the thread's end.
            return await trio.to_thread.run_sync(in_thread, abandon_on_cancel=True, limiter=limiter)
        except trio.Cancelled:
            with trio.CancelScope(shield=True):
                await self._stop()
            raise

    @contextmanager
    def holding(self, connection: psycopg.Connection[Any]) -> Iterator[None]:
        """Called by `work` in its thread: inside the block, `connection` is what cancellation acts on.

        Raises:
            Abandoned: The task has been cancelled already.
        """
        with self._lock:
            self._go_on()
            self._connection = connection
        try:
            yield
        finally:
            with self._lock:
                self._connection = None

    def check_wanted(self) -> None:
        """Called by `work` in its thread, between two waits.

        Raises:
            Abandoned: The task has been cancelled.
        """
        with self._lock:
            self._go_on()

    def _go_on(self) -> None:
        if self.cancelled:
            raise Abandoned

    async def _stop(self) -> None:
        with self._lock:
            self.cancelled = True
            if not self._started:
                return
        with trio.move_on_after(CANCEL_GRACE):
            # No limiter shared with queries: those may all be waiting for exactly this.
            await trio.to_thread.run_sync(self._cancel_on_server, limiter=trio.CapacityLimiter(1))
            await self._done.wait()
            return
        self._shut_down_socket()
        await self._done.wait()

    def _cancel_on_server(self) -> None:
        # Under the lock: the thread cannot hand its connection on while the request to cancel is under way.
        with self._lock, contextlib.suppress(psycopg.Error):
            if self._connection is not None:
                self._connection.cancel_safe(timeout=CANCEL_GRACE)

    def _shut_down_socket(self) -> None:
        with self._lock:
            if self._connection is None:
                return
            self.silent = True
            # On a duplicate: the descriptor itself belongs to libpq, which closes it when it reads the end.
            with contextlib.suppress(OSError, psycopg.Error):
                duplicate = socket.socket(fileno=os.dup(self._connection.fileno()))
                with duplicate:
                    duplicate.shutdown(socket.SHUT_RDWR)

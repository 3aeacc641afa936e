"""Reads what gateways have put into the command queue of the database while they could not send it.

The engine asks for the sessions whose rows may have come: those of a gateway that is back, or that will not come back, and one whose player
comes back. It gets the rows together with the word that there are no others, whether or not the database could be asked: what
cannot be read now is with the gateway that put it there, or is read when this session's rows are asked for again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

import trio

from wyld_rpc.messages import SessionId
from wyld_service.errors import StoreUnavailable
from wyld_world.store import QueuedCommand, WorldStore

Put = Callable[[Sequence[SessionId], Sequence[QueuedCommand]], None]


class CommandQueue:
    """`ask` may be called by any task; `run` is a task of the world's nursery."""

    def __init__(self, store: WorldStore) -> None:
        self._store = store
        self._wanted: dict[SessionId, None] = {}
        self._asked = trio.Event()

    def ask(self, sessions: Iterable[SessionId]) -> None:
        """Read the rows of these sessions soon. Never waits."""
        self._wanted |= dict.fromkeys(sessions)
        self._asked.set()

    async def run(self, put: Put) -> None:
        """Read what is asked for and give it to `put`, until cancelled.

        Raises:
            StoreRefused: The database has another shape than this code.
        """
        while True:
            await self._asked.wait()
            self._asked = trio.Event()
            wanted, self._wanted = list(self._wanted), {}
            rows: Sequence[QueuedCommand] = ()
            with suppress(StoreUnavailable):
                rows = await self._store.read_queue(wanted)
            put(wanted, rows)

"""The one task that writes changed rows: soon, in batches, and later when the database is away.

Whoever changes a session only notes its new row here, which is synchronous and never fails; so play goes on whatever the database
does. Only the newest row of a session is kept, so what waits is bounded by the number of sessions that changed.
"""

from __future__ import annotations

from itertools import islice
from typing import Final

import trio

from wyld_gateway.sessions.session import SessionRow
from wyld_gateway.sessions.store import SessionStore
from wyld_rpc.messages import SessionId
from wyld_service.errors import StoreRefused, StoreUnavailable
from wyld_service.log import Event, get_logger

BATCH: Final = 256
"""Rows of one transaction: some milliseconds of the database's time."""

RETRY_AFTER: Final = 1.0
"""Seconds before a database that was away is tried again."""

_log = get_logger()


class RowWriter:
    """`note` is for the event loop's thread; exactly one task runs `run`."""

    def __init__(self, store: SessionStore) -> None:
        self._store = store
        self._rows: dict[SessionId, SessionRow] = {}
        self._noted = trio.Event()

    @property
    def waiting(self) -> int:
        """How many rows are not written yet."""
        return len(self._rows)

    def note(self, row: SessionRow) -> None:
        """Have this row written; it takes the place of an older one of its session that still waits."""
        self._rows[row.id] = row
        self._noted.set()

    async def run(self) -> None:
        """Write what is noted, for ever. Cancelled, it keeps what may not have been written."""
        while True:
            await self._noted.wait()
            try:
                await self.write_all()
                self._noted = trio.Event()
            except StoreUnavailable:
                await trio.sleep(RETRY_AFTER)

    async def write_all(self) -> None:
        """Write everything that is noted. Not while `run` runs.

        Raises:
            StoreUnavailable: The rest is kept, for the next time.
        """
        while self._rows:
            batch = list(islice(self._rows.values(), BATCH))
            try:
                await self._store.save(batch)
            except StoreRefused as error:
                await self._write_each(batch, error)
            self._done(batch)

    async def _write_each(self, batch: list[SessionRow], error: StoreRefused) -> None:
        """One of them is wrong: write the others, and report that one instead of trying it for ever."""
        for row in batch:
            if len(batch) > 1:
                try:
                    await self._store.save([row])
                    continue
                except StoreRefused as refused:
                    error = refused
            _log.error(Event.STORE_REFUSED, sid=row.id.hex()[:8], state=row.state.value, reason=str(error))

    def _done(self, batch: list[SessionRow]) -> None:
        for row in batch:
            if self._rows.get(row.id) is row:
                del self._rows[row.id]

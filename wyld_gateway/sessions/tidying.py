"""What has to be done from time to time for sessions that nobody changes: vouch for the living, close and delete the dead.

A row is not only changed by its own gateway's moves. `touch` tells the database which sessions are alive, so that those of a gateway
that was killed can be told from those of a player who only listens. `expire` closes rows that no world and no gateway knows any more;
it waits for the world to be there, which alone decides how long a character stays without its player, and then some
(`limits.EXPIRY_GRACE`).
"""

from __future__ import annotations

from collections.abc import Callable

import trio

from wyld_gateway import limits
from wyld_gateway.sessions.lifecycle import Move, State
from wyld_gateway.sessions.registry import Registry
from wyld_gateway.sessions.session import Session
from wyld_gateway.sessions.store import SessionStore
from wyld_service.errors import StoreError
from wyld_service.log import Event, get_logger

BATCH = 512
"""Rows that one transaction touches."""

_log = get_logger()


class Tidying:
    """One per gateway; exactly one task runs `run`.

    Args:
        store: Where the rows are.
        registry: The sessions that this gateway holds.
        detached_ttl: Seconds that the world waits for a player.
        clock: Seconds since 1970.
        world_is_there: Whether whoever decides about expiry can be asked.
    """

    def __init__(
        self,
        store: SessionStore,
        registry: Registry,
        *,
        detached_ttl: float,
        clock: Callable[[], float],
        world_is_there: Callable[[], bool],
    ) -> None:
        self._store = store
        self._registry = registry
        self._detached_ttl = detached_ttl
        self._clock = clock
        self._world_is_there = world_is_there

    async def run(self, interval: float) -> None:
        """Tidy up every `interval` seconds, for ever; a database that is away is tried again the next time."""
        while True:
            await trio.sleep(interval)
            self.forget_old_outputs()
            try:
                await self.touch()
                if self._world_is_there():
                    await self.expire()
                await self._store.delete(self._clock() - limits.CLOSED_KEPT)
            except StoreError as error:
                _log.debug(Event.STORE_SLOW, reason=str(error))

    async def touch(self) -> None:
        """Vouch for the sessions that have a client: soon for those whose players type, now and then for the others."""
        now = self._clock()
        due = [session for session in self._registry.by_id.values() if self._is_due(session, now)]
        for begin in range(0, len(due), BATCH):
            batch = due[begin : begin + BATCH]
            await self._store.touch([(session.id, now) for session in batch])
            for session in batch:
                session.touched_at = now

    def forget_old_outputs(self) -> None:
        """Let go of what is kept for a client to come back, and is too old by now."""
        now = trio.current_time()
        for session in self._registry.by_id.values():
            if session.missed is not None:
                session.missed.expire(now)

    def _is_due(self, session: Session, now: float) -> bool:
        if not session.stored or session.client is None:
            return False
        return session.last_activity > session.touched_at or now - session.touched_at > self._detached_ttl / 3

    async def expire(self) -> None:
        """Close rows that nobody holds, and with them what we still hold of their sessions."""
        now = self._clock()
        for session_id in await self._store.expire(now - self._detached_ttl - limits.EXPIRY_GRACE, now):
            _log.info(Event.SESS_EXPIRE, sid=session_id.hex()[:8])
            session = self._registry.by_id.get(session_id)
            if session is not None and session.state is State.DISCONNECTED:
                self._registry.move(session, Move.CLOSE, "expired")

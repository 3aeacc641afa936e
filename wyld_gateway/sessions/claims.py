"""One login of a character at a time: whoever comes later wins, and they pass in the order in which they came.

Entering play takes two steps elsewhere, the database and then the world. If two logins of one character could overlap there, each of
the two might name another winner. So a login claims the character first. A newer claim ends the login that has it or waits for it;
it goes on as soon as that login has been wound up, which is at once, because it has been cancelled.

Between gateways the generation decides, which the database gives out (`SessionStore.begin_play`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import attrs
import trio

from wyld_rpc.messages import EntityId


@attrs.define(eq=False)
class _Turn:
    """Of one character: who claimed it last, and the queue of all who did and are not yet through."""

    lock: trio.Lock = attrs.field(factory=trio.Lock)
    evict: Callable[[], None] | None = None
    claims: int = 0


class Claims:
    """For one gateway; any number of tasks may claim."""

    def __init__(self) -> None:
        self._turns: dict[EntityId, _Turn] = {}

    @asynccontextmanager
    async def claim(self, character: EntityId, evict: Callable[[], None]) -> AsyncIterator[None]:
        """Have the character to oneself for as long as the block lasts.

        Args:
            character: Which.
            evict: Called, at most once and synchronously, when a newer claim comes: cancel what is going on here.

        Cancellation: leaves nothing behind.
        """
        turn = self._turns.setdefault(character, _Turn())
        if turn.evict is not None:
            turn.evict()
        turn.evict = evict
        turn.claims += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.claims -= 1
            if turn.evict is evict:
                turn.evict = None
            if not turn.claims:
                del self._turns[character]

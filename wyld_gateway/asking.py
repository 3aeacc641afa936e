"""Asking the world and the database on behalf of a client that does not play yet.

Both may be away for as long as they like: the client is told, what it types is kept, the deadline of its login stands still, and the
question is asked again by itself. `sweep` reminds the client from time to time that we still wait.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, TypeVar

import trio

from wyld_gateway.client import Client, Wait
from wyld_gateway.dialogue import Dialogue
from wyld_gateway.errors import NoAnswer, WorldAway
from wyld_gateway.gateway import Gateway
from wyld_service.errors import StoreRefused, StoreUnavailable
from wyld_service.log import Event, get_logger

T = TypeVar("T")

WORLD_AWAY: Final = "The world is not there yet; you are connected and will be let in when it is."
WORLD_BACK: Final = "The world is there."
STORE_AWAY: Final = "The database does not answer. You are connected and will be let in when it does."

STORE_RETRY: Final = 2.0
"""Seconds between two tries; a store that is away has taken its own time to say so."""

_log = get_logger()


class Asking:
    """For one client; belongs to the connection's own task. Every method raises `ConnectionEnded` when the client goes."""

    def __init__(self, gateway: Gateway, client: Client, dialogue: Dialogue) -> None:
        self._gateway = gateway
        self._client = client
        self._dialogue = dialogue
        self.start_patience()

    def start_patience(self) -> None:
        """From now on the client has the whole time of a login again."""
        self._client.login_deadline = trio.current_time() + self._gateway.limits.login_deadline

    async def world(self, request: object) -> Any:
        """The world's answer (`WorldLink.call`), asked for again over the next link if one is lost. Create requests carry the id of
        what they create, so that this does no harm.

        Raises:
            CallError: The world refused.
            NoAnswer: It did not answer.
        """
        while True:
            await self.until_world_is_up()
            try:
                return await self._dialogue.meanwhile(partial(self._gateway.link.call, request))
            except WorldAway:
                continue

    async def until_world_is_up(self, away: str = WORLD_AWAY) -> None:
        """Return at once if there is a link; otherwise say `away`, wait for it, and say that it is there."""
        link = self._gateway.link
        if not link.is_up:
            with self._waiting("the world", away):
                await self._dialogue.meanwhile(link.wait_up)
            self._dialogue.say(WORLD_BACK)

    async def store(self, work: Callable[[], Awaitable[T]]) -> T:
        """What `work` returns, tried until the database is there.

        Raises:
            NoAnswer: The database refused it, which is a mistake of ours and logged.
        """
        try:
            try:
                return await self._dialogue.meanwhile(work)
            except StoreUnavailable:
                with self._waiting("the database", STORE_AWAY):
                    return await self._dialogue.meanwhile(partial(_until_available, work))
        except StoreRefused as error:
            _log.error(Event.CONN_ERROR, peer=self._client.adapter.peer, reason=str(error))
            raise NoAnswer(str(error)) from error

    @contextmanager
    def _waiting(self, what: str, text: str) -> Iterator[None]:
        """While the client waits for us and not we for it."""
        if text:
            self._dialogue.say(text)
            self._client.flush()
        self._client.wait = Wait(what, trio.current_time())
        try:
            yield
        finally:
            self._client.wait = None
            self.start_patience()


async def _until_available(work: Callable[[], Awaitable[T]]) -> T:
    while True:
        await trio.sleep(STORE_RETRY)
        try:
            return await work()
        except StoreUnavailable:
            continue

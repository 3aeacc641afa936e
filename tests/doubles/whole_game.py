"""The whole game in one Trio run: a real world, real gateways, one database in memory, links that a test can break.

The world is killed by cancelling it, wherever it is, and a new one is opened over the same tables. Players are plain clients; a ledger
knows what each has said and what each must have heard.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import trio
import trio.testing

from doubles.flaky_stream import Wire, flaky_pair
from doubles.gateway import KEY
from doubles.plain_client import PlainClient
from doubles.session_store import MemorySessionStore
from doubles.world import open_test_world
from doubles.world_store import MemoryWorldStore
from wyld_gateway.app import run_gateway
from wyld_gateway.connection import serve_connection
from wyld_gateway.gateway import Gateway, make_gateway
from wyld_service.secret import Secret
from wyld_service.settings import LimitsSettings, SessionsSettings
from wyld_world.running import RunningWorld

PASSWORD = "a-lantern-in-the-fog"
START = 1_700_000_000.0
"""Seconds since 1970 at which every test begins."""

_SAID = re.compile(r"(\w+) says?, '([^']*)'\n")


@attrs.define(eq=False)
class GatewayNode:
    """One gateway and the link that it has.

    Attributes:
        wire: The newest link's; it may be broken.
        links: How many there were.
        next_remaining: How many bytes the next one carries before it breaks.
    """

    game: WholeGame
    nursery: trio.Nursery
    gateway: Gateway = attrs.field(init=False)
    wire: Wire = attrs.field(factory=Wire)
    links: int = 0
    next_remaining: int | None = None

    def accept(self, client: PlainClient) -> None:
        """A client has connected."""
        self.nursery.start_soon(serve_connection, self.gateway, client)

    def die(self) -> None:
        """Wherever it is, and all its connections with it."""
        self.nursery.cancel_scope.cancel()
        self.game.nodes.remove(self)

    async def connect(self) -> trio.abc.Stream:
        await trio.lowlevel.checkpoint()
        world, nursery = self.game.world, self.game.world_nursery
        if world is None or nursery is None:
            raise OSError("Connection refused")
        self.wire, self.next_remaining = Wire(self.next_remaining), None
        self.links += 1
        ours, theirs = flaky_pair(self.wire)
        nursery.start_soon(world.serve_link, theirs)
        return ours


@attrs.define(eq=False)
class Player:
    """One character, and everything that was said by it.

    Attributes:
        before: How much others had said when this one came.
    """

    game: WholeGame
    name: str
    client: PlainClient
    before: dict[str, int]
    said: list[str] = attrs.field(factory=list)

    def say(self, count: int = 1) -> None:
        """Say something that was never said before."""
        words = [f"{self.name}{next(self.game.words)}" for _ in range(count)]
        self.said += words
        self.client.type(*(f"say {word}" for word in words))

    async def hears(self, speaker: Player) -> None:
        """Wait for the last thing that somebody has said, and for everything before it."""
        await self.client.sees(f"'{speaker.said[-1]}'\n")

    def heard(self) -> dict[str, list[str]]:
        """By speaker, in order."""
        heard: dict[str, list[str]] = {}
        for name, word in _SAID.findall(self.client.text):
            heard.setdefault(self.name if name == "You" else name, []).append(word)
        return heard


@attrs.define(eq=False)
class WholeGame:
    """Attributes:
    world: None while it is away.
    world_store, session_store: Two views of one database.
    """

    nursery: trio.Nursery
    world_store: MemoryWorldStore = attrs.field(factory=MemoryWorldStore)
    session_store: MemorySessionStore = attrs.field(init=False)
    world: RunningWorld | None = None
    world_nursery: trio.Nursery | None = None
    nodes: list[GatewayNode] = attrs.field(factory=list)
    players: list[Player] = attrs.field(factory=list)
    words: itertools.count[int] = attrs.field(factory=itertools.count)
    _world_scope: trio.CancelScope = attrs.field(init=False, factory=trio.CancelScope)

    def __attrs_post_init__(self) -> None:
        self.session_store = MemorySessionStore(queued=self.world_store.queue)

    # -- The world -----------------------------------------------------------------------------------------------

    async def start_world(self) -> None:
        await self.nursery.start(self._run_world)

    async def _run_world(self, *, task_status: trio.TaskStatus[None]) -> None:
        with trio.CancelScope() as self._world_scope:
            async with open_test_world(self.world_store) as self.world, trio.open_nursery() as nursery:
                self.world_nursery = nursery
                task_status.started()
                await trio.sleep_forever()

    def kill_world(self) -> None:
        """Wherever it is."""
        self._world_scope.cancel()
        self.world = self.world_nursery = None

    async def stop_world(self) -> None:
        """As SIGTERM does."""
        assert self.world is not None
        await self.world.drain()
        self.kill_world()

    # -- Gateways ------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def gateway(self) -> AsyncIterator[GatewayNode]:
        started = trio.current_time()
        async with trio.open_nursery() as nursery:
            node = GatewayNode(self, nursery)
            node.gateway = make_gateway(
                connect_world=node.connect,
                key=Secret(KEY.decode()),
                store=self.session_store,
                limits=LimitsSettings(),
                sessions=SessionsSettings(),
                clock=lambda: START + trio.current_time() - started,
            )
            self.nodes.append(node)
            async with run_gateway(node.gateway):
                yield node
                nursery.cancel_scope.cancel()

    # -- Players -------------------------------------------------------------------------------------------------

    async def join(
        self, name: str, node: GatewayNode | None = None, *, numbers: bool = False, quietly: bool = False
    ) -> Player:
        """A new account with a new character of the same name, in play where everybody begins; unless `quietly`, everybody there
        has seen it."""
        node = node or self.nodes[0]
        client = PlainClient(numbers=numbers)
        node.accept(client)
        client.type(f"create {name} {PASSWORD}", f"new {name} quick", f"play {name}")
        await client.sees("You wake")
        player = Player(self, name, client, {other.name: len(other.said) for other in self.players})
        for other in () if quietly else self.players:
            await other.client.sees(name)
        self.players.append(player)
        return player

    def everything_was_heard_once(self) -> None:
        """Assert that everybody has heard everything once and in order, but what was said before he came."""
        for listener in self.players:
            heard = listener.heard()
            for speaker in self.players:
                expected = speaker.said[listener.before.get(speaker.name, 0) :]
                assert heard.get(speaker.name, []) == expected, (
                    f"{listener.name} heard {speaker.name} wrongly"
                )


@asynccontextmanager
async def open_whole_game() -> AsyncIterator[WholeGame]:
    """A world, and no gateway yet."""
    async with trio.open_nursery() as nursery:
        game = WholeGame(nursery)
        await game.start_world()
        yield game
        nursery.cancel_scope.cancel()

"""Both processes' code in one Trio run: the real gateway and the real world over a memory stream, on virtual time.

Real clients stand at one end, a telnet terminal behind the real adapter and a client that numbers its commands; the twin of the
database at the other. What `tests/process/test_two_players.py` shows with processes and sockets is shown here without either, and
what takes minutes takes none.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import trio
from doubles.gateway import KEY
from doubles.plain_client import PlainClient
from doubles.session_store import MemorySessionStore
from doubles.world import DETACHED_TTL, open_test_world
from doubles.world_store import MemoryWorldStore
from trio.testing import memory_stream_pair

from wyld_gateway.app import run_gateway
from wyld_gateway.connection import serve_connection
from wyld_gateway.gateway import Gateway, make_gateway
from wyld_gateway.sessions.lifecycle import State
from wyld_gateway.telnet.adapter import TelnetAdapter
from wyld_service.secret import Secret
from wyld_service.settings import LimitsSettings, SessionsSettings
from wyld_world.running import RunningWorld

SECOND = 1.0


@attrs.define(eq=False)
class Both:
    world: RunningWorld
    gateway: Gateway
    nursery: trio.Nursery

    async def play(self, name: str) -> PlainClient:
        """A client that numbers its commands, in play."""
        client = PlainClient(numbers=True)
        self.nursery.start_soon(serve_connection, self.gateway, client)
        client.type(f"create {name.lower()} a-lantern-in-the-fog", f"new {name} quick", name)
        await client.sees("{attached 1}")
        await client.sees("The Long Quay")
        return client


@asynccontextmanager
async def open_both() -> AsyncIterator[Both]:
    async with open_test_world(MemoryWorldStore()) as world, trio.open_nursery() as nursery:

        async def connect() -> trio.abc.Stream:
            ours, theirs = memory_stream_pair()
            nursery.start_soon(world.serve_link, theirs)
            return ours

        gateway = make_gateway(
            connect_world=connect,
            key=Secret(KEY.decode()),
            store=MemorySessionStore(),
            limits=LimitsSettings(),
            sessions=SessionsSettings(),
            clock=trio.current_time,
        )
        async with run_gateway(gateway):
            yield Both(world, gateway, nursery)
        nursery.cancel_scope.cancel()


async def test_two_players_meet_talk_and_part(autojump_clock: trio.testing.MockClock) -> None:
    async with open_both() as both:
        ann, ben = await both.play("Ann"), await both.play("Ben")
        await ann.sees("Ben wakes")

        ann.type("'good evening")
        await ann.sees("You say, 'good evening'")
        await ann.sees("{ack 1}")
        await ben.sees("Ann says, 'good evening'")

        ben.type("quit")
        await ann.sees("Ben")
        await ben.gone()


async def test_a_telnet_terminal_plays_through_the_real_adapter(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_both() as both:
        terminal, far_end = memory_stream_pair()
        both.nursery.start_soon(serve_connection, both.gateway, TelnetAdapter(far_end, "192.0.2.9:4000"))
        ben = await both.play("Ben")

        await terminal.send_all(
            b"create ann a-lantern-in-the-fog\r\nnew Ann quick\r\nplay Ann\r\n:waves.\r\n"
        )

        await ben.sees("Ann waves.")
        seen = b""
        while b"You" not in seen or b"The Long Quay" not in seen:
            seen += await terminal.receive_some()
        assert b"Ann is ready." in seen


async def test_commands_come_out_once_and_in_order_however_many_there_are(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_both() as both:
        ann, ben = await both.play("Ann"), await both.play("Ben")

        for hundred in range(5):
            ann.type(*[f"'{hundred * 50 + number}" for number in range(50)])
            await ann.sees(f"{{ack {hundred * 50 + 50}}}")
        await ben.sees("says, '249'")

        said = [line.split("'")[1] for line in ben.text.splitlines() if "Ann says, '" in line]
        assert said == [str(number) for number in range(250)]


async def test_a_player_who_does_not_come_back_leaves_the_world_by_itself(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_both() as both:
        ann, ben = await both.play("Ann"), await both.play("Ben")

        ann.hang_up()
        await ann.gone()
        (lost,) = [s for s in both.gateway.registry.by_id.values() if s.state is State.DISCONNECTED]
        assert lost.character == "Ann"
        ben.type("who")
        await ben.sees("2 players")

        await trio.sleep(DETACHED_TTL + 2 * SECOND)
        ben.type("who")
        await ben.sees("1 player")
        assert lost.state is State.CLOSED

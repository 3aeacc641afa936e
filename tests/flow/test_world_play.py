"""The world behind a real link: what a gateway sees of logging in, playing, losing clients and coming back."""

from __future__ import annotations

from doubles.gateway import FakeGateway
from doubles.world import open_test_world
from doubles.world_store import MemoryWorldStore


async def test_two_players_in_one_room_hear_each_other(autojump_clock):
    async with open_test_world(MemoryWorldStore()) as world, FakeGateway().linked(world) as gateway:
        ann, bob = await gateway.play("Ann"), await gateway.play("Bob")

        ann.type("say hello there")

        assert await bob.sees("hello there")
        assert await ann.sees("hello there")

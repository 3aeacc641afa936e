"""Turns: how much of one gateway's input one turn takes, and whose turn is next; ticks that do not fit into one frame."""

from __future__ import annotations

import itertools
import re

import pytest
import trio
from doubles.gateway import FakeGateway
from doubles.world import open_test_world
from doubles.world_store import MemoryWorldStore

from wyld_world.engine import Clocks, TurnLimits

TIMELESS = Clocks(stopwatch=lambda: 0.0)
"""A turn takes no time, so only the number of commands ends it."""


@pytest.fixture
def store():
    return MemoryWorldStore()


def acks_of(gateway, session):
    """How far `session` was after each tick that acknowledges it."""
    return [ack.applied for tick in gateway.ticks for ack in tick.acks if ack.session == session.id]


async def test_a_turn_takes_so_many_commands(autojump_clock, store):
    opening = open_test_world(store, limits=TurnLimits(commands=3), clocks=TIMELESS)
    async with opening as world, FakeGateway().linked(world) as gateway:
        ann = await gateway.play("Ann")

        ann.type(*["look"] * 8)
        await gateway.until(lambda: ann.applied == 8)

        assert acks_of(gateway, ann) == [3, 6, 8]


async def test_a_turn_ends_when_its_time_is_over(autojump_clock, store):
    seconds = itertools.count()
    ticking = Clocks(stopwatch=lambda: float(next(seconds)))
    opening = open_test_world(store, limits=TurnLimits(seconds=2.0), clocks=ticking)
    async with opening as world, FakeGateway().linked(world) as gateway:
        ann = await gateway.play("Ann")

        ann.type(*["look"] * 5)
        await gateway.until(lambda: ann.applied == 5)

        assert acks_of(gateway, ann) == [2, 4, 5]


async def test_a_flood_behind_one_gateway_does_not_delay_another(autojump_clock, store):
    opening = open_test_world(store, limits=TurnLimits(commands=10), clocks=TIMELESS)
    async with (
        opening as world,
        FakeGateway().linked(world) as flooding,
        FakeGateway().linked(world) as quiet,
    ):
        ann, bob = await flooding.play("Ann"), await quiet.play("Bob")

        ann.type(*["look"] * 1000)
        bob.type("look")
        await quiet.until(lambda: bob.applied == 1)

        # Bob's only command travelled while some turns ran, and waited for one of them at most.
        assert ann.applied <= 100


async def test_a_tick_that_is_too_long_comes_in_parts_and_counts_once(autojump_clock, store):
    opening = open_test_world(store, limits=TurnLimits(commands=4000), clocks=TIMELESS)
    async with opening as world, FakeGateway().linked(world) as gateway:
        ann, bob = await gateway.play("Ann"), await gateway.play("Bob")
        before, ticks = gateway.parts, len(gateway.ticks)

        ann.type(*(f"say {number} " + "x" * 400 for number in range(1500)))
        await gateway.until(lambda: ann.applied == 1500)

        assert gateway.parts - before > len(gateway.ticks) - ticks
        for player in (ann, bob):
            said = [line for line in player.lines if "xxx" in line]
            assert [int(re.search(r"\d+", line)[0]) for line in said] == list(range(1500))


async def test_the_loop_rests_while_nothing_comes_in(autojump_clock, store):
    async with open_test_world(store) as world, FakeGateway().linked(world):
        await trio.sleep(0.5)
        before = world.engine.turns

        await trio.sleep(10)

        assert world.engine.turns - before <= 11

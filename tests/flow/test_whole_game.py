"""Nothing lost, nothing twice: the whole game, with links that break and worlds that die."""

from __future__ import annotations

import random
import re
import time

import attrs
import pytest
import trio
from doubles.whole_game import Player, WholeGame, open_whole_game
from doubles.world_store import Fault, MemoryWorldStore, Outcome

from wyld_gateway import reconcile
from wyld_gateway.absence import GOING, MISSED_NOTHING
from wyld_gateway.sessions.session import Session
from wyld_rpc.numbering import Receipt, ReceiveCursor, Seq
from wyld_world.store import Commit

MANY_WITHIN = 3.0
"""Seconds of real time, on a machine that does other things as well."""


@pytest.fixture
async def game():
    async with open_whole_game() as game, game.gateway():
        yield game


async def settle(game: WholeGame) -> None:
    """Until all gateways have their link, and everything that was sent before has been answered."""
    for node in game.nodes:
        await node.gateway.link.wait_up()
    await trio.sleep(1)


def letters(number: int) -> str:
    """A number as a name may spell it."""
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))


async def test_two_talk_without_any_trouble(autojump_clock, game):
    ann, ben = await game.join("Ann"), await game.join("Ben", numbers=True)

    ann.say(3)
    ben.say(3)
    await ann.hears(ben)
    await settle(game)

    game.everything_was_heard_once()


async def test_world_that_is_killed_loses_and_repeats_nothing(autojump_clock, game):
    ann, ben = await game.join("Ann"), await game.join("Ben", numbers=True)

    ann.say(5)
    ben.say(5)
    game.kill_world()
    ann.say(5)
    ben.say(5)
    await ann.client.sees(GOING)
    ann.say(5)
    await trio.sleep(5)
    await game.start_world()
    await ann.client.sees("The world is back. ")
    await settle(game)

    game.everything_was_heard_once()


async def test_world_that_is_killed_while_nothing_happens(autojump_clock, game):
    ann = await game.join("Ann")
    await settle(game)

    game.kill_world()
    await trio.sleep(5)
    await game.start_world()

    await ann.client.sees(MISSED_NOTHING)
    ann.say()
    await ann.hears(ann)
    assert ann.client.text.count("You wake") == 1


async def test_world_that_stops_in_its_own_time_loses_and_repeats_nothing(autojump_clock, game):
    ann, ben = await game.join("Ann"), await game.join("Ben", numbers=True)

    ann.say(5)
    ben.say(5)
    await game.stop_world()
    ann.say(5)
    ben.say(5)
    await trio.sleep(5)
    await game.start_world()
    await ann.client.sees("The world is back. ")
    await settle(game)

    game.everything_was_heard_once()


async def test_ten_worlds_in_a_row_lose_and_repeat_nothing(autojump_clock, game):
    ann, ben = await game.join("Ann"), await game.join("Ben", numbers=True)

    for n in range(10):
        ann.say(3)
        ben.say(3)
        if n % 2:
            game.kill_world()
        else:
            await game.stop_world()
        ann.say()
        await trio.sleep(n % 3)
        ben.say()
        await game.start_world()
        await settle(game)

    game.everything_was_heard_once()


@pytest.mark.parametrize(
    "seed", [*range(6), *[pytest.param(n, marks=pytest.mark.long) for n in range(6, 300)]]
)
async def test_anything_breaks_at_any_moment(autojump_clock, game, seed):
    random.seed(seed)
    chance = random.Random(seed)
    async with game.gateway() as other:
        players = [
            await game.join("Ann"),
            await game.join("Ben", numbers=True),
            await game.join("Cid", other),
            await game.join("Dot", other, numbers=True),
        ]
        walker = await game.join("Eve", other)
        for _ in range(25):
            for _ in range(chance.randrange(4)):
                chance.choice(players).say(chance.randrange(1, 4))
                walker.client.type(chance.choice(["get rope", "drop rope", "n", "s", "get gull"]))
                await trio.sleep(chance.choice([0, 0, 0.01, 0.1]))
            await break_something(game, chance)
            await trio.sleep(chance.choice([0, 0.01, 0.3, 4]))
        game.world_store.faults.clear()
        game.session_store.available = True
        for node in game.nodes:
            node.wire.thaw()
        if game.world is None:
            await game.start_world()
        await trio.sleep(30)

        left_out = sum(player.client.text.count("it was left out") for player in players)
        for player in players:
            for speaker, heard in player.heard().items():
                said = next(one.said for one in players if one.name == speaker)
                expected = said[player.before.get(speaker, 0) :]
                assert heard == [word for word in expected if word in heard], "out of order, or twice"
                assert len(expected) - len(heard) <= left_out
            assert player.client.text.count("You wake") == 1
        assert not game.world_store.queue


async def break_something(game: WholeGame, chance: random.Random) -> None:
    """Something, but not a world whose gateway cannot tell the next one in time what it has: what is said then exists only once."""
    outcomes = [Outcome.LANDS, Outcome.LANDS, Outcome.FAILS, Outcome.UNKNOWN]
    what = chance.choice(["world", "world", "stop", "cut", "cut", "freeze", "commits", "rows", "nothing"])
    node = chance.choice(game.nodes)
    if what in ("world", "stop"):
        for each in game.nodes:
            each.wire.thaw()
    if game.world is None:
        await game.start_world()
    elif what == "world":
        game.kill_world()
    elif what == "stop":
        await game.stop_world()
    elif what == "cut":
        node.wire.remaining = chance.randrange(2000)
        node.next_remaining = chance.choice([None, chance.randrange(2000)])
    elif what == "freeze":
        node.wire.freeze()
    elif what == "commits":
        game.world_store.faults.extend(Fault(chance.choice(outcomes), chance.random() / 20) for _ in range(6))
    elif what == "rows":
        game.session_store.available = not game.session_store.available


async def test_link_cut_at_every_point_of_a_conversation_loses_and_repeats_nothing(autojump_clock, game):
    ann, ben = await game.join("Ann"), await game.join("Ben", numbers=True)
    (node,) = game.nodes

    at = 0
    cut = True
    while cut:
        links = node.links
        node.wire.remaining = at
        ann.say(2)
        ben.say()
        await settle(game)
        ben.say()
        ann.say()
        await settle(game)
        cut = node.links > links
        at += 7

    assert at > 300
    game.everything_was_heard_once()


async def test_link_cut_at_every_point_of_its_beginning_loses_and_repeats_nothing(autojump_clock, game):
    ann, ben = await game.join("Ann"), await game.join("Ben", numbers=True)
    (node,) = game.nodes

    at = 0
    cut = True
    while cut:
        links = node.links
        node.next_remaining = at
        ann.say(2)
        ben.say()
        node.wire.break_now()
        ben.say()
        ann.say()
        await settle(game)
        cut = node.links > links + 1
        at += 7

    assert at > 300
    game.everything_was_heard_once()


async def test_short_break_is_not_seen_even_if_the_world_was_another_one(autojump_clock, game):
    ann = await game.join("Ann")
    await settle(game)
    before = seen(ann)

    game.kill_world()
    await game.start_world()
    await settle(game)

    assert seen(ann) == before
    assert game.nodes[0].links == 2


def seen(player: Player) -> str:
    """What stands on the player's screen, without states and without what people of the house do in passing."""
    return re.sub(r"\{[a-z_]+\}|\n[A-Z][^<>]*\.\n", "", player.client.text)


async def test_link_that_freezes_is_given_up_and_nothing_is_lost(autojump_clock, game):
    ann, ben = await game.join("Ann"), await game.join("Ben", numbers=True)
    (node,) = game.nodes

    ann.say(3)
    node.wire.freeze()
    ben.say(3)
    await ann.hears(ben)
    ann.say()
    await settle(game)

    assert node.links == 2
    game.everything_was_heard_once()


async def test_two_gateways_lose_and_repeat_nothing_when_the_world_dies(autojump_clock, game):
    async with game.gateway() as other:
        ann, ben = await game.join("Ann"), await game.join("Ben", other, numbers=True)

        for n in range(6):
            ann.say(2)
            ben.say(2)
            if n % 2:
                game.kill_world()
            else:
                await game.stop_world()
            ben.say()
            await trio.sleep(n)
            await game.start_world()
            await settle(game)
            other.wire.break_now()
            ann.say()
            await settle(game)

        game.everything_was_heard_once()


async def test_gateway_that_dies_with_the_world_leaves_its_commands_to_be_run_once(autojump_clock, game):
    async with game.gateway() as other:
        ann, ben = await game.join("Ann"), await game.join("Ben", other, numbers=True)
        await settle(game)
        game.kill_world()
        await ann.client.sees(GOING)
        ben.say(3)
        await ben.client.sees("{ack 3}")
        other.die()

        await game.start_world()
        await ann.hears(ben)
        await settle(game)

        assert ann.heard()["Ben"] == ben.said
        assert not game.world_store.queue


@pytest.mark.parametrize("many", [100, pytest.param(1000, marks=pytest.mark.long)])
async def test_many_players_are_back_at_once(autojump_clock, game, many):
    players = [await game.join(f"Pla{letters(n)}", quietly=True) for n in range(many)]
    await settle(game)

    game.kill_world()
    players[0].say()
    began = time.perf_counter()
    await game.start_world()
    await settle(game)
    took = time.perf_counter() - began

    for player in players:
        assert player.heard()[players[0].name] == players[0].said
        assert player.client.text.count("You wake") == 1
    assert took < MANY_WITHIN


# -- The tests can fail ------------------------------------------------------------------------------------------


async def trouble(game: WholeGame) -> None:
    """Enough of it that every guard is needed: commands under way, committed and not released, kept and queued, when the world dies."""
    ann, ben = await game.join("Ann"), await game.join("Ben", numbers=True)
    for n in range(8):
        game.world_store.faults.extend([Fault(Outcome.LANDS if n % 2 else Outcome.UNKNOWN, 0.05)] * 2)
        ann.say()
        ann.client.type("n", "s")
        ann.say()
        await trio.sleep(0.07)
        ben.say(2)
        await trio.sleep(0.01 * (n % 3))
        game.kill_world()
        game.world_store.faults.clear()
        ann.say()
        await trio.sleep(3)
        await game.start_world()
        await settle(game)
        ben.say()
        await settle(game)
    assert not game.world_store.queue, "commands that are done are still in the queue"
    for player in (ann, ben):
        assert player.heard()[player.name] == player.said
        assert player.client.text.count("You wake") == 1
        assert player.client.closed is None


def run_what_was_run_before(patch: pytest.MonkeyPatch) -> None:
    def accept(cursor: ReceiveCursor, number: int) -> Receipt:
        cursor.position = Seq(max(cursor.position, number))
        return Receipt.NEW

    patch.setattr(ReceiveCursor, "accept", accept)


def send_nothing_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Session, "unsend", lambda session: None)


def leave_rows_in_the_queue(patch: pytest.MonkeyPatch) -> None:
    commit = MemoryWorldStore.commit

    async def commit_without(store: MemoryWorldStore, what: Commit) -> None:
        await commit(store, attrs.evolve(what, unqueued=()))

    patch.setattr(MemoryWorldStore, "commit", commit_without)


def believe_the_world_alone(patch: pytest.MonkeyPatch) -> None:
    report = reconcile.report
    patch.setattr(reconcile, "report", lambda session: attrs.evolve(report(session), acked=0))


async def test_trouble_is_no_trouble(autojump_clock, game):
    await trouble(game)


@pytest.mark.parametrize(
    "guard",
    [
        run_what_was_run_before,
        send_nothing_again,
        leave_rows_in_the_queue,
        believe_the_world_alone,
    ],
)
async def test_without_a_guard_trouble_is_noticed(autojump_clock, game, monkeypatch, guard):
    guard(monkeypatch)

    with pytest.raises(AssertionError):
        await trouble(game)

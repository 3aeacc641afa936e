"""What may be seen when: ordered release, group commit, a database that hesitates, fails, lies or is away."""

from __future__ import annotations

import pytest
import trio
from doubles.gateway import FakeGateway
from doubles.world import open_test_world
from doubles.world_store import Fault, MemoryWorldStore, Outcome

from wyld_rpc.messages import (
    Acks,
    AuthError,
    AuthErrorCode,
    CharacterError,
    CharacterErrorCode,
    EntityId,
    ListCharacters,
)
from wyld_world.committer import PATIENCE
from wyld_world.errors import CommitRefused, FencedOff
from wyld_world.model.rows import EntityKind, EntityRow


@pytest.fixture
def store():
    return MemoryWorldStore()


@pytest.fixture
async def world(store):
    async with open_test_world(store) as world:
        yield world


@pytest.fixture
async def gateway(world):
    async with FakeGateway().linked(world) as gateway:
        yield gateway


async def protected(store):
    """Wait until everything so far is committed, and forget how."""
    await trio.sleep(0.5)
    store.commits.clear()
    store.tries = 0


def way_out(world):
    """The name of an exit of the room where everybody begins, and the way back."""
    start = world.world.start
    for name, way in start.exits.items():
        back = [back for back, there in way.to.exits.items() if there.to is start]
        if back and not way.closed:
            return name, back[0]
    raise AssertionError("the start has no open exit with a way back")


async def test_a_plain_command_needs_no_commit(autojump_clock, store, gateway):
    ann = await gateway.play("Ann")
    await protected(store)

    ann.type("say hello!")
    await ann.sees("hello!")

    assert store.tries == 0


async def test_what_changed_durably_is_committed_before_it_is_seen(autojump_clock, store, world, gateway):
    ann = await gateway.play("Ann")
    await protected(store)
    store.faults.append(Fault(delay=1.0))
    seen = len(ann.outputs)

    ann.type(way_out(world)[0])
    await trio.sleep(0.9)
    before = len(ann.outputs)
    await trio.sleep(0.2)

    assert before == seen
    assert len(ann.outputs) > seen
    assert store.commits[0].changes.upserts[0].name == "Ann"


async def test_a_plain_turn_waits_for_the_durable_one_before_it(autojump_clock, store, world, gateway):
    ann, bob = await gateway.play("Ann"), await gateway.play("Bob")
    await protected(store)
    store.faults.append(Fault(delay=1.0))

    ann.type(way_out(world)[0])
    await trio.sleep(0.1)
    bob.type("say after it!")
    await trio.sleep(0.8)
    assert not any("after it!" in line for line in bob.lines)

    await bob.sees("after it!")
    numbers = [tick.number for tick in gateway.ticks]
    assert ann.applied == 1
    assert numbers == sorted(numbers)


async def test_what_runs_during_a_commit_is_one_commit(autojump_clock, store, world, gateway):
    ann = await gateway.play("Ann")
    out, back = way_out(world)
    await protected(store)
    store.faults.append(Fault(delay=1.0))

    for line in (out, back, out, back):
        ann.type(line)
        await trio.sleep(0.1)
    await gateway.until(lambda: ann.applied == 4)

    assert len(store.commits) == 2


async def test_a_turn_that_reaches_two_gateways_is_committed_first(autojump_clock, store, world, gateway):
    async with FakeGateway().linked(world) as other:
        ann, bob = await gateway.play("Ann"), await other.play("Bob")
        await protected(store)
        store.faults.append(Fault(delay=1.0))

        ann.type("say hello!")
        await trio.sleep(0.9)
        assert not any("hello!" in line for line in bob.lines + ann.lines)
        await bob.sees("hello!")

        assert not store.commits[0].changes
        assert {row.gateway_id for row in store.commits[0].outbox} >= {gateway.id, other.id}


async def test_unacknowledged_ticks_have_rows_and_acknowledged_ones_lose_them(
    autojump_clock, store, world, gateway
):
    ann = await gateway.play("Ann")
    out, back = way_out(world)
    await protected(store)
    gateway.acknowledge = False

    ann.type("say plain!")
    await ann.sees("plain!")
    ann.type(out)
    await gateway.until(lambda: ann.applied == 2)
    plain_tick = gateway.ticks[-2].number
    assert {tick for _, _, tick in store.outbox} >= {plain_tick, gateway.ticks[-1].number}

    gateway.notify(Acks(gateway.ticks[-1].number))
    ann.type(back)
    await gateway.until(lambda: ann.applied == 3)
    assert plain_tick not in {tick for _, _, tick in store.outbox}


async def test_positions_and_rows_tell_one_moment(autojump_clock, store, world, gateway):
    ann = await gateway.play("Ann")
    out, _ = way_out(world)

    ann.type("say one!", out)
    await gateway.until(lambda: ann.applied == 2)

    position = store.sessions[ann.id]
    assert (position.applied, position.sent) == (2, len(ann.outputs))


async def test_the_position_of_a_session_goes_with_it(autojump_clock, store, gateway):
    ann = await gateway.play("Ann")
    ann.type("quit")
    await gateway.until(lambda: ann.ended)

    assert ann.id not in store.sessions


@pytest.mark.parametrize("outcome", [Outcome.FAILS, Outcome.UNKNOWN])
async def test_a_commit_without_an_answer_is_tried_until_it_landed_once(
    autojump_clock, store, world, gateway, outcome
):
    ann = await gateway.play("Ann")
    await protected(store)
    store.faults.extend([Fault(outcome)] * 3)

    ann.type(way_out(world)[0])
    await gateway.until(lambda: ann.applied == 1)

    assert len(store.commits) == 1
    assert store.tries > 1
    assert world.committer.unprotected_since is None


# ------------------------------------------------------------------------------------------ unprotected


async def test_play_goes_on_when_the_database_is_away(autojump_clock, store, world, gateway):
    ann = await gateway.play("Ann")
    out, back = way_out(world)
    await protected(store)
    store.away = True
    left = trio.current_time()

    ann.type(out)
    await gateway.until(lambda: ann.applied == 1)
    assert PATIENCE <= trio.current_time() - left < PATIENCE + 0.5
    assert world.committer.unprotected_since is not None

    ann.type(back, out, "say hello!")
    went = trio.current_time()
    await ann.sees("hello!")
    assert trio.current_time() - went < 0.1
    assert store.commits == []


async def test_everything_is_written_when_the_database_is_back(autojump_clock, store, world, gateway):
    ann = await gateway.play("Ann")
    out, _ = way_out(world)
    await protected(store)
    store.away = True
    ann.type("say one!", out)
    await gateway.until(lambda: ann.applied == 2)
    ann.type("say two!", "say three!")
    await ann.sees("three!")

    store.away = False
    await trio.sleep(1)

    assert world.committer.unprotected_since is None
    (row,) = [row for row in store.entities.values() if row.name == "Ann"]
    assert row.room == world.world.start.exits[out].to.key
    assert store.sessions[ann.id].applied == 4


async def test_protection_is_real_again_after_the_database_is_back(autojump_clock, store, world, gateway):
    ann = await gateway.play("Ann")
    out, back = way_out(world)
    store.away = True
    ann.type(out)
    await gateway.until(lambda: ann.applied == 1)
    store.away = False
    await protected(store)
    store.faults.append(Fault(delay=1.0))

    ann.type(back)
    await trio.sleep(0.9)
    assert ann.applied == 1

    await gateway.until(lambda: ann.applied == 2)


async def test_nothing_is_created_or_deleted_while_nothing_can_be_saved(
    autojump_clock, store, world, gateway
):
    ann = await gateway.play("Ann")
    store.away = True
    ann.type(way_out(world)[0])
    await gateway.until(lambda: ann.applied == 1)

    with pytest.raises(CharacterError) as refusal:
        await gateway.create_character(ann, "Eve")

    assert refusal.value.code is CharacterErrorCode.SERVER_ERROR


async def test_a_new_character_is_told_of_only_once_it_is_saved(autojump_clock, store, world, gateway):
    session = await gateway.create_account("ann-account")
    await protected(store)
    store.faults.append(Fault(delay=5.0))
    asked = trio.current_time()

    await gateway.create_character(session, "Ann")

    assert trio.current_time() - asked >= 5.0
    assert [row.name for row in store.characters.values()] == ["Ann"]


async def test_logins_are_refused_with_a_reason_while_the_database_is_away(autojump_clock, store, gateway):
    store.away = True

    with pytest.raises(AuthError) as refusal:
        await gateway.create_account("ann-account")

    assert refusal.value.code is AuthErrorCode.SERVER_ERROR


# ------------------------------------------------------------------------------- ends and new beginnings


async def test_a_refused_commit_ends_the_world_before_anybody_sees_it(autojump_clock, store):
    with pytest.RaisesGroup(CommitRefused, flatten_subgroups=True):
        async with open_test_world(store) as world, FakeGateway().linked(world) as gateway:
            ann = await gateway.play("Ann")
            seen = len(ann.outputs)
            store.faults.append(Fault(Outcome.REFUSED))
            ann.type(way_out(world)[0])
            await trio.sleep(60)

    assert len(ann.outputs) == seen


async def test_a_second_world_fences_the_first_one_off(autojump_clock, store):
    with pytest.RaisesGroup(FencedOff, flatten_subgroups=True):
        async with open_test_world(store) as first, FakeGateway().linked(first) as gateway:
            ann = await gateway.play("Ann")
            async with open_test_world(store):
                ann.type(way_out(first)[0])
                await trio.sleep(60)

    assert ann.applied == 0


async def test_a_new_world_finds_everybody_where_they_stood(autojump_clock, store):
    async with open_test_world(store) as first, FakeGateway().linked(first) as gateway:
        ann = await gateway.play("Ann")
        out, _ = way_out(first)
        ann.type(out)
        await gateway.until(lambda: ann.applied == 1)
        await first.drain()

    async with open_test_world(store) as second, FakeGateway().linked(second) as gateway:
        listed = await gateway.call("list_characters", ListCharacters(ann.id, ann.account_id))
        (summary,) = listed.characters
        again = gateway.session_of(ann.account_id)
        await gateway.select(again, summary.id)

        room = second.world.start.exits[out].to
        assert summary.location == room.name
        assert await again.sees(room.name)


async def test_what_the_area_files_no_longer_know_is_logged_at_the_start(autojump_clock, store, capsys):
    key = EntityId(bytes(16))
    store.entities[key] = EntityRow(key, EntityKind.ITEM, "no such kind", "a thing", None, None, {})

    async with open_test_world(store):
        assert "no such kind" in capsys.readouterr().err


async def test_a_new_world_knows_the_accounts_of_the_old_one(autojump_clock, store):
    async with open_test_world(store) as first, FakeGateway().linked(first) as gateway:
        session = await gateway.create_account("ann-account")

    async with open_test_world(store) as second, FakeGateway().linked(second) as gateway:
        again = gateway.session_of(session.account_id)

        assert (await gateway.create_character(again, "Ann")).name == "Ann"


async def test_a_stopping_world_tells_its_gateways_and_commits_what_has_run(autojump_clock, store):
    async with open_test_world(store) as world, FakeGateway().linked(world) as gateway:
        ann = await gateway.play("Ann")
        await protected(store)
        store.faults.append(Fault(delay=1.0))
        ann.type(way_out(world)[0])
        await trio.sleep(0.1)

        await world.drain()
        await gateway.until(lambda: gateway.lost)

        assert gateway.drains
        assert ann.applied == 1
        assert store.commits


async def test_a_stopping_world_takes_no_commands(autojump_clock, store):
    async with open_test_world(store) as world, FakeGateway().linked(world) as gateway:
        ann = await gateway.play("Ann")
        await protected(store)
        store.faults.append(Fault(delay=1.0))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(world.drain)
            await gateway.until(lambda: gateway.drains)
            ann.type("say too late!")

        assert ann.applied == 0


async def test_a_stopping_world_does_not_wait_for_ever(autojump_clock, store):
    async with open_test_world(store) as world, FakeGateway().linked(world) as gateway:
        ann = await gateway.play("Ann")
        await protected(store)
        store.away = True
        ann.type(way_out(world)[0])
        began = trio.current_time()

        await world.drain()

        assert trio.current_time() - began < 4


async def test_ticks_of_a_gateway_that_never_acknowledges_end_its_link(autojump_clock, world, capsys):
    async with FakeGateway(acknowledge=False).linked(world) as gateway:
        ann = await gateway.play("Ann")
        while gateway.lost is None:
            ann.type(*["look"] * 200)
            await trio.sleep(0.05)

    assert "8 MiB of ticks are not acknowledged" in capsys.readouterr().err

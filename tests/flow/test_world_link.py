"""Nothing lost, nothing twice: the world against links that break anywhere and worlds that end in any way.

The gateway is a fake that does what a gateway must: it says what it has, drops what it has already, and sends again what was not applied.
It refuses an output that would leave a hole (`FakeSession.take`). The ledger is what each player said: the world must have run each
line once and in order, and each player must have read it once and in order.
"""

from __future__ import annotations

from collections import Counter
from contextlib import asynccontextmanager
from random import Random

import attrs
import pytest
import trio
import trio.testing
from doubles.flaky_stream import Wire, flaky_pair
from doubles.gateway import FakeGateway
from doubles.world import DETACHED_TTL, open_test_world
from doubles.world_store import Fault, MemoryWorldStore, Outcome

from wyld_rpc.errors import LinkClosed, RemoteProtocolError
from wyld_rpc.messages import (
    Acks,
    CommandErrorCode,
    DisconnectReason,
    Positions,
    RoomDescription,
    SelectCharacter,
    SessionReconnected,
    System,
)
from wyld_world import execution
from wyld_world.caution import CAREFUL
from wyld_world.engine import HOLD, LOSS_DEBOUNCE, MAX_WAITING_REPORTS
from wyld_world.gateways import Gateway, Reported


@pytest.fixture
def store():
    return MemoryWorldStore()


def spoken(session, word="line"):
    """The numbers that a session's player has heard, in order, of lines like "say line 7."."""
    marker = f"{word} "
    return [int(line.split(marker)[1].split(".")[0]) for line in session.lines if marker in line]


def say(session, *numbers, word="line"):
    session.type(*[f"say {word} {number}." for number in numbers])


def rooms_seen(session):
    return sum(isinstance(output, RoomDescription) for _, output in session.outputs)


class Crash(Exception):
    """The end of a world that nobody had planned."""


@asynccontextmanager
async def crashing(store, **changes):
    """A world that is gone at the end of the block, without having stopped."""
    with pytest.RaisesGroup(Crash, flatten_subgroups=True):
        async with open_test_world(store, **changes) as world:
            yield world
            raise Crash


@asynccontextmanager
async def flaky_link(gateway, world, wire):
    """A link over a wire that a test may cut."""
    near, far = flaky_pair(wire)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.serve_link, far)
        async with gateway.over(near):
            yield


# ---------------------------------------------------------------------------------------- a link that breaks


async def test_a_lost_link_loses_no_line_and_runs_none_twice(autojump_clock, store):
    gateway = FakeGateway()
    async with open_test_world(store) as world:
        async with gateway.linked(world):
            ann = await gateway.play("Ann")
            say(ann, 1, 2)
        say(ann, 3)
        async with gateway.linked(world):
            say(ann, 4)
            await ann.sees("line 4.")

    assert spoken(ann) == [1, 2, 3, 4]
    assert ann.ended is None


async def test_what_others_say_while_the_link_is_away_arrives_over_the_next_one(autojump_clock, store):
    here, there = FakeGateway(), FakeGateway()
    async with open_test_world(store) as world, there.linked(world):
        bob = await there.play("Bob")
        async with here.linked(world):
            ann = await here.play("Ann")
        say(bob, 1, 2)
        await bob.sees("line 2.")
        async with here.linked(world):
            await ann.sees("line 2.")

    assert spoken(ann) == [1, 2]


async def test_a_short_break_is_nobody_elses_business(autojump_clock, store):
    here, there = FakeGateway(), FakeGateway()
    async with open_test_world(store) as world, there.linked(world):
        bob = await there.play("Bob")
        async with here.linked(world):
            ann = await here.play("Ann")
        await trio.sleep(LOSS_DEBOUNCE / 2)
        before = rooms_seen(ann)
        async with here.linked(world):
            await trio.sleep(2 * LOSS_DEBOUNCE)

    assert not any("stares" in line or "blinks" in line for line in bob.lines)
    assert rooms_seen(ann) == before


async def test_a_long_break_is_seen_and_so_is_its_end(autojump_clock, store):
    here, there = FakeGateway(), FakeGateway()
    async with open_test_world(store) as world, there.linked(world):
        bob = await there.play("Bob")
        async with here.linked(world):
            await here.play("Ann")
        await bob.sees("Ann stares into nothing")
        async with here.linked(world):
            await bob.sees("Ann blinks and looks around")


async def test_a_client_that_left_during_the_break_is_detached(autojump_clock, store):
    gateway = FakeGateway()
    async with open_test_world(store) as world:
        async with gateway.linked(world):
            ann = await gateway.play("Ann")
        ann.attached = False
        async with gateway.linked(world):
            assert world.sessions.detached.keys() == {ann.id}
        ann.attached = True
        async with gateway.linked(world):
            assert not world.sessions.detached


async def test_a_link_may_break_at_every_byte_of_a_conversation(autojump_clock, store):
    gateway, said = FakeGateway(), 0
    async with open_test_world(store) as world:
        async with gateway.linked(world):
            ann = await gateway.play("Ann")
        whole = Wire()
        async with flaky_link(gateway, world, whole):
            say(ann, 0)
            ann.type("look")
            await ann.sees("line 0.")
            await trio.sleep(0.1)
        for cut in range(1, whole.carried + 1):
            said += 1
            async with flaky_link(gateway, world, Wire(cut)):
                say(ann, said)
                ann.type("look")
                await trio.sleep(0.1)
        async with gateway.linked(world):
            await ann.sees(f"line {said}.")

    assert spoken(ann) == list(range(said + 1))


async def test_a_frozen_link_is_given_up_and_nothing_is_lost_with_it(autojump_clock, store):
    gateway, wire = FakeGateway(), Wire()
    async with open_test_world(store) as world:
        async with gateway.linked(world):
            ann = await gateway.play("Ann")
        async with flaky_link(gateway, world, wire):
            wire.freeze()
            say(ann, 1, 2)
            await gateway.until(lambda: gateway.lost)
            wire.break_now()
        async with gateway.linked(world):
            await ann.sees("line 2.")

    assert spoken(ann) == [1, 2]


async def test_a_new_link_of_a_gateway_takes_over_from_one_that_hangs(autojump_clock, store):
    gateway, wire = FakeGateway(), Wire()
    async with open_test_world(store) as world:
        async with gateway.linked(world):
            ann = await gateway.play("Ann")
        async with flaky_link(gateway, world, wire):
            wire.freeze()
            say(ann, 1)
            ours, theirs = trio.testing.memory_stream_pair()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(world.serve_link, theirs)
                async with gateway.over(ours):
                    await ann.sees("line 1.")
                nursery.cancel_scope.cancel()
            wire.break_now()

    assert spoken(ann) == [1]


# -------------------------------------------------------------------------------------- a world that is killed


async def test_a_killed_world_loses_no_line_and_repeats_none(autojump_clock, store):
    gateway = FakeGateway()
    async with crashing(store) as world, gateway.linked(world):
        ann = await gateway.play("Ann")
        say(ann, 1, 2)
        await ann.sees("line 2.")
    say(ann, 3, 4)
    async with open_test_world(store) as world, gateway.linked(world):
        say(ann, 5)
        await ann.sees("line 5.")

    assert spoken(ann) == [1, 2, 3, 4, 5]
    assert ann.ended is None


async def test_a_world_may_be_killed_ten_times_in_a_row(autojump_clock, store):
    gateway = FakeGateway()
    async with crashing(store) as world, gateway.linked(world):
        ann = await gateway.play("Ann")
    for life in range(10):
        say(ann, 2 * life)
        async with crashing(store) as world, gateway.linked(world):
            say(ann, 2 * life + 1)
            await ann.sees(f"line {2 * life}.")
    async with open_test_world(store) as world, gateway.linked(world):
        await ann.sees("line 19.")

    assert spoken(ann) == list(range(20))


@pytest.mark.parametrize("moment", range(0, 60, 4))
async def test_a_world_may_be_killed_at_any_moment_of_its_commits(autojump_clock, store, moment):
    here, there = FakeGateway(), FakeGateway(acknowledge=False)
    async with crashing(store) as world, here.linked(world), there.linked(world):
        ann, bob = await here.play("Ann"), await there.play("Bob")
        store.faults.extend([Fault(delay=0.01)] * 100)
        for number in range(10):
            say(ann, number)
            say(bob, number, word="word")
            ann.type("north", "south")
            await trio.sleep(0.002 * (1 + number % 3))
        await trio.sleep(moment / 1000)
    store.faults.clear()
    async with open_test_world(store) as world, here.linked(world), there.linked(world):
        say(ann, 10)
        say(bob, 10, word="word")
        for session in (ann, bob):
            await session.sees("line 10." if session is ann else "word 10.")

    assert spoken(ann) == list(range(11))
    assert spoken(bob, "word") == list(range(11))
    for one, other, word in ((ann, bob, "line"), (bob, ann, "word")):
        heard = spoken(other, word)
        assert heard == sorted(set(heard))
        assert set(heard) <= set(spoken(one, word))


@pytest.mark.parametrize("outcome", [Outcome.FAILS, Outcome.UNKNOWN])
async def test_what_was_committed_but_never_sent_is_sent_by_the_next_world(autojump_clock, store, outcome):
    gateway = FakeGateway()
    async with crashing(store) as world, gateway.linked(world):
        ann = await gateway.play("Ann")
        await trio.sleep(1)
        store.faults.extend([Fault(outcome), Fault(Outcome.FAILS, 30.0)])
        say(ann, 1)
        ann.type("drop all", "north")
        await trio.sleep(0.5)
    store.faults.clear()
    async with open_test_world(store) as world, gateway.linked(world):
        await gateway.until(lambda: ann.applied == 3)

    assert spoken(ann) == [1]


async def test_the_fate_of_a_session_is_the_same_whoever_dies_first(autojump_clock, store):
    gateway = FakeGateway()
    async with crashing(store) as world, gateway.linked(world):
        ann = await gateway.play("Ann")
        ann.type("quit")
        await gateway.until(lambda: ann.ended)
    async with open_test_world(store) as world, gateway.linked(world):
        assert not world.sessions.by_id
    assert ann.ended.reason is DisconnectReason.CLIENT_DISCONNECT


async def test_outputs_that_only_the_gateway_had_are_handed_back(autojump_clock, store):
    gateway = FakeGateway()
    async with crashing(store) as world, gateway.linked(world):
        ann = await gateway.play("Ann")
        say(ann, 1, 2, 3)
        await ann.sees("line 3.")
        await trio.sleep(0.1)
        ann.confirmed = ann.received - 2
        gateway.notify(Acks(gateway.applied, [(ann.id, ann.confirmed)]))
    async with open_test_world(store) as world, gateway.linked(world):
        outputs = world.sessions.by_id[ann.id].outputs
        assert (outputs.last, outputs.floor) == (ann.received, ann.confirmed)


async def test_a_starting_world_runs_nothing_before_every_gateway_has_reported(autojump_clock, store):
    here, there = FakeGateway(), FakeGateway()
    async with crashing(store) as world, here.linked(world), there.linked(world):
        ann, bob = await here.play("Ann"), await there.play("Bob")
    say(ann, 1)
    async with open_test_world(store) as world, here.linked(world):
        await trio.sleep(HOLD / 2)
        assert world.engine.commands == 0
        async with there.linked(world):
            await bob.sees("line 1.")


async def test_a_starting_world_waits_for_no_gateway_for_ever(autojump_clock, store):
    here, gone = FakeGateway(), FakeGateway()
    async with crashing(store) as world, here.linked(world), gone.linked(world):
        ann, bob = await here.play("Ann"), await gone.play("Bob")
    say(ann, 1)
    async with open_test_world(store) as world, here.linked(world):
        await ann.sees("line 1.")
        assert world.sessions.detached.keys() == {bob.id}
        await trio.sleep(DETACHED_TTL + 2)
        assert world.sessions.by_id.keys() == {ann.id}


async def test_a_gateway_that_comes_late_gets_all_that_its_players_missed(autojump_clock, store):
    here, late = FakeGateway(), FakeGateway(acknowledge=False)
    async with crashing(store) as world, here.linked(world), late.linked(world):
        ann, bob = await here.play("Ann"), await late.play("Bob")
        say(ann, 1)
        await bob.sees("line 1.")
    async with open_test_world(store) as world, here.linked(world):
        await trio.sleep(HOLD + 1)
        say(ann, 2)
        await ann.sees("line 2.")
        async with late.linked(world):
            say(ann, 3)
            await bob.sees("line 3.")

    assert spoken(bob) == [1, 2, 3]


async def test_numbers_that_a_late_gateway_has_seen_are_not_given_to_other_lines(autojump_clock, store):
    here, late = FakeGateway(), FakeGateway()
    async with crashing(store) as world, here.linked(world), late.linked(world):
        ann, bob = await here.play("Ann"), await late.play("Bob")
        ann.type("north")
        await trio.sleep(1)
        for number in (1, 2, 3):
            say(bob, number)
        await bob.sees("line 3.")
    assert store.sessions[bob.id].sent < bob.received
    async with open_test_world(store) as world, here.linked(world):
        await trio.sleep(HOLD + 1)
        ann.type("south", "say line 4.")
        await ann.sees("line 4.")
        async with late.linked(world):
            await bob.sees("line 4.")

    assert spoken(bob) == [1, 2, 3, 4]


async def test_what_a_gateway_does_not_report_waits_for_its_player(autojump_clock, store):
    gateway = FakeGateway()
    async with open_test_world(store) as world:
        async with gateway.linked(world):
            ann, bob = await gateway.play("Ann"), await gateway.play("Bob")
        del gateway.sessions[bob.id]
        async with gateway.linked(world):
            assert world.sessions.by_id[bob.id].gateway is None
            assert world.sessions.detached.keys() == {bob.id}
            assert world.sessions.by_id[ann.id].gateway is not None


async def test_what_the_world_does_not_know_has_to_log_in_again(autojump_clock, store):
    gateway = FakeGateway()
    async with crashing(store) as world, gateway.linked(world):
        ann = await gateway.play("Ann")
    store.sessions.clear()
    async with open_test_world(store) as world, gateway.linked(world):
        assert ann.ended.reason is DisconnectReason.SERVER_SHUTDOWN


@pytest.mark.parametrize("field", ["epoch", "character_id"])
async def test_what_contradicts_the_world_has_to_log_in_again(autojump_clock, store, field):
    gateway = FakeGateway()
    async with open_test_world(store) as world:
        async with gateway.linked(world):
            ann = await gateway.play("Ann")
        setattr(ann, field, bytes(len(getattr(ann, field))))
        async with gateway.linked(world):
            assert ann.ended.reason is DisconnectReason.SERVER_SHUTDOWN


async def test_whoever_has_lost_a_session_to_a_newer_attach_is_told(autojump_clock, store):
    here, there = FakeGateway(), FakeGateway()
    async with open_test_world(store) as world, there.linked(world):
        async with here.linked(world):
            ann = await here.play("Ann")
        there.sessions[ann.id] = attrs.evolve(ann, gateway=there, generation=2)
        await there.call("session_reconnected", SessionReconnected(ann.id, 2))
        async with here.linked(world):
            assert ann.ended.reason is DisconnectReason.REPLACED


async def test_a_report_of_a_newer_attach_takes_the_session_over(autojump_clock, store):
    here, there = FakeGateway(), FakeGateway()
    async with open_test_world(store) as world, here.linked(world):
        ann = await here.play("Ann")
        there.sessions[ann.id] = attrs.evolve(ann, gateway=there, generation=2)
        async with there.linked(world):
            await here.until(lambda: ann.ended)
            assert ann.ended.reason is DisconnectReason.REPLACED
            say(there.sessions[ann.id], 1)
            await there.sessions[ann.id].sees("line 1.")


# ----------------------------------------------------------------------------------------------- clean stops


async def test_a_clean_stop_keeps_what_no_client_has_confirmed(autojump_clock, store):
    gateway = FakeGateway()
    async with open_test_world(store) as world, gateway.linked(world):
        ann = await gateway.play("Ann")
        say(ann, 1, 2)
        await ann.sees("line 2.")
        await world.drain()

    async with open_test_world(store) as world:
        outputs = world.sessions.by_id[ann.id].outputs
        assert (outputs.last, outputs.floor) == (ann.received, 0)


async def test_a_restart_is_not_seen_by_anybody(autojump_clock, store):
    gateway = FakeGateway()
    async with open_test_world(store) as world, gateway.linked(world):
        ann, bob = await gateway.play("Ann"), await gateway.play("Bob")
        await trio.sleep(0.1)
        await world.drain()
    before = [rooms_seen(session) for session in (ann, bob)]
    async with open_test_world(store) as world, gateway.linked(world):
        await trio.sleep(2 * LOSS_DEBOUNCE)

        assert world.world.playing.keys() == {"ann", "bob"}
    assert [rooms_seen(session) for session in (ann, bob)] == before
    assert not any("stares" in line or "blinks" in line for line in ann.lines + bob.lines)


async def test_whoever_comes_back_after_a_restart_gets_every_state(autojump_clock, store):
    gateway = FakeGateway()
    async with open_test_world(store) as world, gateway.linked(world):
        ann = await gateway.play("Ann")
        await world.drain()
    kinds = {(state.kind, state.name) for state in ann.states}
    ann.states.clear()
    async with open_test_world(store) as world, gateway.linked(world):
        await trio.sleep(0.1)

    assert {(state.kind, state.name) for state in ann.states} == kinds


async def test_whoever_was_absent_before_the_restart_is_still(autojump_clock, store):
    here, there = FakeGateway(), FakeGateway()
    async with open_test_world(store) as world, here.linked(world), there.linked(world):
        ann, bob = await here.play("Ann"), await there.play("Bob")
        ann.disconnect()
        ann.attached = False
        await bob.sees("Ann stares into nothing")
        await world.drain()
    async with open_test_world(store) as world, here.linked(world), there.linked(world):
        await trio.sleep(2 * LOSS_DEBOUNCE)
        assert world.sessions.detached.keys() == {ann.id}

    assert sum("stares" in line for line in bob.lines) == 1


def multiply(store, gateway, session, times):
    """As many sessions of one account as `times` says, as if each had been in play in a room of its own world."""
    entity, character = store.entities[session.character_id], store.characters[session.character_id]
    row = store.sessions[session.id]
    for number in range(times):
        key, session_id, name = number.to_bytes(16, "little"), number.to_bytes(16, "big"), f"Crowd{number}"
        store.entities[key] = attrs.evolve(entity, id=key, name=name)
        store.characters[key] = attrs.evolve(character, entity_id=key, name=name)
        store.sessions[session_id] = attrs.evolve(row, id=session_id, character_id=key)
        gateway.sessions[session_id] = attrs.evolve(
            session, id=session_id, character_id=key, outputs=[], acks=[]
        )
    return list(gateway.sessions.values())


async def test_a_thousand_sessions_are_back_at_once(autojump_clock, store):
    gateway = FakeGateway()
    async with crashing(store) as world, gateway.linked(world):
        ann = await gateway.play("Ann")
    people = multiply(store, gateway, ann, 1000)
    async with open_test_world(store) as world:
        began = trio.current_time()
        async with gateway.linked(world):
            say(ann, 1)
            await people[-1].sees("line 1.")
            assert trio.current_time() - began < 1
            assert len(world.sessions.by_id) == len(people)
            assert not world.sessions.detached


# ------------------------------------------------------------------------------------------ the command queue


def queue(store, session, *lines):
    """What a gateway does while the world is away: the lines become rows."""
    for line in lines:
        command = session.next_command(line)
        store.queue[session.id, command.number] = line
        session.unacked.append(command)


async def test_queued_commands_run_once_though_their_gateway_sends_them_too(autojump_clock, store):
    gateway = FakeGateway()
    async with crashing(store) as world, gateway.linked(world):
        ann = await gateway.play("Ann")
    queue(store, ann, "say line 1.", "say line 2.")
    async with open_test_world(store) as world, gateway.linked(world):
        say(ann, 3)
        await ann.sees("line 3.")
        await trio.sleep(1)

    assert spoken(ann) == [1, 2, 3]
    assert not store.queue


async def test_queued_commands_of_a_gateway_that_is_gone_run_and_their_outputs_are_kept(
    autojump_clock, store
):
    gateway = FakeGateway()
    async with crashing(store) as world, gateway.linked(world):
        ann = await gateway.play("Ann")
    queue(store, ann, "say line 1.", "say line 2.")
    async with open_test_world(store) as world:
        await trio.sleep(HOLD + 1)
        session = world.sessions.by_id[ann.id]

        assert session.commands.position == 2
        assert len(session.outputs) >= 2
    assert not store.queue


async def test_what_was_queued_while_only_the_link_was_away_runs_once(autojump_clock, store):
    gateway = FakeGateway()
    async with open_test_world(store) as world:
        async with gateway.linked(world):
            ann = await gateway.play("Ann")
        queue(store, ann, "say line 1.")
        async with gateway.linked(world):
            await ann.sees("line 1.")
            await trio.sleep(1)

    assert spoken(ann) == [1]
    assert not store.queue


async def test_what_a_dead_gateway_had_queued_runs_when_its_next_life_begins(autojump_clock, store):
    gateway = FakeGateway()
    async with open_test_world(store) as world:
        async with gateway.linked(world):
            ann = await gateway.play("Ann")
        queue(store, ann, "say line 1.")
        async with FakeGateway(gateway.id).linked(world):
            await trio.sleep(1)

            assert world.sessions.by_id[ann.id].commands.position == 1
            assert world.sessions.by_id[ann.id].gateway is None
    assert not store.queue


async def test_an_attach_elsewhere_takes_the_queued_commands_first(autojump_clock, store):
    here, there = FakeGateway(), FakeGateway()
    async with open_test_world(store) as world, there.linked(world):
        async with here.linked(world):
            ann = await here.play("Ann")
        queue(store, ann, "say line 1.", "say line 2.")
        there.sessions[ann.id] = again = attrs.evolve(ann, gateway=there, generation=2, outputs=[])
        result = await there.call("session_reconnected", SessionReconnected(ann.id, 2))
        assert result.positions.applied == 2
        say(again, 3)
        await again.sees("line 3.")

    assert not store.queue


async def test_an_attach_does_not_wait_for_a_database_that_is_away(autojump_clock, store):
    gateway = FakeGateway()
    async with open_test_world(store) as world, gateway.linked(world):
        ann = await gateway.play("Ann")
        store.away = True
        result = await gateway.call("session_reconnected", SessionReconnected(ann.id, 2))
        assert result.success
        ann.generation = 2
        say(ann, 1)
        await ann.sees("line 1.")


async def test_a_queued_command_is_done_with_in_the_transaction_in_which_it_takes_effect(
    autojump_clock, store
):
    gateway = FakeGateway()
    async with crashing(store) as world, gateway.linked(world):
        ann = await gateway.play("Ann")
    queue(store, ann, "say line 1.")
    async with open_test_world(store):
        await trio.sleep(HOLD + 1)

    (commit,) = [commit for commit in store.commits if commit.unqueued]
    assert commit.unqueued == ((ann.id, 1),)
    assert [row.applied for row in commit.sessions if row.id == ann.id] == [1]


async def test_rows_that_cannot_be_proved_to_follow_are_left_alone(autojump_clock, store):
    gateway = FakeGateway()
    async with crashing(store) as world, gateway.linked(world):
        ann = await gateway.play("Ann")
    store.queue[ann.id, 7] = "say line 7."
    async with open_test_world(store) as world:
        await trio.sleep(HOLD + 1)
        assert world.sessions.by_id[ann.id].commands.position == 0
    assert store.queue


async def test_rows_of_sessions_that_are_over_are_deleted(autojump_clock, store):
    store.queue[bytes(16), 1] = "say line 1."
    async with open_test_world(store):
        await trio.sleep(1)

    assert not store.queue


# -------------------------------------------------------------------------------------- after an unclean end


async def killed_by(store, gateway, monkeypatch, line):
    """A world that ends as soon as it runs that line."""

    def perform(context, text):
        if text == line:
            raise KeyboardInterrupt
        performed(context, text)

    performed = execution.perform
    with monkeypatch.context() as patch:
        patch.setattr("wyld_world.execution.perform", perform)
        with pytest.raises((KeyboardInterrupt, BaseExceptionGroup)):
            async with open_test_world(store) as world, gateway.linked(world):
                await trio.sleep(60)


async def test_a_command_that_ends_two_worlds_in_a_row_after_an_unclean_end_is_skipped(
    autojump_clock, store, monkeypatch
):
    gateway = FakeGateway()
    async with crashing(store) as world, gateway.linked(world):
        ann = await gateway.play("Ann")
    say(ann, 1)
    ann.type("say boom!")
    say(ann, 2)
    for _ in range(2):
        await killed_by(store, gateway, monkeypatch, "say boom!")
    async with open_test_world(store) as world, gateway.linked(world):
        await ann.sees("line 2.")

    assert spoken(ann) == [1, 2]
    assert [ack.error.code for ack in ann.acks if ack.error] == [CommandErrorCode.SKIPPED]
    assert any(isinstance(output, System) and "twice" in output.text for _, output in ann.outputs)


async def test_after_an_unclean_end_each_of_the_first_commands_is_a_tick_of_its_own(autojump_clock, store):
    gateway = FakeGateway()
    async with crashing(store) as world, gateway.linked(world):
        ann = await gateway.play("Ann")
    say(ann, *range(CAREFUL + 50))
    async with open_test_world(store) as world, gateway.linked(world):
        ticks = len(gateway.ticks)
        await ann.sees(f"line {CAREFUL + 49}.")

    alone = [tick for tick in gateway.ticks[ticks:] if len(tick.outputs) == 1]
    assert len(alone) >= CAREFUL
    assert len(gateway.ticks) - ticks < CAREFUL + 20


async def test_a_clean_stop_leaves_nothing_to_be_careful_about(autojump_clock, store):
    gateway = FakeGateway()
    async with open_test_world(store) as world, gateway.linked(world):
        ann = await gateway.play("Ann")
        await world.drain()
    say(ann, *range(50))
    async with open_test_world(store) as world, gateway.linked(world):
        ticks = len(gateway.ticks)
        await ann.sees("line 49.")

    assert len(gateway.ticks) - ticks < 10


async def test_carefulness_does_not_stop_a_game_without_a_database(autojump_clock, store):
    gateway = FakeGateway()
    async with crashing(store) as world, gateway.linked(world):
        ann = await gateway.play("Ann")
    async with open_test_world(store) as world, gateway.linked(world):
        await trio.sleep(1)
        store.away = True
        say(ann, *range(5))
        await ann.sees("line 4.")


# ---------------------------------------------------------------------------------------- bounds and manners


async def test_a_gateway_for_which_too_much_is_kept_is_forgotten_and_may_come_back(
    autojump_clock, store, monkeypatch
):
    monkeypatch.setattr("wyld_world.gateways.MAX_UNACKED", 20_000)
    here, there = FakeGateway(), FakeGateway()
    async with open_test_world(store) as world, there.linked(world):
        bob = await there.play("Bob")
        async with here.linked(world):
            ann = await here.play("Ann")
        for number in range(100):
            bob.type(f"say line {number}. {'x' * 400}")
            await bob.sees(f"line {number}.")
        await trio.sleep(2)
        assert [each.id for each in world.gateways] == [there.id]
        async with here.linked(world):
            await ann.sees("line 99.")

    assert spoken(ann) == list(range(100))


async def test_a_gateway_that_stays_away_is_forgotten_with_its_rows(autojump_clock, store):
    here, there = FakeGateway(), FakeGateway()
    async with open_test_world(store) as world, there.linked(world):
        bob = await there.play("Bob")
        async with here.linked(world):
            await here.play("Ann")
        bob.type("north")
        await trio.sleep(DETACHED_TTL + 5)
        bob.type("south")
        await trio.sleep(1)

        assert [each.id for each in world.gateways] == [there.id]
        assert {gateway for gateway, _, _ in store.outbox} <= {there.id}


@asynccontextmanager
async def unsettled(world):
    """A gateway on an open link that has said nothing yet."""
    gateway = FakeGateway()
    ours, theirs = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.serve_link, theirs)
        leave = trio.Event()
        await nursery.start(gateway._stay_linked, ours, leave)
        yield gateway
        leave.set()


@pytest.mark.parametrize("what", ["request", "event"])
async def test_whatever_comes_before_the_positions_ends_the_link(autojump_clock, store, what):
    async with open_test_world(store) as world, unsettled(world) as gateway:
        if what == "event":
            gateway.notify(Acks(0))
        with pytest.raises(LinkClosed):
            await gateway.call("select_character", SelectCharacter(bytes(16), 1, bytes(16), bytes(16)))


async def test_positions_are_said_once_on_a_link(autojump_clock, store):
    gateway = FakeGateway()
    async with open_test_world(store) as world, gateway.linked(world):
        with pytest.raises(LinkClosed):
            await gateway.call("positions", Positions(0))


async def test_a_command_before_the_report_of_its_session_ends_the_link(autojump_clock, store):
    gateway = FakeGateway()
    async with open_test_world(store) as world:
        async with gateway.linked(world):
            ann = await gateway.play("Ann")
        async with unsettled(world) as again:
            again.sessions.clear()
            ann.gateway = again
        gateway.settled = False
        ours, theirs = trio.testing.memory_stream_pair()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(world.serve_link, theirs)
            leave = trio.Event()
            await nursery.start(gateway._stay_linked, ours, leave)
            await gateway.call("positions", Positions(gateway.applied, more=True))
            gateway.send_commands(ann.next_command("say line 1."))
            await gateway.until(lambda: gateway.lost)
            leave.set()

    assert not spoken(ann)


@pytest.mark.parametrize("changes", [{"confirmed": 9}, {"kept": (b"\x00",)}, {"received": 0}])
async def test_a_report_that_contradicts_itself_ends_the_link(autojump_clock, store, changes):
    gateway = FakeGateway()
    async with open_test_world(store) as world:
        async with gateway.linked(world):
            ann = await gateway.play("Ann")
        report = attrs.evolve(ann.report(), **changes)
        async with unsettled(world) as other:
            with pytest.raises(LinkClosed):
                await other.call("positions", Positions(0, (report,)))


async def test_reports_may_come_in_many_requests(autojump_clock, store):
    gateway = FakeGateway(batch=1)
    async with crashing(store) as world, gateway.linked(world):
        people = [await gateway.play(name) for name in ("Ann", "Bob", "Cat")]
    async with open_test_world(store) as world, gateway.linked(world):
        say(people[0], 1)
        for session in people:
            await session.sees("line 1.")
        assert not world.sessions.detached


async def test_the_answers_of_a_lost_link_reach_nobody(autojump_clock, store):
    gateway = FakeGateway()
    async with open_test_world(store) as world:
        async with gateway.linked(world):
            ann = await gateway.play("Ann")
        lost = Gateway(gateway.id, gateway.epoch)
        assert world.engine.gateway_linked(lost.life, _DeadLink()) is world.sessions.by_id[ann.id].gateway
        async with gateway.linked(world):
            say(ann, 1)
            await ann.sees("line 1.")


class _DeadLink:
    def send(self, kind, body):
        raise AssertionError("sent to a link that has not settled")

    def answer(self, request_id, result):
        raise AssertionError("nothing was asked")

    def end(self, reason):
        pass


async def test_more_requests_for_positions_than_a_gateway_can_mean_end_its_link(autojump_clock, store):
    async with open_test_world(store) as world, FakeGateway().linked(world) as gateway:
        ann = await gateway.play("Ann")
        linked = world.sessions.by_id[ann.id].gateway
        late = Reported(_DeadLink(), 1, Positions(0))
        for _ in range(MAX_WAITING_REPORTS):
            world.engine.report(linked, late)
        with pytest.raises(RemoteProtocolError):
            world.engine.report(linked, late)

        say(ann, 1)
        await ann.sees("line 1.")


async def test_a_client_that_came_and_went_at_once_is_gone(autojump_clock, store):
    gateway = FakeGateway()
    async with open_test_world(store) as world, gateway.linked(world):
        ann = await gateway.play("Ann")
        store.reading = 0.5
        async with trio.open_nursery() as nursery:
            nursery.start_soon(gateway.call, "session_reconnected", SessionReconnected(ann.id, 2))
            await trio.testing.wait_all_tasks_blocked()
            ann.generation = 2
            ann.disconnect()
        await trio.sleep(1)

        assert world.sessions.detached.keys() == {ann.id}


async def test_a_session_whose_character_is_gone_is_over(autojump_clock, store):
    gateway = FakeGateway()
    async with crashing(store) as world, gateway.linked(world):
        ann = await gateway.play("Ann")
    del store.characters[ann.character_id]
    async with open_test_world(store) as world, gateway.linked(world):
        assert ann.ended.reason is DisconnectReason.SERVER_SHUTDOWN
        await gateway.play("Bob")

        assert ann.id not in store.sessions


# -------------------------------------------------------------------------------------------- all troubles at once


async def live_through(world, gateways, random, numbers):
    """Some links of each gateway, most of which break in the middle of something, with people talking and walking all the time.

    Each begins with a link that holds: a gateway that stays away from a new world for more than `HOLD` may miss what its players hear until
    it is back, if that world is killed as well.
    """
    for gateway in gateways:
        async with gateway.linked(world):
            pass
    for _ in range(random.randrange(1, 4)):
        async with trio.open_nursery() as nursery:
            for gateway in gateways:
                nursery.start_soon(talk, world, gateway, random, numbers)


async def talk(world, gateway, random, numbers):
    wire = Wire(random.choice([None, random.randrange(1, 600), random.randrange(1, 6000)]))
    gateway.acknowledge = random.random() < 0.7
    async with flaky_link(gateway, world, wire):
        for _ in range(random.randrange(6)):
            for session in gateway.sessions.values():
                if session.ended is None:
                    numbers[session.id] += 1
                    say(session, numbers[session.id], word=session_word(gateway, session))
                    session.type(random.choice(["north", "south", "look", "get all", "drop all"]))
            await trio.sleep(random.choice([0, 0.001, 0.02, 0.5]))


def session_word(gateway, session):
    return f"word{list(gateway.sessions).index(session.id)}{gateway.id.hex()[:4]}"


def put_into_queue(store, gateway, random):
    """What a gateway does while the world is away: first all that is not acknowledged, then what is new."""
    for session in gateway.sessions.values():
        if random.random() < 0.5:
            for command in session.unacked:
                store.queue[session.id, command.number] = command.text


@pytest.mark.parametrize("seed", range(10))
async def test_no_trouble_loses_or_repeats_anything(autojump_clock, store, seed):
    random = Random(seed)
    gateways = [FakeGateway(id=bytes([number]) * 16) for number in (1, 2)]
    numbers = Counter()
    async with crashing(store) as world:
        for gateway in gateways:
            async with gateway.linked(world):
                for name in ("Ann", "Bob") if gateway is gateways[0] else ("Cat", "Dan"):
                    await gateway.play(name)
    for _ in range(5):
        store.faults.extend(
            Fault(
                random.choice([Outcome.LANDS, Outcome.LANDS, Outcome.FAILS, Outcome.UNKNOWN]),
                random.choice([0, 0.01, 0.3]),
            )
            for _ in range(random.randrange(30))
        )
        if random.random() < 0.3:
            async with open_test_world(store) as world:
                await live_through(world, gateways, random, numbers)
                await world.drain()
        else:
            async with crashing(store) as world:
                with trio.move_on_after(random.choice([0.01, 0.3, 2.5, 60])):
                    await live_through(world, gateways, random, numbers)
        store.faults.clear()
        for gateway in gateways:
            put_into_queue(store, gateway, random)
    async with open_test_world(store) as world, gateways[0].linked(world), gateways[1].linked(world):
        for gateway in gateways:
            for session in gateway.sessions.values():
                await gateway.until(lambda session=session: session.applied == session.typed)
        await trio.sleep(1)

    for gateway in gateways:
        for session in gateway.sessions.values():
            assert session.ended is None
            heard = spoken(session, session_word(gateway, session))
            assert heard == sorted(set(heard))
            # A command before which two worlds in a row happened to end is left out, and its player is told so.
            assert len(heard) + session.lines.count(execution.SKIPPED_TEXT) == numbers[session.id]
    assert not store.queue

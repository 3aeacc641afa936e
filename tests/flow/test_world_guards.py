"""Each guard of the link is there for a reason: without it the ledger of a short story tells of something lost, repeated or untrue.

A story is played twice, with the guard and without; `violations` says in words what is wrong with its outcome.
"""

from __future__ import annotations

import attrs
import pytest
import trio
from doubles.gateway import FakeGateway
from doubles.world import open_test_world
from doubles.world_store import Fault, MemoryWorldStore, Outcome

from wyld_rpc.numbering import Receipt, ReceiveCursor
from wyld_world.committer import Committer
from wyld_world.engine import HOLD, Engine


class Crash(Exception):
    """The end of a world that nobody had planned."""


async def play(store, gateway, story):
    """Let a world run a story and then die of it."""
    with pytest.RaisesGroup(Crash, flatten_subgroups=True):
        async with open_test_world(store) as world, gateway.linked(world):
            await story(world)
            raise Crash


def heard(session, text):
    return sum(text in line for line in session.lines)


async def acknowledgement_is_lost(store):
    """A command has run, the word of it is lost with the link, and the gateway sends it again."""
    gateway = FakeGateway()
    async with open_test_world(store) as world:
        async with gateway.linked(world):
            ann = await gateway.play("Ann")
            command = ann.next_command("say once!")
            gateway.send_commands(command)
            await ann.sees("once!")
        async with gateway.linked(world):
            gateway.send_commands(command)
            ann.type("say then!")
            await ann.sees("then!")
    return [] if heard(ann, "once!") == 1 else ["a command ran twice"]


async def death_after_a_commit(store):
    """A durable command is committed, but the world dies before anybody hears of it."""
    gateway = FakeGateway()

    async def story(world):
        ann = await gateway.play("Ann")
        await trio.sleep(1)
        store.faults.extend([Fault(Outcome.UNKNOWN), Fault(Outcome.FAILS, 30.0)])
        ann.type("say committed!", "north")
        await trio.sleep(0.1)

    await play(store, gateway, story)
    store.faults.clear()
    async with open_test_world(store) as world, gateway.linked(world):
        await trio.sleep(5)
        (ann,) = gateway.sessions.values()
        return [] if heard(ann, "committed!") == 1 else ["an output was lost"]


async def death_before_a_commit(store):
    """A durable command has run, but the world dies before it is committed."""
    gateway = FakeGateway()

    async def story(world):
        ann = await gateway.play("Ann")
        await trio.sleep(1)
        store.faults.append(Fault(delay=30.0))
        ann.type(next(iter(world.world.start.exits)))
        await trio.sleep(0.5)

    await play(store, gateway, story)
    store.faults.clear()
    async with open_test_world(store) as world, gateway.linked(world):
        await trio.sleep(5)
        (ann,) = gateway.sessions.values()
        there = world.world.playing["ann"].here
        return [] if there is not world.world.start and ann.applied == 1 else ["what was seen is not true"]


async def word_of_an_older_attach(store):
    """A command of a connection that has lost its session arrives late."""
    gateway = FakeGateway()
    async with open_test_world(store) as world, gateway.linked(world):
        ann = await gateway.play("Ann")
        late = ann.next_command("say late!")
        world.sessions.by_id[ann.id].generation = ann.generation = 2
        gateway.send_commands(late)
        await trio.sleep(1)
        return ["a command of an older attach ran"] if heard(ann, "late!") else []


async def queue_of_a_dead_gateway(store):
    """A gateway has queued a command and is gone; the world runs it."""
    gateway = FakeGateway()

    async def story(world):
        await gateway.play("Ann")

    await play(store, gateway, story)
    (ann,) = gateway.sessions
    store.queue[ann, 1] = "say queued!"
    async with open_test_world(store) as world:
        await trio.sleep(HOLD + 2)
        assert world.sessions.by_id[ann].commands.position == 1
    return ["a queued command that has run is still there"] if store.queue else []


def no_deduplication(monkeypatch):
    accept = ReceiveCursor.accept

    def accept_all(cursor, number):
        receipt = accept(cursor, number)
        return Receipt.NEW if receipt is Receipt.DUPLICATE else receipt

    monkeypatch.setattr(ReceiveCursor, "accept", accept_all)


def _commits_without(monkeypatch, **parts):
    commit = MemoryWorldStore.commit

    async def poorer(store, whole):
        await commit(store, attrs.evolve(whole, **parts))

    monkeypatch.setattr(MemoryWorldStore, "commit", poorer)


def no_outbox(monkeypatch):
    _commits_without(monkeypatch, outbox=(), confirmed=())


def no_deletion(monkeypatch):
    _commits_without(monkeypatch, unqueued=())


def no_order(monkeypatch):
    add = Committer.add

    def release_at_once(committer, turn):
        add(committer, turn)
        while committer._waiting:
            committer._waiting.popleft().release()

    monkeypatch.setattr(Committer, "add", release_at_once)


def no_generation(monkeypatch):
    def bound(engine, gateway, session_id, generation):
        return engine._sessions.by_id.get(session_id)

    monkeypatch.setattr(Engine, "_bound", bound)


@pytest.mark.parametrize(
    ("story", "without"),
    [
        (acknowledgement_is_lost, no_deduplication),
        (death_after_a_commit, no_outbox),
        (death_before_a_commit, no_order),
        (word_of_an_older_attach, no_generation),
        (queue_of_a_dead_gateway, no_deletion),
    ],
)
async def test_a_story_ends_well_because_of_its_guard(autojump_clock, monkeypatch, story, without):
    assert await story(MemoryWorldStore()) == []

    without(monkeypatch)
    assert await story(MemoryWorldStore()) != []

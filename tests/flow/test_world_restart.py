"""The world's side of an operator: what it says of itself, and a restart that is announced and counted down."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from doubles.gateway import FakeGateway
from doubles.world import open_test_world
from doubles.world_store import MemoryWorldStore

from wyld_rpc.messages import DisconnectReason
from wyld_service.control import Arguments
from wyld_service.errors import ControlRefused
from wyld_service.status import STATUS, Phase, WorldStatus
from wyld_world.admin import Admin
from wyld_world.restart import PlannedRestart


@pytest.fixture
def stop():
    return trio.Event()


@pytest.fixture
async def admin(stop):
    return Admin(stop)


def plan(admin, **arguments):
    return admin.verbs()["restart"].run(Arguments(arguments))


def status(admin):
    return WorldStatus.from_json(admin.verbs()[STATUS].run(Arguments({})))


def drains(gateway):
    return [(round(drain.seconds), drain.reason) for drain in gateway.drains]


@pytest.mark.parametrize(
    ("seconds", "announced"),
    [(300, [300, 60, 10]), (60, [60, 10]), (45, [45, 10]), (10, [10]), (3, [3]), (0, [])],
)
async def test_restart_is_announced_at_once_and_again_before_it_happens(
    autojump_clock, stop, seconds, announced
):
    restart, heard = PlannedRestart(stop), []
    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(restart.run, lambda left, reason: heard.append((left, reason)))
        await trio.testing.wait_all_tasks_blocked()
        assert restart.seconds_left is None

        restart.plan(seconds, "A pier.")
        await stop.wait()

    assert [left for left, _ in heard] == pytest.approx(announced)
    assert {reason for _, reason in heard} <= {"A pier."}
    assert trio.current_time() - began == pytest.approx(seconds)


async def test_restart_that_nobody_asked_for_never_comes(autojump_clock, stop):
    with trio.move_on_after(24 * 3600):
        await PlannedRestart(stop).run(lambda left, reason: None)

    assert not stop.is_set()


async def test_gateways_hear_of_the_restart_and_of_the_stop(autojump_clock, admin, stop):
    async with (
        open_test_world(MemoryWorldStore()) as world,
        trio.open_nursery() as nursery,
        FakeGateway().linked(world) as gateway,
    ):
        admin.world = world
        nursery.start_soon(admin.restart.run, world.warn)
        ann = await gateway.play("Ann")

        plan(admin, seconds=20, reason="A pier.")
        await trio.sleep(1)
        ann.type("say so soon?")
        await ann.sees("so soon?")
        assert status(admin).restart_in_seconds == pytest.approx(19, abs=0.5)
        await stop.wait()
        await world.drain(admin.restart.reason)
        await gateway.until(lambda: gateway.lost)

    assert drains(gateway) == [(20, "A pier."), (10, "A pier."), (0, "A pier.")]


async def test_only_one_restart_can_be_asked_for(autojump_clock, admin, stop):
    async with open_test_world(MemoryWorldStore()) as admin.world:
        assert plan(admin, seconds=40) == {"seconds": 40}
        with pytest.raises(ControlRefused, match="restarts already, in 40 s"):
            plan(admin)

        stop.set()
        with pytest.raises(ControlRefused, match="stopping already"):
            plan(admin)


@pytest.mark.parametrize("arguments", [{"seconds": 3601}, {"seconds": -1}, {"reason": "two\nlines"}])
async def test_restart_at_no_possible_time_or_without_words_is_refused(autojump_clock, admin, arguments):
    async with open_test_world(MemoryWorldStore()) as admin.world:
        with pytest.raises(ControlRefused):
            plan(admin, **arguments)

    assert admin.restart.seconds_left is None


async def test_world_that_does_not_run_yet_says_what_it_waits_for(autojump_clock, admin):
    admin.note_lock("Another world has the lock.")

    told = status(admin)
    assert (told.phase, told.lock_trouble) == (Phase.WAITING, "Another world has the lock.")
    assert (told.gateways, told.sessions) == (0, {"attached": 0, "detached": 0})
    with pytest.raises(ControlRefused, match=r"does not run the game yet\. Another world has the lock"):
        plan(admin)


async def test_running_world_tells_who_is_there(autojump_clock, admin, stop):
    async with (
        open_test_world(MemoryWorldStore()) as admin.world,
        FakeGateway().linked(admin.world) as gateway,
    ):
        admin.note_lock("")
        await gateway.play("Ann")
        ben, cem = await gateway.play("Ben"), await gateway.play("Cem")
        ben.disconnect(DisconnectReason.NETWORK_ERROR)
        await trio.sleep(30)
        cem.disconnect(DisconnectReason.NETWORK_ERROR)
        await trio.sleep(10)

        told = status(admin)
        assert (told.phase, told.gateways, told.lock_trouble) == (Phase.RUNNING, 1, "")
        assert told.sessions == {"attached": 1, "detached": 2}
        assert told.oldest_detached_seconds == pytest.approx(40, abs=1)
        assert told.unprotected_seconds is None
        assert told.uptime_seconds == pytest.approx(40, abs=2)

        stop.set()
        assert status(admin).phase is Phase.STOPPING


async def test_unprotected_world_says_so(autojump_clock, admin):
    store = MemoryWorldStore()
    async with open_test_world(store) as admin.world, FakeGateway().linked(admin.world) as gateway:
        ann = await gateway.play("Ann")
        await trio.sleep(1)
        store.away = True
        ann.type("quit")
        await trio.sleep(12)

        assert status(admin).unprotected_seconds == pytest.approx(10, abs=1)
        store.away = False


async def test_each_life_of_a_world_has_a_name_of_its_own(autojump_clock, stop):
    assert status(Admin(stop)).life != status(Admin(stop)).life

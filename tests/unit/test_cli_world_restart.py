"""`wyld world restart` against worlds that do what the test says: real control sockets, virtual time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import attrs
import pytest
import trio

from wyld.console import Console
from wyld.errors import CannotReach, ProblemFound
from wyld.processes import find_running, look_into
from wyld.world_restart import RETURN_DEADLINE, SUCCESSOR_DEADLINE, restart_world
from wyld_service.control import Arguments, Json, Verb, serve_control
from wyld_service.errors import ControlRefused
from wyld_service.settings import ControlSettings
from wyld_service.status import STATUS, Phase, WorldStatus

STATUS_OF_A_WORLD = WorldStatus(
    pid=1,
    version="1",
    uptime_seconds=1,
    life="old",
    phase=Phase.RUNNING,
    lock_trouble="",
    gateways=1,
    sessions={"attached": 2, "detached": 1},
    oldest_detached_seconds=None,
    unprotected_seconds=None,
    restart_in_seconds=None,
)


@attrs.define
class Worlds:
    """A place for worlds, one after the other: the first one ends when it is asked to restart, then `then` decides."""

    folder: Path
    nursery: trio.Nursery
    then: Callable[[], object] = lambda: None
    status: WorldStatus = STATUS_OF_A_WORLD
    asked: Json = attrs.field(factory=dict)

    async def begin(self, status: WorldStatus = STATUS_OF_A_WORLD) -> None:
        self.status = status
        scope = await self.nursery.start(self._run)
        self._end = scope.cancel

    _end: Callable[[], None] = lambda: None

    async def _run(self, *, task_status: trio.TaskStatus[trio.CancelScope]) -> None:
        verbs = {
            STATUS: Verb(lambda _: self.status.to_json(), changes=False),
            "restart": Verb(self._restart, takes=frozenset({"seconds", "reason"})),
        }
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                await nursery.start(serve_control, ControlSettings(self.folder), "world", verbs)
                task_status.started(scope)

    def _restart(self, arguments: Arguments) -> Json:
        seconds = arguments.number("seconds", 0, low=0, high=3600)
        self.asked = {"seconds": seconds, "reason": arguments.text("reason", "", limit=200)}
        self.nursery.start_soon(self._end_and_go_on, seconds)
        return {}

    async def _end_and_go_on(self, seconds: float) -> None:
        await trio.sleep(seconds)
        self._end()
        await trio.sleep(1)
        self.then()


@pytest.fixture
async def worlds(tmp_path: Path, nursery: trio.Nursery) -> Worlds:
    made = Worlds(tmp_path, nursery)
    await made.begin()
    return made


def new(**changes: object) -> WorldStatus:
    return attrs.evolve(STATUS_OF_A_WORLD, life="new", **changes)


async def test_it_waits_until_everybody_is_back(
    autojump_clock: trio.testing.MockClock, worlds: Worlds, capsys: pytest.CaptureFixture[str]
) -> None:
    async def come_back() -> None:
        await worlds.begin(new(gateways=0, sessions={"attached": 0, "detached": 0}))
        await trio.sleep(1)
        worlds.status = new(gateways=1, sessions={"attached": 1, "detached": 0})
        await trio.sleep(1)
        worlds.status = new()

    worlds.then = lambda: worlds.nursery.start_soon(come_back)
    began = trio.current_time()

    outcome = await restart_world([worlds.folder], 60, "A pier.", Console())

    assert worlds.asked == {"seconds": 60, "reason": "A pier."}
    assert (outcome.back, outcome.of) == (3, 3)
    assert 3 <= outcome.seconds < 3.5
    assert 63 <= trio.current_time() - began < 63.5
    assert str(outcome).startswith("3 of 3 sessions are back in 3.")
    said = [line for line in capsys.readouterr().err.splitlines() if line.endswith("...")]
    assert said == [
        "The world restarts in 60 s ...",
        "Waiting for the next world ...",
        "Waiting for the sessions ...",
    ]


async def test_who_does_not_come_back_is_waited_for_but_not_for_ever(
    autojump_clock: trio.testing.MockClock, worlds: Worlds
) -> None:
    worlds.then = lambda: worlds.nursery.start_soon(
        worlds.begin, new(sessions={"attached": 2, "detached": 0})
    )
    began = trio.current_time()

    outcome = await restart_world([worlds.folder], 0, "", Console())

    assert (outcome.back, outcome.of) == (2, 3)
    assert outcome.seconds < 2
    assert trio.current_time() - began > RETURN_DEADLINE


async def test_who_comes_during_the_countdown_is_counted(
    autojump_clock: trio.testing.MockClock, worlds: Worlds
) -> None:
    more = {"attached": 5, "detached": 1}

    async def come() -> None:
        await trio.sleep(20)
        worlds.status = attrs.evolve(STATUS_OF_A_WORLD, sessions=more)

    worlds.then = lambda: worlds.nursery.start_soon(worlds.begin, new(sessions=more))
    worlds.nursery.start_soon(come)

    outcome = await restart_world([worlds.folder], 30, "", Console())

    assert (outcome.back, outcome.of) == (6, 6)


async def test_with_nobody_in_play_that_is_said(
    autojump_clock: trio.testing.MockClock, worlds: Worlds
) -> None:
    empty = {"attached": 0, "detached": 0}
    worlds.status = attrs.evolve(STATUS_OF_A_WORLD, sessions=empty)
    worlds.then = lambda: worlds.nursery.start_soon(worlds.begin, new(sessions=empty))

    outcome = await restart_world([worlds.folder], 0, "", Console())

    assert str(outcome) == f"The world is back in {outcome.seconds:.1f} s; no session was in play."


async def test_world_that_nobody_starts_again_is_a_problem(
    autojump_clock: trio.testing.MockClock, worlds: Worlds
) -> None:
    began = trio.current_time()

    with pytest.raises(ProblemFound, match="Does anything keep it running"):
        await restart_world([worlds.folder], 0, "", Console())

    assert trio.current_time() - began == pytest.approx(SUCCESSOR_DEADLINE, abs=1)


async def test_world_that_waits_takes_the_place(
    autojump_clock: trio.testing.MockClock, worlds: Worlds
) -> None:
    standby = Worlds(worlds.folder, worlds.nursery)
    await standby.begin(new(phase=Phase.WAITING, lock_trouble="Another has it."))

    def take_over() -> None:
        standby.status = new()

    worlds.then = take_over

    outcome = await restart_world([worlds.folder], 0, "", Console())

    assert outcome.back == 3
    assert worlds.asked
    assert not standby.asked


async def test_refusal_of_the_world_is_passed_on(
    autojump_clock: trio.testing.MockClock, worlds: Worlds
) -> None:
    with pytest.raises(ProblemFound, match="reason must be one line of text"):
        await restart_world([worlds.folder], 0, "x" * 300, Console())


async def test_without_a_world_that_runs_nothing_is_asked(
    autojump_clock: trio.testing.MockClock, worlds: Worlds
) -> None:
    worlds.status = attrs.evolve(STATUS_OF_A_WORLD, phase=Phase.STOPPING)

    with pytest.raises(CannotReach, match=f"No world runs the game in {worlds.folder}"):
        await restart_world([worlds.folder], 0, "", Console())

    assert not worlds.asked


# ------------------------------------------------------------------------------- who runs in a folder


async def test_first_folder_in_which_anything_runs_is_meant(worlds: Worlds, tmp_path: Path) -> None:
    running = await find_running([tmp_path / "nothing", worlds.folder])

    assert running.folder == worlds.folder
    assert list(running.worlds.values()) == [STATUS_OF_A_WORLD]


async def test_nobody_anywhere_cannot_be_reached_and_the_ways_out_are_named(tmp_path: Path) -> None:
    with pytest.raises(CannotReach, match="--data") as raised:
        await find_running([tmp_path, tmp_path / "nothing"])

    assert raised.value.exit_code == 3
    assert str(tmp_path) in raised.value.message


def refuse(_: Arguments) -> Json:
    raise ControlRefused("Not for you.")


@pytest.mark.parametrize(
    ("verb", "reason"), [(refuse, "Not for you."), (lambda _: {"pid": 5}, "of another release")]
)
async def test_who_answers_no_status_is_silent(
    tmp_path: Path, nursery: trio.Nursery, verb: Callable[[Arguments], Json], reason: str
) -> None:
    await nursery.start(serve_control, ControlSettings(tmp_path), "gateway", {STATUS: Verb(verb)})

    (silent,) = (await look_into(tmp_path)).silent

    assert silent.kind == "gateway"
    assert reason in silent.reason


async def test_who_does_not_answer_is_silent(
    autojump_clock: trio.testing.MockClock, tmp_path: Path, nursery: trio.Nursery
) -> None:
    async def never(_: Arguments) -> Json:
        await trio.sleep_forever()
        return {}

    await nursery.start(serve_control, ControlSettings(tmp_path), "world", {STATUS: Verb(never)})

    (silent,) = (await look_into(tmp_path)).silent

    assert silent.kind == "world"

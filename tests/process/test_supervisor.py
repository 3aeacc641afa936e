"""`wyld.supervisor` with real processes: small shell scripts that do what a child must do, or fail to."""

import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import pytest
import trio
from wyld_process import exists

from wyld import supervisor
from wyld.backoff import Backoff
from wyld.errors import CannotStart, CannotStartAlreadyTold
from wyld.supervisor import Child, ChildSpec

pytestmark = pytest.mark.process

GOOD = "echo $$ >> pids; echo 'link 127.0.0.1:1'; echo Ready.; exec cat"
DEAF = "trap '' TERM; echo $$ >> pids; echo Ready.; while :; do sleep 0.05; done"


@attrs.define
class Heard:
    """What a child said through `tell` and `notice`, and a way to wait for it."""

    told: list[str] = attrs.field(factory=list)
    notices: list[str] = attrs.field(factory=list)
    _changed: trio.Event = attrs.field(factory=trio.Event)

    def notice(self, line: str) -> None:
        self.notices.append(line)
        self._changed.set()
        self._changed = trio.Event()

    async def wait_for(self, end: str) -> None:
        while not any(line.endswith(end) for line in self.notices):
            await self._changed.wait()


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def make(heard: Heard) -> Callable[..., Child]:
    def make(script: str) -> Child:
        spec = ChildSpec("world", ["/bin/sh", "-c", script])
        return Child(spec, tell=heard.told.append, notice=heard.notice)

    return make


@asynccontextmanager
async def running(child: Child) -> AsyncIterator[None]:
    async with trio.open_nursery() as nursery:
        await nursery.start(child.run)
        yield
        nursery.cancel_scope.cancel()


def pids() -> list[int]:
    return [int(line) for line in Path("pids").read_text().split()]


async def test_start_returns_once_ready_with_what_was_printed_before(
    make: Callable[..., Child], heard: Heard
) -> None:
    async with running(make(GOOD)):
        assert heard.told == ["link 127.0.0.1:1"]
        assert exists(pids()[0])


@pytest.mark.parametrize(
    ("script", "reason"), [("exit 3", "ended with status 3"), ("kill -KILL $$", "was ended by SIGKILL")]
)
async def test_child_that_ends_before_it_is_ready_cannot_start(
    make: Callable[..., Child], script: str, reason: str
) -> None:
    async with trio.open_nursery() as nursery:
        with pytest.raises(CannotStart, match=f"The world {reason} before it was ready"):
            await nursery.start(make(script).run)


async def test_child_that_said_why_it_cannot_start_is_not_repeated(
    make: Callable[..., Child], capfd: pytest.CaptureFixture[str]
) -> None:
    async with trio.open_nursery() as nursery:
        with pytest.raises(CannotStartAlreadyTold) as caught:
            await nursery.start(make("echo 'Error: port in use.' >&2; exit 2").run)

    caught.value.show()
    assert caught.value.exit_code == 2
    assert capfd.readouterr().err == "Error: port in use.\n"


async def test_missing_program_cannot_start(heard: Heard) -> None:
    child = Child(ChildSpec("world", ["./missing"]), tell=heard.told.append, notice=heard.notice)

    async with trio.open_nursery() as nursery:
        with pytest.raises(CannotStart, match="could not be started"):
            await nursery.start(child.run)


async def test_child_that_is_not_ready_in_time_is_killed(
    make: Callable[..., Child], heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "START_DEADLINE", 0.2)

    async with trio.open_nursery() as nursery:
        with pytest.raises(CannotStart, match="SIGKILL"):
            await nursery.start(make("echo $$ >> pids; exec sleep 60").run)

    assert heard.notices == ["The world was not ready within 0.2 s."]
    assert not exists(pids()[0])


async def test_child_that_dies_is_started_again_after_a_delay(
    make: Callable[..., Child], heard: Heard
) -> None:
    async with running(make(GOOD)):
        started = trio.current_time()
        os.kill(pids()[0], 9)
        await heard.wait_for("is ready again.")

        assert trio.current_time() - started >= 0.5
        assert len(pids()) == 2
    assert heard.notices == [
        "The world was ended by SIGKILL; it starts again in 0.5 s.",
        "The world is ready again.",
    ]
    assert heard.told == ["link 127.0.0.1:1"]


async def test_child_that_was_asked_to_end_is_started_again_without_delay(
    make: Callable[..., Child], heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "Backoff", lambda: Backoff(600.0))
    asked = "test -e pids || trap 'exit 0' TERM; echo $$ >> pids; echo Ready.; while :; do sleep 0.02; done"

    async with running(make(asked)):
        os.kill(pids()[0], signal.SIGTERM)
        with trio.fail_after(10):
            await heard.wait_for("is ready again.")

    assert heard.notices == ["The world has ended; it starts again.", "The world is ready again."]


async def test_child_that_ends_well_before_it_is_ready_again_waits_all_the_same(
    make: Callable[..., Child], heard: Heard
) -> None:
    async with running(make("test -e pids && exit 0; " + GOOD)):
        os.kill(pids()[0], 9)
        await heard.wait_for("ended with status 0; it starts again in 1 s.")


async def test_delays_double_while_the_child_keeps_failing(make: Callable[..., Child], heard: Heard) -> None:
    script = "test -e pids && exit 2; " + GOOD

    async with running(make(script)):
        os.kill(pids()[0], 9)
        await heard.wait_for("ended with status 2; it starts again in 1 s.")


async def test_restart_replaces_the_process_without_delay(make: Callable[..., Child], heard: Heard) -> None:
    child = make(GOOD)

    async with running(child):
        child.restart()
        await heard.wait_for("is ready again.")

        old, new = pids()
        assert not exists(old)
        assert exists(new)
    assert heard.notices == ["The world is ready again."]


async def test_restart_kills_a_process_that_does_not_end(
    make: Callable[..., Child], heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "RESTART_GRACE", 0.1)
    child = make(DEAF)

    async with running(child):
        child.restart()
        await heard.wait_for("is ready again.")

        assert not exists(pids()[0])
    assert heard.notices[0] == "The world did not end within 0.1 s and is killed."


async def test_restart_ends_a_delay(
    make: Callable[..., Child], heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "Backoff", lambda: Backoff(600.0))
    child = make(GOOD)

    async with running(child):
        os.kill(pids()[0], 9)
        await heard.wait_for("starts again in 600 s.")
        child.restart()
        with trio.fail_after(10):
            await heard.wait_for("is ready again.")


async def test_stop_ends_the_process_gracefully(make: Callable[..., Child], heard: Heard) -> None:
    child = make("trap 'echo saved > state; exit 0' TERM; echo Ready.; while :; do sleep 0.02; done")

    async with trio.open_nursery() as nursery:
        await nursery.start(child.run)
        await child.stop(5)

    assert Path("state").read_text() == "saved\n"
    assert heard.notices == []


async def test_stop_kills_a_process_that_does_not_end(make: Callable[..., Child], heard: Heard) -> None:
    child = make(DEAF)

    async with trio.open_nursery() as nursery:
        await nursery.start(child.run)
        await child.stop(0.1)

    assert heard.notices == ["The world did not end within 0.1 s and is killed."]
    assert not exists(pids()[0])


async def test_stop_during_a_delay_starts_nothing(make: Callable[..., Child], heard: Heard) -> None:
    child = make(GOOD)

    async with trio.open_nursery() as nursery:
        await nursery.start(child.run)
        os.kill(pids()[0], 9)
        await heard.wait_for("0.5 s.")
        await child.stop(5)

    assert len(pids()) == 1


async def test_cancellation_kills_at_once_and_reaps(make: Callable[..., Child]) -> None:
    with trio.fail_after(5):
        async with running(make(DEAF)):
            pass

    assert not exists(pids()[0])


async def test_child_has_its_own_session_and_a_stdin_that_ends_with_us(make: Callable[..., Child]) -> None:
    async with running(make(GOOD)):
        (pid,) = pids()

        assert os.getsid(pid) == pid != os.getsid(0)
        assert os.readlink(f"/proc/{pid}/fd/0").startswith(("pipe:", "socket:"))


async def test_overlong_and_undecodable_lines_are_cut_and_shown(
    make: Callable[..., Child], heard: Heard
) -> None:
    script = r"printf '\377\n'; head -c 100000 /dev/zero | tr '\0' x; echo; " + GOOD

    async with running(make(script)):
        assert heard.told[0] == "\ufffd"
        assert heard.told[1] == "x" * supervisor.LINE_LIMIT

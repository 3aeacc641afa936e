"""`wyld world restart`, seen from outside: ask the world, watch it go, wait for its successor and for the players' sessions.

Only the world is asked to do anything. It ends, and whoever keeps it running starts the next one; so this also tells an
operator who has forgotten to have it kept running.
"""

from collections.abc import Sequence
from pathlib import Path

import attrs
import trio

from wyld.console import Console
from wyld.errors import CannotReach, ProblemFound
from wyld.processes import Running, find_running, look_into
from wyld_service.control import ask
from wyld_service.errors import ControlRefused, ControlUnreachable
from wyld_service.status import Phase, WorldStatus

# Seconds from the moment of the restart until there must be another world: saving takes up to 5, starting a few more.
SUCCESSOR_DEADLINE = 60.0
# Seconds from then on for gateways to be linked again and sessions to be back; they need less than 3.
RETURN_DEADLINE = 10.0
# Seconds between two looks at whether it is back, and at who is in play before that.
INTERVAL = 0.1
COUNT_INTERVAL = 1.0


@attrs.frozen
class Outcome:
    """How many of the sessions that were in play are so again, and after how many seconds without a world."""

    back: int
    of: int
    seconds: float

    def __str__(self) -> str:
        if self.of == 0:
            return f"The world is back in {self.seconds:.1f} s; no session was in play."
        return f"{self.back} of {self.of} sessions are back in {self.seconds:.1f} s."


async def restart_world(folders: Sequence[Path], seconds: float, reason: str, console: Console) -> Outcome:
    """Restart the world that runs in the first of `folders` in which anything does, `seconds` from now.

    Raises:
        CannotReach: No world runs the game there, or it does not answer.
        ProblemFound: It refuses, or no other world comes after it.

    Cancellation: a restart that the world has been asked for goes on.
    """
    running = await find_running(folders)
    path, before = _current(running)
    try:
        await ask(path, "restart", {"seconds": seconds, "reason": reason})
    except ControlUnreachable as error:
        raise CannotReach(str(error)) from error
    except ControlRefused as error:
        raise ProblemFound(str(error)) from error
    due = trio.current_time() + seconds
    if seconds:
        with console.progress(f"The world restarts in {seconds:g} s"):
            before = await _count_down(running.folder, before, due)
    with console.progress("Waiting for the next world"):
        await _successor(running.folder, before, due + SUCCESSOR_DEADLINE)
    with console.progress("Waiting for the sessions"):
        return await _sessions_back(running.folder, before, due)


def _current(running: Running) -> tuple[Path, WorldStatus]:
    for path, world in running.worlds.items():
        if world.phase is Phase.RUNNING:
            return path, world
    reasons = [each.reason for each in running.silent if each.kind == "world"]
    raise CannotReach(" ".join([f"No world runs the game in {running.folder}.", *reasons]))


async def _count_down(folder: Path, before: WorldStatus, due: float) -> WorldStatus:
    """Wait until `due`; what the world said last, because players come and go until then."""
    while (left := due - trio.current_time()) > 0:
        worlds = (await look_into(folder)).worlds.values()
        same = [world for world in worlds if world.life == before.life and world.phase is Phase.RUNNING]
        before = same[0] if same else before
        await trio.sleep(min(left, COUNT_INTERVAL))
    return before


async def _successor(folder: Path, before: WorldStatus, deadline: float) -> None:
    with trio.move_on_at(deadline):
        while True:
            if await _look(folder, before) is not None:
                return
            await trio.sleep(INTERVAL)
    raise ProblemFound(
        f"No other world has come within {SUCCESSOR_DEADLINE:g} s. Does anything keep it running: `wyld up`, systemd, "
        "a container engine? Its log tells more."
    )


async def _sessions_back(folder: Path, before: WorldStatus, due: float) -> Outcome:
    """Wait until as many gateways are linked and sessions in play as before, or until `RETURN_DEADLINE` is over."""
    wanted = (before.gateways, sum(before.sessions.values()))
    found, since = (0, 0), trio.current_time()
    with trio.move_on_after(RETURN_DEADLINE):
        while True:
            world = await _look(folder, before)
            now = (0, 0) if world is None else (world.gateways, sum(world.sessions.values()))
            if now != found:
                found, since = now, trio.current_time()
            if found[0] >= wanted[0] and found[1] >= wanted[1]:
                break
            await trio.sleep(INTERVAL)
    return Outcome(min(found[1], wanted[1]), wanted[1], since - due)


async def _look(folder: Path, before: WorldStatus) -> WorldStatus | None:
    """The world that runs the game now, if it is another one than before."""
    worlds = (await look_into(folder)).worlds.values()
    return next((w for w in worlds if w.phase is Phase.RUNNING and w.life != before.life), None)

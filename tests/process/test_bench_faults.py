"""Each fault does what it is called, to a process that stands in for world and gateway."""

from __future__ import annotations

import contextlib
import random
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import attrs
import pytest
import trio
from wyld_process import PATIENCE, eventually

from wyld.bench.faults import UNNOTICED, Fault, disturb
from wyld.bench.game import Game, Gateway
from wyld.bench.link_proxy import LinkProxy
from wyld.supervisor import Child, ChildSpec
from wyld_service.units import Address

pytestmark = pytest.mark.process

NOWHERE = Address("127.0.0.1", 9)
# Notes its pid, and how it is ended; the word is the process's name in the log.
PROGRAM = """
import os, signal, sys
log = open(sys.argv[1], "a", buffering=1)
def say(text):
    log.write(f"{sys.argv[2]} {text}\\n")
def end(*_):
    say("was asked to end")
    sys.exit()
signal.signal(signal.SIGTERM, end)
say(f"runs as {os.getpid()}")
print("Ready.", flush=True)
while True:
    signal.pause()
"""


class Once(random.Random):
    """Waits as little as faults may before the first one, which lasts as long as one may, and never ends the wait for the second."""

    pauses = 0

    def uniform(self, a: float, b: float) -> float:
        self.pauses += 1
        return a if self.pauses == 1 else 3600.0

    def triangular(self, low: float = 0.0, high: float = 1.0, mode: float | None = None) -> float:
        return high


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log"
    path.touch()
    return path


@pytest.fixture
async def game(log: Path, nursery: trio.Nursery) -> AsyncIterator[Game]:
    children = []
    for name in ("world", "gateway"):
        command = [sys.executable, "-c", PROGRAM, str(log), name]
        child = Child(ChildSpec(name, command), tell=print, notice=print)
        await nursery.start(child.run)
        children.append(child)
    world, gateway = children
    yield Game(world, [Gateway(gateway, NOWHERE, NOWHERE)], LinkProxy("127.0.0.1", 9, random.Random(1)), "")
    for child in children:
        await child.stop(10)


def lines(log: Path, *words: str) -> list[str]:
    return [line for line in log.read_text().splitlines() if all(word in line for word in words)]


def state(log: Path) -> str:
    pid = lines(log, "world runs as")[-1].split()[-1]
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


async def start(nursery: trio.Nursery, game: Game, fault: Fault) -> list[Fault]:
    """Disturb with that fault, once; returns the list of what was noted."""
    noted: list[Fault] = []
    nursery.start_soon(partial(disturb, game, [fault], Once(1), noted.append))
    return noted


@pytest.mark.parametrize(
    ("fault", "victim", "asked"),
    [
        (Fault.WORLD_KILL, "world", False),
        (Fault.WORLD_RESTART, "world", True),
        (Fault.GATEWAY_KILL, "gateway", False),
    ],
)
async def test_what_is_ended_comes_back_at_once(
    game: Game, log: Path, fault: Fault, victim: str, asked: bool
) -> None:
    async with trio.open_nursery() as nursery:
        noted = await start(nursery, game, fault)
        await eventually(lambda: len(lines(log, victim, "runs as")) == 2)
        nursery.cancel_scope.cancel()

    assert noted == [fault]
    assert bool(lines(log, "asked to end")) is asked
    assert len(lines(log, "runs as")) == 3


async def test_a_frozen_world_goes_on_when_the_disturbance_ends(game: Game, log: Path) -> None:
    async with trio.open_nursery() as nursery:
        await start(nursery, game, Fault.WORLD_FREEZE)
        await eventually(lambda: state(log) == "T")
        nursery.cancel_scope.cancel()

    await eventually(lambda: state(log) == "S")
    assert len(lines(log, "world runs as")) == 1


async def echo(stream: trio.SocketStream) -> None:
    with contextlib.suppress(trio.BrokenResourceError):
        async for chunk in stream:
            await stream.send_all(chunk)


@pytest.fixture
async def linked(game: Game, nursery: trio.Nursery) -> AsyncIterator[tuple[Game, trio.SocketStream]]:
    """The game with a link that carries, and a gateway's end of it."""
    (world,) = await nursery.start(partial(trio.serve_tcp, echo, 0, host="127.0.0.1"))
    link = LinkProxy("127.0.0.1", world.socket.getsockname()[1], random.Random(1))
    (front,) = await nursery.start(link.run)
    async with await trio.open_tcp_stream(*front.socket.getsockname()) as stream:
        await stream.send_all(b"before")
        assert await stream.receive_some() == b"before"
        yield attrs.evolve(game, link=link), stream


async def test_a_cut_link_ends(linked: tuple[Game, trio.SocketStream]) -> None:
    game, stream = linked
    async with trio.open_nursery() as nursery:
        noted = await start(nursery, game, Fault.LINK_CUT)
        await eventually(lambda: noted)
        await stream.send_all(b"after")

        with trio.fail_after(PATIENCE), contextlib.suppress(trio.BrokenResourceError):
            while await stream.receive_some():
                pass
        nursery.cancel_scope.cancel()


async def test_a_frozen_link_goes_on_when_the_disturbance_ends(
    linked: tuple[Game, trio.SocketStream],
) -> None:
    game, stream = linked
    async with trio.open_nursery() as nursery:
        noted = await start(nursery, game, Fault.LINK_FREEZE)
        await eventually(lambda: noted)
        await stream.send_all(b"after")
        with trio.move_on_after(0.2) as silence:
            await stream.receive_some()
        nursery.cancel_scope.cancel()

    assert silence.cancelled_caught
    assert await stream.receive_some() == b"after"


def test_players_connections_survive_every_fault_but_that_of_their_gateway() -> None:
    assert {*Fault} - {*UNNOTICED} == {Fault.GATEWAY_KILL}

"""`wyld up` from outside: real processes, real signals, the real embedded PostgreSQL."""

import os
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from wyld_process import WyldProcess, data_folder, eventually, exists, open_wyld, processes_that_mention

import wyld_world

pytestmark = pytest.mark.process

# Seconds within which everything must be gone after one signal.
STOP_DEADLINE = 5.0
# Other tests, and whoever edits the world while they run, must not restart our worlds.
ANY_PORTS = ("--no-reload", "--telnet", "127.0.0.1:0", "--web", "127.0.0.1:0")


@pytest.fixture
def data() -> Iterator[Path]:
    with data_folder() as folder:
        yield folder


@asynccontextmanager
async def open_up(data: Path, database: str, *more: str) -> AsyncIterator[WyldProcess]:
    """`wyld up` on a database that exists, until it is ready: most of what it does has nothing to do with making one."""
    async with open_wyld("up", "--data", str(data), "--database", database, *ANY_PORTS, *more) as wyld:
        await wyld.ready()
        yield wyld


async def one_sentence_of(wyld: WyldProcess) -> str:
    """The only error of a command that could not start; its status must say so."""
    assert await wyld.wait() == 2
    errors = [line for line in wyld.stderr.lines if line.startswith("Error: ")]
    assert len(errors) == 1, wyld.stderr.lines
    assert wyld.stdout.lines[-1:] != ["Ready."]
    return errors[0]


async def test_up_makes_a_database_says_where_it_listens_and_tells_players_before_it_ends(data: Path) -> None:
    async with open_wyld("up", "--data", str(data), *ANY_PORTS) as wyld:
        await wyld.ready()
        await (await trio.open_tcp_stream("127.0.0.1", wyld.port("web"))).aclose()
        player = await trio.open_tcp_stream("127.0.0.1", wyld.port("telnet"))
        await player.receive_some()
        started = [wyld.child("world"), wyld.child("gateway"), *processes_that_mention(str(data))]
        told = trio.current_time()
        wyld.send_signal(signal.SIGINT)
        async with player:
            heard = b"".join([chunk async for chunk in player])
        status = await wyld.wait()
        elapsed = trio.current_time() - told

    assert b"The server is stopping." in heard
    assert status == 0
    assert elapsed < STOP_DEADLINE
    assert [line.split()[0] for line in wyld.stdout.lines] == ["Link", "Telnet", "Web", "Ready."]
    assert wyld.stderr.lines[0] == "Creating the database ..."
    assert len(started) >= 4
    await eventually(lambda: not any(exists(pid) for pid in started))


async def test_one_child_is_replaced_and_the_other_is_not_touched(data: Path, database_url: str) -> None:
    async with open_up(data, database_url, "--reload") as wyld:
        for replaced, kept in [("world", "gateway"), ("gateway", "world")]:
            old, untouched = wyld.child(replaced), wyld.child(kept)
            os.kill(old, signal.SIGKILL)
            await wyld.stderr.wait_for(f"^The {replaced} is ready again")

            assert wyld.child(replaced) != old
            assert wyld.child(kept) == untouched

        world, gateway, seen = wyld.child("world"), wyld.child("gateway"), len(wyld.stderr.lines)
        rewrite(Path(wyld_world.__path__[0], "__init__.py"))
        await wyld.stderr.wait_for(r"^The world restarts: __init__\.py changed\.$")
        await wyld.stderr.wait_for("^The world is ready again", after=seen)

        assert wyld.child("world") != world
        assert wyld.child("gateway") == gateway


def rewrite(path: Path) -> None:
    """Write what is there already: whoever watches sees a change, whoever reads does not."""
    with path.open("r+b") as file:
        first = file.read(1)
        file.seek(0)
        file.write(first)


async def test_nothing_outlives_up_when_it_is_killed(data: Path) -> None:
    async with open_wyld("up", "--data", str(data), *ANY_PORTS) as wyld:
        await wyld.ready()
        left = [wyld.child("world"), wyld.child("gateway"), *processes_that_mention(str(data / "postgres"))]
        wyld.send_signal(signal.SIGKILL)
        await wyld.wait()

        await eventually(lambda: not any(exists(pid) for pid in left))


async def test_signal_while_starting_leaves_nothing(data: Path) -> None:
    async with open_wyld("up", "--data", str(data), *ANY_PORTS) as wyld:
        await wyld.stderr.wait_for("^Creating the database")
        wyld.send_signal(signal.SIGTERM)

        assert await wyld.wait() == 0
    assert "Ready." not in wyld.stdout.lines
    assert processes_that_mention(str(data)) == []


async def test_folder_belongs_to_one_and_a_second_signal_stops_that_at_once(
    data: Path, database_url: str
) -> None:
    async with open_up(data, database_url) as first:
        async with open_wyld("up", "--data", str(data), "--database", database_url) as second:
            sentence = await one_sentence_of(second)
        assert f"in use by another `wyld up` (process {first.pid})" in sentence

        world = first.child("world")
        os.kill(world, signal.SIGSTOP)  # it will not hear a polite signal
        first.send_signal(signal.SIGINT)
        await first.stderr.wait_for("^Stopping")
        first.send_signal(signal.SIGINT)
        await first.wait()

    assert not exists(world)


async def test_port_in_use_is_one_sentence_and_leaves_nothing(data: Path, database_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        arguments = [
            "--data",
            str(data),
            "--database",
            database_url,
            "--telnet",
            address,
            "--web",
            "127.0.0.1:0",
        ]

        async with open_wyld("up", *arguments) as wyld:
            sentence = await one_sentence_of(wyld)

    assert address in sentence
    assert "in use" in sentence


async def test_broken_data_folder_is_one_sentence(data: Path) -> None:
    (data / "postgres").mkdir(parents=True)
    (data / "postgres" / "novel.txt").write_text("Chapter 1")

    async with open_wyld("up", "--data", str(data), *ANY_PORTS) as wyld:
        sentence = await one_sentence_of(wyld)

    assert sentence.startswith("Error: ")
    assert str(data / "postgres") in sentence


async def test_unreachable_database_is_one_sentence(data: Path) -> None:
    nobody = "postgresql://wyld@127.0.0.1:1/wyld"
    impatient = {"WYLD_STORE__CONNECT_TIMEOUT": "2s"}

    async with open_wyld("up", "--data", str(data), "--database", nobody, env=impatient) as wyld:
        sentence = await one_sentence_of(wyld)

    assert "127.0.0.1" in sentence

"""What an operator does at night, from outside: `wyld status` and `wyld world restart`, and two worlds on one database."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from doubles.players import Player, telnet_player, web_player
from wyld_process import WyldProcess, data_folder, open_wyld

pytestmark = pytest.mark.process

PASSWORD = "a-lantern-in-the-fog"


@pytest.fixture
def data() -> Iterator[Path]:
    with data_folder() as folder:
        yield folder


@pytest.fixture
def environment(tmp_path: Path, database_url: str) -> dict[str, str]:
    """For processes that nobody supervises, with a control folder of their own."""
    return {
        "WYLD_STORE__URL": database_url,
        "WYLD_LINK__KEY": "k" * 32,
        "WYLD_LINK__ADDRESS": "127.0.0.1:0",
        "WYLD_TELNET__LISTENERS": "127.0.0.1:0",
        "WYLD_WEB__LISTENERS": "127.0.0.1:0",
        "WYLD_METRICS__ADDRESS": "",
        "WYLD_CONTROL__PATH": str(tmp_path),
    }


@asynccontextmanager
async def open_up(data: Path, database: str) -> AsyncIterator[WyldProcess]:
    ports = ("--telnet", "127.0.0.1:0", "--web", "127.0.0.1:0")
    async with open_wyld("up", "--data", str(data), "--database", database, *ports) as wyld:
        await wyld.ready()
        yield wyld


async def run_wyld(*arguments: str, env: Mapping[str, str] | None = None) -> tuple[int, WyldProcess]:
    """A command from its start to its end: exit status and what it said."""
    async with open_wyld(*arguments, env=env) as command:
        return await command.wait(), command


async def status_of(*where: str, env: Mapping[str, str] | None = None) -> tuple[int, dict[str, Any]]:
    exit_status, command = await run_wyld("status", "--json", *where, env=env)
    (line,) = command.stdout.lines
    return exit_status, json.loads(line)


async def begin(player: Player, name: str) -> None:
    await player.sees("Account: ")
    await player.type(f"create {name.lower()} {PASSWORD}")
    await player.sees("no character yet")
    await player.type(f"new {name} quick")
    await player.sees(f"{name} is ready")
    await player.type(f"play {name}")
    await player.sees("The Long Quay")


async def test_status_works_without_a_world_and_without_anybody(environment: dict[str, str]) -> None:
    async with open_wyld("gateway", env=environment) as gateway:
        await gateway.ready()
        exit_status, command = await run_wyld("status", env=environment)

        assert exit_status == 2
        lines = dict(line.split(": ", 1) for line in command.stdout.lines)
        assert lines["gateway"].startswith(f"ok - process {gateway.pid} up ")
        assert lines["link"].startswith("down - 1 of 1 away for ")
        assert lines["world"] == "down - none runs here"
        assert lines["sessions"] == "none"
        gateway.send_signal(signal.SIGKILL)
        await gateway.wait()

    exit_status, command = await run_wyld("status", env=environment)
    assert exit_status == 3
    assert command.stdout.lines == []


async def test_operator_sees_who_is_there_and_gives_them_another_world(data: Path, database_url: str) -> None:
    async with open_up(data, database_url) as wyld:
        await see_and_restart(wyld, data)
        assert sorted(path.name for path in data.glob("*.sock")) == ["gateway.sock", "world.sock"]
        wyld.send_signal(signal.SIGTERM)
        await wyld.wait()
    assert list(data.glob("*.sock")) == []


async def see_and_restart(wyld: WyldProcess, data: Path) -> None:
    async with (
        telnet_player("127.0.0.1", wyld.port("telnet")) as ann,
        web_player("127.0.0.1", wyld.port("web")) as ben,
    ):
        await begin(ann, "Ann")
        await begin(ben, "Ben")
        old = wyld.child("world")

        exit_status, report = await status_of("--data", str(data))
        assert (exit_status, report["status"]) == (0, "ok")
        assert report["connections"] == {"telnet": 1, "websocket": 1}
        assert report["sessions"]["Playing"] == 2
        assert [each["pid"] for each in report["gateways"]] == [wyld.child("gateway")]
        assert [each["pid"] for each in report["worlds"]] == [old]

        arguments = ("world", "restart", "--data", str(data), "--in", "1", "--reason", "A new pier.")
        async with open_wyld(*arguments) as command:
            for player in (ann, ben):
                await player.sees(r"The world restarts in 1 second\. Stay connected\. Reason: A new pier\.")
                await player.sees(
                    r"The world is restarting\. You stay connected; what you type now is kept\."
                )
            exit_status = await command.wait()

        assert exit_status == 0
        (line,) = command.stdout.lines
        assert line.startswith("2 of 2 sessions are back in ")
        assert command.stderr.lines == [
            "The world restarts in 1 s ...",
            "Waiting for the next world ...",
            "Waiting for the sessions ...",
        ]
        assert wyld.child("world") != old
        await wyld.stderr.wait_for(r"^The world has ended; it starts again\.$")
        await wyld.stderr.wait_for(rf"event=admin\.action process=world verb=restart uid={os.getuid()} ")
        await ann.type("'still here")
        await ben.sees("Ann says, 'still here'")


async def test_second_world_waits_and_takes_over_at_once(environment: dict[str, str]) -> None:
    async with open_wyld("world", env=environment) as first:
        await first.ready()
        async with open_wyld("world", env=environment) as second:
            await second.stderr.wait_for("event=store.down .*holds its lock")
            exit_status, report = await status_of(env=environment)
            assert exit_status == 2  # there is no gateway
            assert {each["pid"]: each["phase"] for each in report["worlds"]} == {
                first.pid: "running",
                second.pid: "waiting",
            }
            assert f"process {second.pid} waits: " in report["parts"]["world"]["detail"]

            first.send_signal(signal.SIGKILL)
            killed = trio.current_time()
            await second.ready()
            assert trio.current_time() - killed < 3
            assert len([line for line in second.stderr.lines if "event=store.down" in line]) == 1

            # Nobody keeps this one running, and no third one waits.
            async with open_wyld("world", "restart", env=environment) as restart:
                assert await second.wait() == 0
                await restart.stderr.wait_for("^Waiting for the next world")

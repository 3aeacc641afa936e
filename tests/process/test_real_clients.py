"""Client programs that players really use, in a terminal of their own, against real processes: negotiate, log in, play."""

from __future__ import annotations

import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from doubles.pty_player import COLUMNS, ROWS, PtyPlayer, pty_player
from wyld_process import WyldProcess, data_folder, open_wyld

pytestmark = pytest.mark.process

PASSWORD = "a-lantern-in-the-fog"
FOLDERS = "/usr/local/bin:/usr/bin:/bin:/usr/games"


def program(name: str, package: str) -> str:
    """The path of a client; the test is skipped where it is not installed."""
    found = shutil.which(name, path=FOLDERS)
    if found is None:
        pytest.skip(f"{name} is not installed (Debian: apt-get install {package})")
    return found


@asynccontextmanager
async def running(database: str) -> AsyncIterator[WyldProcess]:
    with data_folder() as data:
        arguments = (
            "--data",
            str(data),
            "--database",
            database,
            "--telnet",
            "127.0.0.1:0",
            "--web",
            "127.0.0.1:0",
        )
        async with open_wyld("up", *arguments) as wyld:
            await wyld.ready()
            yield wyld
            wyld.send_signal(signal.SIGTERM)
            assert await wyld.wait() == 0


async def play(player: PtyPlayer) -> None:
    """From the first screen into the game and once around the corner."""
    await player.sees("you are asked for the rest")
    await player.type(f"create ann {PASSWORD}")
    await player.sees("no character yet")
    await player.type("new Ann quick")
    await player.sees("Ann is ready")
    await player.type("play Ann")
    await player.sees("The Long Quay")
    await player.type("'Grüße aus dem Nebel")
    await player.sees("You say, 'Grüße aus dem Nebel'")
    await player.type("north")
    await player.sees("Ropewalk Lane")


async def options(player: PtyPlayer) -> dict[str, str]:
    """What the gateway says it has agreed with the client."""
    await player.type("//options")
    await player.sees("(?m)^Protocol: ")
    await player.sees("(?m)^Prompt: .*$\n")
    said = player.seen[player.seen.rindex("Protocol: ") :]
    return dict(line.rstrip(".").split(": ", 1) for line in said.splitlines() if ": " in line)


async def test_telnet_of_debian(database_url: str, tmp_path: Path) -> None:
    telnet = program("telnet", "telnet")
    async with running(database_url) as wyld:
        command = [telnet, "127.0.0.1", str(wyld.port("telnet"))]
        async with pty_player(command, tmp_path) as player:
            await play(player)
            agreed = await options(player)
            await player.type("//quit")
            await player.sees("Goodbye")
            await player.sees("Connection closed by foreign host")
        async with pty_player(command, tmp_path) as player:
            await player.sees("Account: ")
            await player.type("ann")
            await player.sees("Password: ")
            await player.type(PASSWORD)
            await player.sees("Welcome, ann")
            shown = player.seen

    assert agreed["Agreed"] == "terminal-type, window-size, new-environ, timing-mark"
    assert agreed["Receipts"] == "by TIMING-MARK"
    assert agreed["Window"] == f"{COLUMNS} columns, {ROWS} rows"
    assert agreed["Terminal"] == "XTERM-256COLOR"
    assert agreed["Colours"] == "256"
    assert agreed["Prompt"] == "on, marked by GA"
    assert PASSWORD not in shown


async def test_tintin(database_url: str, tmp_path: Path) -> None:
    tintin = program("tt++", "tintin++")
    async with running(database_url) as wyld:
        session = f"#session game 127.0.0.1 {wyld.port('telnet')}"
        async with pty_player([tintin, "-G", "-e", session], tmp_path) as player:
            await play(player)
            agreed = await options(player)
            await player.type("//detach")
            await player.sees("Your character stays in the world")

    assert agreed["Client"].startswith("TinTin++ ")
    assert set(agreed["Agreed"].split(", ")) == {
        "terminal-type",
        "end-of-record",
        "window-size",
        "new-environ",
        "charset",
        "mccp2",
        "mccp3",
    }
    assert agreed["Receipts"] == "by TCP"  # it answers the first mark only
    assert agreed["Window"] == f"{COLUMNS} columns, {ROWS} rows"
    assert agreed["Character set"] == "UTF-8"
    assert agreed["Colours"] == "all"
    assert agreed["Prompt"] == "on, marked by EOR"

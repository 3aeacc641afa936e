"""`wyld.embedded` with the real PostgreSQL of the extra `embedded`."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import trio
from wyld_process import command_line, data_folder, eventually, exists, processes_that_mention

from wyld import embedded
from wyld.console import Console
from wyld.embedded import EmbeddedPostgres, require_installed
from wyld.errors import CannotStart

pytestmark = pytest.mark.process


@pytest.fixture
def folder() -> Iterator[Path]:
    require_installed()
    with data_folder() as data:
        data.mkdir()
        yield data / "postgres"


def postmaster(folder: Path) -> int:
    return int((folder / "postmaster.pid").read_text().split()[0])


def answer(url: str) -> object:
    with psycopg.connect(url, connect_timeout=5) as connection:
        row = connection.execute("select 6 * 7").fetchone()
        assert row is not None
        return row[0]


def guard_of(folder: Path) -> int:
    (guard,) = [pid for pid in processes_that_mention(str(folder)) if command_line(pid)[0] == "/bin/sh"]
    return guard


async def test_server_is_made_once_keeps_what_it_stored_and_is_gone_after_stop(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for statement in ("create table kept (id int)", "insert into kept values (1)"):
        async with trio.open_nursery() as nursery:
            database = EmbeddedPostgres(folder, Console())
            url = await nursery.start(database.run)
            with psycopg.connect(url) as connection:
                connection.execute(statement)
            pid = postmaster(folder)
            await database.stop(5)

        assert not (folder / "postmaster.pid").exists()
        await eventually(lambda pid=pid: not exists(pid))
    assert capfd.readouterr().err == "Creating the database ...\nStarting PostgreSQL ...\n"


async def test_killed_server_comes_back_at_the_same_address(
    folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "LIVENESS_INTERVAL", 0.05)

    async with trio.open_nursery() as nursery:
        database = EmbeddedPostgres(folder, Console())
        url = await nursery.start(database.run)
        killed = postmaster(folder)
        os.kill(killed, signal.SIGKILL)
        said = ""
        with trio.fail_after(30):
            while "PostgreSQL is back." not in said:
                await trio.sleep(0.05)
                said += capfd.readouterr().err
        assert answer(url) == 42
        assert postmaster(folder) != killed
        await database.stop(5)

    assert "PostgreSQL has died; it starts again in 0.5 s." in said


async def test_cancellation_stops_the_server_at_once(folder: Path) -> None:
    async with trio.open_nursery() as nursery:
        await nursery.start(EmbeddedPostgres(folder, Console()).run)
        pid = postmaster(folder)
        nursery.cancel_scope.cancel()

    await eventually(lambda: not exists(pid))


async def test_server_that_lost_its_guard_is_stopped_all_the_same(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with trio.open_nursery() as nursery:
        database = EmbeddedPostgres(folder, Console())
        await nursery.start(database.run)
        pid = postmaster(folder)
        guard = guard_of(folder)
        os.kill(guard, signal.SIGKILL)
        await eventually(lambda: not exists(guard))
        await database.stop(5)

    await eventually(lambda: not exists(pid))
    assert "guard of PostgreSQL is gone" in capfd.readouterr().err


async def test_folder_with_something_else_in_it_is_left_alone(folder: Path) -> None:
    folder.mkdir()
    (folder / "novel.txt").write_text("Chapter 1")

    async with trio.open_nursery() as nursery:
        with pytest.raises(CannotStart, match="holds something that is no PostgreSQL database"):
            await nursery.start(EmbeddedPostgres(folder, Console()).run)

    assert [path.name for path in folder.iterdir()] == ["novel.txt"]


async def test_database_of_another_version_is_one_sentence(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with trio.open_nursery() as nursery:
        database = EmbeddedPostgres(folder, Console())
        await nursery.start(database.run)
        await database.stop(5)
    (folder / "PG_VERSION").write_text("11\n")
    capfd.readouterr()

    async with trio.open_nursery() as nursery:
        with pytest.raises(
            CannotStart, match="initialized by PostgreSQL version 11, which is not compatible"
        ):
            await nursery.start(EmbeddedPostgres(folder, Console()).run)

    assert capfd.readouterr().err == "Starting PostgreSQL ...\n"
    assert not (folder / "postmaster.pid").exists()


async def test_pid_file_that_names_another_program_does_not_stop_a_start(folder: Path) -> None:
    async with trio.open_nursery() as nursery:
        database = EmbeddedPostgres(folder, Console())
        await nursery.start(database.run)
        lines = (folder / "postmaster.pid").read_text().splitlines()
        await database.stop(5)
    # What a machine that lost power leaves, once a program of the next boot has the number.
    (folder / "postmaster.pid").write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")

    async with trio.open_nursery() as nursery:
        database = EmbeddedPostgres(folder, Console())
        assert answer(await nursery.start(database.run)) == 42
        await database.stop(5)

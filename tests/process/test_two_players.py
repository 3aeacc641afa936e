"""The scene that the project began with: two people, one on telnet and one in a browser, meet, talk, walk and come back.

Real processes, real sockets, real PostgreSQL. The browser's part is played by a client that speaks wyld.v1; the page itself is
looked at in tests/browser.
"""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest
import trio
from doubles.players import Player, TelnetPlayer, WebPlayer, telnet_player, web_player
from wyld_process import WyldProcess, data_folder, eventually, open_wyld

pytestmark = pytest.mark.process

PASSWORD = "a-lantern-in-the-fog"


@pytest.fixture
def data() -> Iterator[Path]:
    with data_folder() as folder:
        yield folder


@asynccontextmanager
async def running(data: Path, database: str) -> AsyncIterator[WyldProcess]:
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


@asynccontextmanager
async def two_players(wyld: WyldProcess) -> AsyncIterator[tuple[TelnetPlayer, WebPlayer]]:
    async with (
        telnet_player("127.0.0.1", wyld.port("telnet")) as ann,
        web_player("127.0.0.1", wyld.port("web")) as ben,
    ):
        yield ann, ben


async def begin(player: Player, name: str) -> None:
    await player.sees("Account: ")
    await player.type(f"create {name.lower()} {PASSWORD}")
    await player.sees("no character yet")
    await player.type(f"new {name} quick")
    await player.sees(f"{name} is ready")
    await player.type(f"play {name}")
    await player.sees("You wake in .*\n+The Long Quay")


def rows(database: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(database) as connection:
        return connection.execute(query).fetchall()


async def test_two_people_meet_talk_walk_and_find_everything_again(data: Path, database_url: str) -> None:
    async with running(data, database_url) as wyld, two_players(wyld) as (ann, ben):
        await begin(ann, "Ann")
        await begin(ben, "Ben")
        await ann.sees("Ben")

        await ann.type("'good evening")
        await ann.sees("You say, 'good evening'")
        await ben.sees("Ann says, 'good evening'")
        await ben.type(":bows to the gulls")
        await ann.sees("Ben bows to the gulls")
        await ben.type("tell ann the tide is late")
        await ann.sees("the tide is late")

        await ben.type("look ann")
        await ben.sees("Ann")
        await ben.type("north")
        await ben.sees("Ropewalk Lane")
        await ann.sees("Ben .*north")
        await ann.type("n")
        await ben.sees("Ann .*south")

        live = rows(
            database_url,
            "select protocol, entity_id is not null from sessions where state = 'Playing' order by protocol",
        )
        assert live == [("telnet", True), ("websocket", True)]

    async with running(data, database_url) as wyld, two_players(wyld) as (ann, ben):
        for player, name in ((ann, "ann"), (ben, "ben")):
            await player.sees("Account: ")
            await player.type(f"connect {name} {PASSWORD} {name}")
            await player.sees("Ropewalk Lane")

        await ann.type("'here again")
        await ben.sees("Ann says, 'here again'")


async def test_a_password_is_asked_for_without_echo_and_is_in_no_log(data: Path, database_url: str) -> None:
    async with running(data, database_url) as wyld, two_players(wyld) as (ann, ben):
        for player, name in ((ann, "Ann"), (ben, "Ben")):
            await player.sees("Account: ")
            await player.type("create")
            await player.sees("Name of the new account: ")
            await player.type(name)
            await player.sees("New password: ")
            if player is ann:
                assert not ann.echo
            await player.type(PASSWORD)
            await player.sees("The same again: ")
            await player.type(PASSWORD)
            await player.sees("no character yet")
        assert ann.echo
        assert [message["on"] for message in ben.messages if message["t"] == "echo"] == [
            False,
            True,
            False,
            True,
        ]
        assert PASSWORD not in ann.seen + ben.seen

    everything_said = "\n".join([*wyld.stdout.lines, *wyld.stderr.lines])
    assert PASSWORD not in everything_said
    assert rows(database_url, "select count(*) from accounts where password_hash like '$argon2id$%'") == [
        (2,)
    ]


async def test_players_notice_little_of_a_world_that_is_killed(data: Path, database_url: str) -> None:
    async with running(data, database_url) as wyld, two_players(wyld) as (ann, ben):
        await begin(ann, "Ann")
        await begin(ben, "Ben")
        await ann.type("get rope")
        await ann.sees("rope")
        await ben.sees("Ann .*rope")

        world = wyld.child("world")
        await ann.type("'before the storm")
        os.kill(world, signal.SIGKILL)
        await ann.type("'in the dark")
        await ben.type("'so am I")

        for player in (ann, ben):
            await player.sees("so am I")
        # What Ben saw happen has happened, whatever became of the world that did it.
        await ann.type("inventory")
        await ann.sees("rope")
        await ben.type("who")
        await ben.sees("2 players")
        assert wyld.child("world") != world
        for player in (ann, ben):
            assert player.seen.count("You wake") == 1, "nobody has logged in again"
            for said in ("before the storm", "in the dark", "so am I"):
                assert (
                    player.seen.count(f", '{said}'") == 1
                )  # the gateway may name the line besides, without the quotes


async def test_players_are_told_of_a_world_that_restarts_and_of_its_return(
    data: Path, database_url: str
) -> None:
    async with running(data, database_url) as wyld, two_players(wyld) as (ann, ben):
        await begin(ann, "Ann")
        await begin(ben, "Ben")

        os.kill(wyld.child("world"), signal.SIGTERM)
        for player in (ann, ben):
            await player.sees("The world is restarting. You stay connected")
        await ann.type("n")

        await ann.sees("The world is back. 1 command was carried out: n.\n")
        await ann.sees("Ropewalk Lane")
        await ben.sees("The world is back. You missed nothing.")
        await ben.sees("Ann .*north")
        assert [player.seen.count("restarting") for player in (ann, ben)] == [1, 1]


async def test_a_lost_connection_keeps_the_character_in_the_world(data: Path, database_url: str) -> None:
    async with running(data, database_url) as wyld, two_players(wyld) as (ann, ben):
        await begin(ann, "Ann")
        await begin(ben, "Ben")

        await trio.aclose_forcefully(ann.stream)

        def state() -> list[tuple[object, ...]]:
            return rows(database_url, "select state from sessions where protocol = 'telnet'")

        await eventually(lambda: state() == [("Disconnected",)])
        await ben.type("who")
        await ben.sees("2 players")

        async with web_player("127.0.0.1", wyld.port("web")) as again:
            await again.type(f"connect ann {PASSWORD} ann")
            await again.sees("The Long Quay")
            await again.type("'back from the tunnel")
            await ben.sees("Ann says, 'back from the tunnel'")
            await ben.type("who")
            await ben.sees("2 players")
        assert state() == [("Closed",)]


async def test_the_same_character_twice_is_taken_over_and_both_sides_are_told(
    data: Path, database_url: str
) -> None:
    async with running(data, database_url) as wyld, two_players(wyld) as (ann, ben):
        await begin(ann, "Ann")

        await ben.sees("Account: ")
        await ben.type(f"connect ann {PASSWORD} ann")

        await ann.sees("now played from another connection. Goodbye")
        with trio.fail_after(10):
            await ann.closed.wait()
        await ben.sees("The Long Quay")
        live = rows(database_url, "select protocol from sessions where state = 'Playing'")
        assert live == [("websocket",)]


async def test_stopping_tells_the_players_first(data: Path, database_url: str) -> None:
    async with running(data, database_url) as wyld, two_players(wyld) as (ann, ben):
        await begin(ann, "Ann")
        await begin(ben, "Ben")

        wyld.send_signal(signal.SIGTERM)

        for player in (ann, ben):
            await player.sees("(?i)stopping|goodbye")

"""A real gateway and a real world with telnet clients whose programs want more than text: what they ask for, and what they get."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing
from doubles.fake_world import KEY
from doubles.running_gateway import RunningGateway, open_running_gateway
from doubles.session_store import MemorySessionStore
from doubles.telnet_terminal import TelnetTerminal, telnet_terminal
from doubles.world import open_test_world
from doubles.world_store import MemoryWorldStore

from wyld_gateway.app import run_gateway
from wyld_gateway.close import Close
from wyld_gateway.gateway import make_gateway
from wyld_gateway.outofband import room_number
from wyld_gateway.telnet.options.gmcp import covers
from wyld_gateway.telnet.options.msdp import decode_pairs
from wyld_gateway.telnet.options.mssp import decode_status
from wyld_rpc.messages import Authenticate
from wyld_service.secret import Secret
from wyld_service.settings import LimitsSettings, SessionsSettings

DO_GMCP, DO_MSDP, DO_MSSP = b"\xff\xfd\xc9", b"\xff\xfd\x45", b"\xff\xfd\x46"
PATIENCE = 30 * 60.0
PASSWORD = "correct horse"


@asynccontextmanager
async def open_game() -> AsyncIterator[RunningGateway]:
    """A gateway over a memory stream to the starter world, in one Trio run."""
    async with trio.open_nursery() as nursery, open_test_world(MemoryWorldStore()) as world:

        async def connect_world() -> trio.abc.Stream:
            ours, theirs = trio.testing.memory_stream_pair()
            nursery.start_soon(world.serve_link, theirs)
            return ours

        store = MemorySessionStore()
        gateway = make_gateway(
            connect_world=connect_world,
            key=Secret(KEY),
            store=store,
            limits=LimitsSettings(),
            sessions=SessionsSettings(),
            clock=lambda: 1_700_000_000.0 + trio.current_time(),
        )
        async with run_gateway(gateway):
            yield RunningGateway(None, store, gateway, nursery)
        nursery.cancel_scope.cancel()


@pytest.fixture
async def game():
    async with open_game() as game:
        yield game


@pytest.fixture
async def running():
    async with open_running_gateway() as running:
        yield running


def message(name: str, data: Any = None) -> bytes:
    body = name if data is None else f"{name} {json.dumps(data)}"
    return b"\xff\xfa\xc9" + body.encode() + b"\xff\xf0"


def supports(*packages: str, how: str = "Set") -> bytes:
    return message(f"Core.Supports.{how}", [f"{package} 1" for package in packages])


def bodies(terminal: TelnetTerminal, option: int) -> list[bytes]:
    """The bodies of all subnegotiations of an option that came, in order."""
    start = b"\xff\xfa" + bytes([option])
    return [part.partition(b"\xff\xf0")[0] for part in terminal.raw.split(start)[1:]]


def gmcp(terminal: TelnetTerminal) -> list[tuple[str, Any]]:
    pairs = [body.decode().partition(" ") for body in bodies(terminal, 201)]
    return [(name, json.loads(text) if text else None) for name, _, text in pairs]


def last(terminal: TelnetTerminal, name: str) -> Any:
    return [data for known, data in gmcp(terminal) if known == name][-1]


async def settle() -> None:
    """Let everything that can happen now happen."""
    await trio.sleep(0.2)


async def hears(terminal: TelnetTerminal, name: str, count: int = 1) -> Any:
    """The data of the `count`th message of that name, when it has come."""
    with trio.fail_after(PATIENCE):
        while len(found := [data for known, data in gmcp(terminal) if known == name]) < count:
            await terminal.more()
    return found[count - 1]


async def join(terminal: TelnetTerminal, name: str) -> None:
    """A new account and character of that name come into play."""
    await terminal.type(f"create {name}-account {PASSWORD.replace(' ', '-')}", f"new {name} quick", name)
    await terminal.sees(f", {name}.")  # "You wake in ..., Ann."
    await settle()


# -- What a GMCP client gets -----------------------------------------------------------------------------------


async def test_gmcp_client_hears_where_it_is_and_how_it_is_as_the_world_says_it(autojump_clock, game):
    async with telnet_terminal(game, DO_GMCP + supports("Char", "Room")) as terminal:
        await join(terminal, "Ann")

        assert last(terminal, "Char.Name") == {"name": "Ann", "fullname": "Ann"}
        vitals = last(terminal, "Char.Vitals")
        assert vitals["hp"] == vitals["maxhp"] > 0
        first = last(terminal, "Room.Info")
        assert first["num"] == room_number(first["id"])
        assert last(terminal, "Room.Players") == [{"name": "Ann", "fullname": "Ann"}]

        way = next(iter(first["exits"]))
        await terminal.type(way)
        second = await hears(terminal, "Room.Info", 2)

        assert second["num"] == first["exits"][way]
        assert first["num"] in second["exits"].values()


async def test_client_hears_nothing_that_it_did_not_list(autojump_clock, game):
    listed = ("Char.Vitals", "Room.Info")
    async with telnet_terminal(game, DO_GMCP + supports(*listed)) as terminal:
        await join(terminal, "Ann")
        await terminal.type("ooc hello", "get all", "drop all", "who", "score", "say hi")
        await settle()

        names = [name for name, _ in gmcp(terminal)]

        assert set(names) == set(listed)
        assert all(covers(frozenset(map(str.lower, listed)), name) for name in names)
        assert len(names) == 2  # nothing has changed since


@pytest.mark.parametrize("hello", [b"", b"\xff\xfe\xc9\xff\xfe\x45\xff\xfe\x46", DO_GMCP])
async def test_client_that_asks_for_nothing_gets_text_only(autojump_clock, game, hello):
    async with telnet_terminal(game, hello) as terminal:
        await join(terminal, "Ann")
        await terminal.type("ooc hello")
        await terminal.sees("[ooc] Ann: hello")

        assert gmcp(terminal) == []
        assert bodies(terminal, 69) == []


async def test_others_come_talk_and_go(autojump_clock, game):
    hello = DO_GMCP + supports("Room", "Comm.Channel")
    async with telnet_terminal(game, hello) as ann, telnet_terminal(game) as bob:
        await join(ann, "Ann")
        await join(bob, "Bob")
        assert await hears(ann, "Room.AddPlayer") == {"name": "Bob", "fullname": "Bob"}

        await bob.type("ooc evening, all")
        assert await hears(ann, "Comm.Channel.Text") == {
            "channel": "ooc",
            "talker": "Bob",
            "text": "[ooc] Bob: evening, all",
        }
        await ann.sees("[ooc] Bob: evening, all")
        await ann.type("who")
        assert await hears(ann, "Comm.Channel.Players") == [{"name": "Ann"}, {"name": "Bob"}]
        await bob.type("quit")

        assert await hears(ann, "Room.RemovePlayer") == "Bob"
        assert {"say", "tell", "shout", "ooc"} == {each["name"] for each in last(ann, "Comm.Channel.List")}


async def test_things_are_told_one_by_one(autojump_clock, game):
    async with telnet_terminal(game, DO_GMCP + supports("Char.Items")) as terminal:
        await join(terminal, "Ann")
        lists = {data["location"]: data["items"] for _, data in gmcp(terminal)}
        assert set(lists) == {"inv", "worn", "room"}
        rope = next(item for item in lists["room"] if item["name"] == "a coil of rope")
        before = len(gmcp(terminal))

        await terminal.type("get rope")
        await settle()
        await terminal.type("drop rope")
        await settle()

        inv, room = ({"location": where, "item": rope} for where in ("inv", "room"))
        told = gmcp(terminal)[before:]
        assert sorted(told[:2], key=str) == [("Char.Items.Add", inv), ("Char.Items.Remove", room)]
        assert sorted(told[2:], key=str) == [("Char.Items.Add", room), ("Char.Items.Remove", inv)]


async def test_package_that_is_listed_in_play_is_told_at_once_and_one_that_is_removed_no_more(
    autojump_clock, game
):
    async with telnet_terminal(game, DO_GMCP) as terminal:
        await join(terminal, "Ann")
        assert gmcp(terminal) == []

        await terminal.send(supports("Room", how="Add"))
        info = await hears(terminal, "Room.Info")
        assert info["exits"]
        await terminal.send(supports("Room", how="Remove"))
        before = len(gmcp(terminal))
        await terminal.type(next(iter(info["exits"])))
        await settle()

        assert len(gmcp(terminal)) == before


async def test_ping_is_answered_and_a_keepalive_is_not(autojump_clock, game):
    async with telnet_terminal(game, DO_GMCP) as terminal:
        await terminal.sees("Account: ")

        await terminal.send(message("Core.KeepAlive") + message("Core.Ping", 120) + message("core.ping"))
        await settle()

        assert gmcp(terminal) == [("Core.Ping", 120), ("Core.Ping", None)]


async def test_messages_between_lines_leave_the_prompt_alone(autojump_clock, game):
    async with telnet_terminal(game, DO_GMCP + supports("Char", "Room", "Comm")) as terminal:
        await join(terminal, "Ann")
        before = len(terminal.text)
        await terminal.send(message("Core.Ping"))
        await settle()
        assert terminal.text[before:] == ""

        await terminal.type("ooc hi")
        await settle()

        *lines, prompt = terminal.text[before:].split("\r\n")
        assert len(lines) == 1
        assert "[ooc] Ann: hi" in lines[0]
        assert prompt.endswith("hp> ")


async def test_client_is_told_why_before_the_connection_ends(autojump_clock, game):
    async with telnet_terminal(game, DO_GMCP) as terminal:
        await join(terminal, "Ann")

        game.gateway.pool.shutdown(Close.DRAIN, "The server is stopping.")
        await terminal.gone()

        assert last(terminal, "Core.Goodbye") == "The server is stopping."
        assert "The server is stopping." in terminal.text


async def test_client_that_says_who_it_is_is_known(autojump_clock, game):
    hello = message("Core.Hello", {"client": "Mudlet", "version": "4.18"})
    async with telnet_terminal(game, DO_GMCP + hello + hello) as terminal:
        await terminal.type("//options")

        await terminal.sees("Mudlet 4.18")
        await terminal.sees("gmcp")


# -- MSDP ------------------------------------------------------------------------------------------------------


def msdp(*pairs: tuple[bytes, bytes]) -> bytes:
    return b"\xff\xfa\x45" + b"".join(b"\1" + name + b"\2" + value for name, value in pairs) + b"\xff\xf0"


async def test_msdp_client_hears_the_variables_that_it_wants_reported(autojump_clock, game):
    report = msdp((b"REPORT", b"\5\2HEALTH\2ROOM\6"))
    async with telnet_terminal(game, DO_MSDP + report) as terminal:
        await join(terminal, "Ann")
        told = dict(pair for body in bodies(terminal, 69) for pair in decode_pairs(body))
        assert set(told) == {"HEALTH", "ROOM"}

        before = len(bodies(terminal, 69))
        await terminal.type(next(iter(told["ROOM"]["EXITS"])))
        await settle()

        (body,) = bodies(terminal, 69)[before:]
        ((name, room),) = decode_pairs(body)
        assert name == "ROOM"
        assert room["VNUM"] in told["ROOM"]["EXITS"].values()


async def test_client_with_both_hears_everything_once_over_gmcp(autojump_clock, game):
    hello = DO_MSDP + msdp((b"REPORT", b"HEALTH")) + DO_GMCP + supports("Char.Vitals")
    async with telnet_terminal(game, hello) as terminal:
        await join(terminal, "Ann")

        assert [name for name, _ in gmcp(terminal)] == ["Char.Vitals"]
        assert bodies(terminal, 69) == []


async def test_client_that_switches_an_option_off_hears_no_more_of_it(autojump_clock, game):
    hello = DO_MSDP + msdp((b"REPORT", b"ROOM")) + DO_GMCP + supports("Room")
    async with telnet_terminal(game, hello + b"\xff\xfe\xc9\xff\xfe\x45") as terminal:
        await join(terminal, "Ann")

        assert gmcp(terminal) == []
        assert bodies(terminal, 69) == []


# -- Signing in ------------------------------------------------------------------------------------------------

LISTED = DO_GMCP + supports("Char.Login")


def credentials(account: str = "ann", password: str = PASSWORD) -> bytes:
    return message("Char.Login.Credentials", {"account": account, "password": password})


async def test_client_that_lists_the_login_is_asked_and_signs_in_without_a_question(autojump_clock, running):
    running.world.add("ann", PASSWORD, "Bron")
    async with telnet_terminal(running, LISTED) as terminal:
        assert await hears(terminal, "Char.Login.Default") == {"type": ["password-credentials"]}

        await terminal.send(credentials())

        assert await hears(terminal, "Char.Login.Result") == {"success": True}
        await terminal.sees("Bron wakes.")
        assert "Password" not in terminal.text
        assert PASSWORD not in terminal.text


@pytest.mark.parametrize("packages", [(), ("Char",), ("Room",)])
async def test_client_that_does_not_list_the_login_by_name_is_not_asked(autojump_clock, running, packages):
    async with telnet_terminal(running, DO_GMCP + supports(*packages)) as terminal:
        await terminal.sees("Account: ")
        await settle()

        assert gmcp(terminal) == []


async def test_older_form_signs_in_too(autojump_clock, running):
    running.world.add("ann", PASSWORD, "Bron")
    async with telnet_terminal(running, DO_GMCP) as terminal:
        await terminal.send(message("Char.Login", {"name": "ann", "password": PASSWORD}))

        await terminal.sees("Bron wakes.")


async def test_player_with_several_characters_chooses_or_has_chosen(autojump_clock, running):
    running.world.add("ann", PASSWORD, "Bron", "Cid")
    async with telnet_terminal(running, LISTED + credentials()) as terminal:
        await terminal.sees("Your characters:")
    async with telnet_terminal(running, LISTED + credentials("ann Cid")) as terminal:
        await terminal.sees("Cid wakes.")


@pytest.mark.parametrize(
    "answer", [b"", message("Char.Login.Credentials", {}), message("Char.Login.Credentials")]
)
async def test_client_without_credentials_finds_the_usual_login_at_once(autojump_clock, running, answer):
    running.world.add("ann", PASSWORD, "Bron")
    async with telnet_terminal(running, LISTED + answer) as terminal:
        began = trio.current_time()
        await terminal.sees("Account: ")
        assert trio.current_time() - began < 1

        await terminal.type(f"connect ann {PASSWORD.replace(' ', '-')}")
        await terminal.sees("do not go together")
        await terminal.type("ann", PASSWORD)
        await terminal.sees("Welcome, ann.")

        assert [name for name, _ in gmcp(terminal)] == ["Char.Login.Default"]


async def test_wrong_password_is_told_and_the_connection_stays_at_the_question(autojump_clock, running):
    running.world.add("ann", PASSWORD, "Bron")
    async with telnet_terminal(running, LISTED + credentials(password="wrong")) as terminal:
        result = await hears(terminal, "Char.Login.Result")
        assert result["success"] is False
        assert "do not go together" in result["message"]
        await terminal.sees(result["message"])
        await terminal.sees("Account: ")
        await trio.sleep(10)
        assert not terminal.closed

        await terminal.send(credentials())

        assert await hears(terminal, "Char.Login.Result", 2) == {"success": True}
        await terminal.sees("Bron wakes.")


async def test_character_of_a_refused_login_is_forgotten(autojump_clock, running):
    running.world.add("ann", PASSWORD, "Bron", "Cid")
    async with telnet_terminal(running, LISTED + credentials("ann Cid", "wrong")) as terminal:
        await hears(terminal, "Char.Login.Result")

        await terminal.type("ann", PASSWORD)

        await terminal.sees("Your characters:")
        assert "wakes" not in terminal.text


async def test_credentials_that_are_too_long_are_refused_without_asking_the_world(autojump_clock, running):
    async with telnet_terminal(running, LISTED + credentials("x" * 100)) as terminal:
        result = await hears(terminal, "Char.Login.Result")

        assert result == {"success": False, "message": "That is too long for a name or a password."}
        assert not any(isinstance(request, Authenticate) for request in running.world.requests)


async def test_credentials_instead_of_a_typed_password_end_its_hiding(autojump_clock, running):
    running.world.add("ann", PASSWORD, "Bron")
    async with telnet_terminal(running, LISTED) as terminal:
        await terminal.type("someone")
        await terminal.sees("Password: ")
        await terminal.send(b"\xff\xfd\x01" + credentials())

        await terminal.sees("Bron wakes.")

        assert terminal.raw.rindex(b"\xff\xfc\x01") > terminal.raw.rindex(b"\xff\xfb\x01")


async def test_credentials_in_play_change_nothing(autojump_clock, running):
    running.world.add("ann", PASSWORD, "Bron")
    running.world.add("eve", PASSWORD, "Eve")
    async with telnet_terminal(running, LISTED + credentials()) as terminal:
        await terminal.sees("Bron wakes.")

        await terminal.send(credentials("eve") + b"look\r\n")
        await terminal.sees("you: look")

        assert running.world.texts() == ["look"]
        assert [name for name, _ in gmcp(terminal)].count("Char.Login.Result") == 1


# -- Listing sites ---------------------------------------------------------------------------------------------


async def test_site_that_speaks_telnet_reads_the_status_and_leaves_no_row(autojump_clock, running):
    await running.play("Bron")
    running.gateway.listing.ports = [4000]
    rows, requests = len(running.store.rows), len(running.world.requests)

    async with telnet_terminal(running, DO_MSSP) as site:
        await settle()
        (body,) = bodies(site, 70)
        status = decode_status(body)

    assert status["NAME"] == ["Wyld"]
    assert status["PLAYERS"] == ["1"]
    assert status["UPTIME"] == [str(int(running.gateway.listing.started))]
    assert status["PORT"] == ["4000"]
    assert status["GMCP"] == ["1"]
    await settle()
    assert (len(running.store.rows), len(running.world.requests)) == (rows, requests)


async def test_site_that_types_gets_lines_at_the_prompt(autojump_clock, running):
    async with telnet_terminal(running) as site:
        await site.type("MSSP-REQUEST")

        await site.sees("MSSP-REPLY-START\r\n")
        told = await site.sees("MSSP-REPLY-END\r\n")

    lines = dict(line.split("\t", 1) for line in told.splitlines())
    assert lines["NAME"] == "Wyld"
    assert lines["PLAYERS"] == "0"
    assert int(lines["UPTIME"]) > 1_600_000_000
    assert running.store.rows == {}
    assert running.world.requests == []

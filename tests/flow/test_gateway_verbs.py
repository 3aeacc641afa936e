"""The verbs that the gateway answers by itself, at the door, in play, and while the world is away."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import trio
from doubles.plain_client import PlainClient
from doubles.running_gateway import RunningGateway, open_running_gateway
from doubles.telnet_terminal import TelnetTerminal, telnet_terminal
from doubles.web_client import WebClient, said, web_client

from wyld_gateway.adapter import TextMessage
from wyld_gateway.asking import WORLD_AWAY
from wyld_gateway.close import Close
from wyld_gateway.connection import serve_connection
from wyld_gateway.sessions.lifecycle import State
from wyld_gateway.verbs import GOODBYE, NOT_HERE, STAYS, VERBS
from wyld_rpc.messages import (
    Authenticate,
    ClientChanged,
    DisconnectReason,
    SelectCharacter,
    SessionDisconnected,
)

NOP = b"\xff\xf1"
DO_TIMING_MARK, WONT_TIMING_MARK = b"\xff\xfd\x06", b"\xff\xfc\x06"
AGREES = b"\xff\xfd\x19\xff\xfb\x1f\xff\xfa\x1f\x00\x64\x00\x28\xff\xf0"
"""DO EOR, WILL NAWS, 100 columns and 40 rows."""


@pytest.fixture
async def running():
    async with open_running_gateway() as running:
        running.world.add("ann", "password", "Bron")
        yield running


@pytest.fixture
async def terminal(running):
    """Somebody on telnet at the first prompt."""
    async with telnet_terminal(running, AGREES) as terminal:
        await terminal.sees("Account: ")
        yield terminal


async def play(terminal: TelnetTerminal) -> None:
    await terminal.type("connect ann password Bron")
    await terminal.sees("Bron wakes.\r\nhp 9>")


async def settle() -> None:
    """Let everything that can happen now happen, a second of virtual time included."""
    await trio.sleep(1)


# -- Where they work ---------------------------------------------------------------------------------------------


async def test_help_lists_every_verb_at_the_first_prompt(autojump_clock, terminal):
    await terminal.type("//help")

    listing = await terminal.sees("Account: ")
    assert [line.split()[0] for line in listing.splitlines() if line.startswith("  //")] == [
        f"//{name}" for name in VERBS
    ]


async def test_verb_in_play_is_answered_and_never_reaches_the_world(autojump_clock, running, terminal):
    await play(terminal)

    await terminal.type("//options", "look")

    await terminal.sees("Window: 100 columns, 40 rows.")
    await terminal.sees("you: look")
    assert running.world.texts() == ["look"]


async def test_verb_among_the_answers_of_a_login_is_no_answer(autojump_clock, running, terminal):
    await terminal.type("//width 40", "ann", "password", "//width 50", "Bron", "//width 60", "look")

    for width in ("40", "50", "60"):
        await terminal.sees(f"lines are broken at {width} columns")
    await terminal.sees("you: look")
    assert running.world.texts() == ["look"]


async def test_password_may_look_like_a_verb(autojump_clock, running, terminal):
    running.world.add("bob", "//quit", "Bob")

    await terminal.type("bob")
    await terminal.sees("Password: ")
    await terminal.type("//quit")

    await terminal.sees("Welcome, bob.")
    assert [request.password for request in running.world.requests if isinstance(request, Authenticate)] == [
        "//quit"
    ]


async def test_verbs_work_while_the_world_is_away(autojump_clock, running, terminal):
    await play(terminal)
    running.world.restart(away=True)
    await terminal.sees("The world is restarting.")

    await terminal.type("//width 64")

    await terminal.sees("lines are broken at 64 columns, set by hand")


async def test_quit_works_while_the_first_world_is_waited_for(autojump_clock, running):
    await settle()
    running.world.restart(away=True)
    await settle()
    async with telnet_terminal(running) as terminal:
        await terminal.type("connect ann password", "//quit")

        await terminal.sees(WORLD_AWAY)
        await terminal.sees(GOODBYE)
        await terminal.gone()


async def test_numbered_verb_goes_on_as_an_empty_command_with_its_number(autojump_clock, running):
    client = await running.play("Bron", PlainClient(numbers=True))

    client.type("north", "//help", "south")

    await client.sees("The gateway itself answers:")
    await client.sees("{ack 3}")
    assert [(number, text) for _, number, text in running.world.commands] == [
        (1, "north"),
        (2, ""),
        (3, "south"),
    ]


async def test_numbered_verb_that_comes_twice_is_answered_once(autojump_clock, running):
    client = await running.play("Bron", PlainClient(numbers=True))

    client.send(TextMessage("//options", 1), TextMessage("//options", 1), TextMessage("look", 2))

    await client.sees("you: look")
    assert client.text.count("Client: plain") == 1


# -- What they say -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("//frobnicate", "There is no //frobnicate. //help lists"),
        ("//", "There is no //. //help lists"),
        ("// width 60", "lines are broken at 60 columns, set by hand."),
        ("//WIDTH 60", "lines are broken at 60 columns, set by hand."),
        ("//width", "Width: lines are broken at 100 columns.\r\n"),
        ("//width off", "Width: lines are not broken, set by hand."),
        ("//width 19", '"19" is none of 20..500|off. Width: lines are broken at 100 columns.'),
        ("//width 501", '"501" is none of'),
        ("//width 99999999999999999999", '"99999999999999999999" is none of'),
        ("//width ²", '"²" is none of'),
        ("//width -5", '"-5" is none of'),
        ("//charset latin1", "Character set: ISO-8859-1, set by hand."),
        ("//charset klingon", '"klingon" is none of'),
        ("//colour true", "Colours: all, set by hand."),
        ("//color 256", "Colours: 256, set by hand."),
        ("//colour off", "Colours: none, set by hand."),
        ("//screenreader on", "Screen reader: on, set by hand."),
        ("//keepalive", "Keepalive: after 30 s of silence.\r\n"),
        ("//keepalive off", "Keepalive: off, set by hand."),
        ("//keepalive 60", "Keepalive: after 60 s of silence, set by hand."),
        ("//prompt newline", "Prompt: newline, marked by EOR, set by hand."),
        ("//prompt", "Prompt: on, marked by EOR.\r\n"),
    ],
)
async def test_answer(autojump_clock, terminal, typed, answer):
    await terminal.type(typed)

    await terminal.sees(answer)


async def test_auto_goes_back_to_what_the_client_told(autojump_clock, terminal):
    await terminal.type("//width 60", "//width auto")

    await terminal.sees("at 60 columns, set by hand.")
    await terminal.sees("at 100 columns.\r\n")


async def test_help_for_ears_has_a_sentence_on_each_line(autojump_clock, terminal):
    await terminal.type("//screenreader on", "//help")

    await terminal.sees("//quit: leave the game.\r\n")


async def test_wrong_words_cannot_steer_the_terminal(autojump_clock, running):
    client = await running.play("Bron", PlainClient())

    client.type("//\x1b[2J" + "x" * 100)

    assert (
        await client.sees(". //help")
        == "Bron wakes.\n".removeprefix("Bron wakes.\n") + "There is no //" + "x" * 20
    )


# -- What they do ------------------------------------------------------------------------------------------------


async def test_value_set_by_hand_beats_a_negotiated_one_that_comes_later(autojump_clock, running, terminal):
    await terminal.type("//width 40")
    await terminal.sees("at 40 columns")
    await terminal.send(b"\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0")
    await play(terminal)

    running.world.tell("word " * 20, "Bron")

    shown = await terminal.sees("hp 9>")
    assert max(map(len, shown.split("\r\n"))) <= 40


async def test_charset_set_by_hand_counts_both_ways(autojump_clock, running, terminal):
    await terminal.type("//charset cp437")
    await play(terminal)

    await terminal.send("say café\r\n".encode("cp437"))
    await settle()

    assert running.world.texts() == ["say café"]
    assert "you: say café".encode("cp437") in terminal.raw


async def test_screen_reader_set_in_play_is_told_to_the_world(autojump_clock, running, terminal):
    await play(terminal)

    await terminal.type("//screenreader on")
    await settle()

    assert [event.screen_reader for event in running.world.heard(ClientChanged)] == [True]


async def test_screen_reader_set_before_the_login_is_there_from_the_start(autojump_clock, running, terminal):
    await terminal.type("//screenreader on")
    await play(terminal)

    (request,) = [request for request in running.world.requests if isinstance(request, SelectCharacter)]
    assert request.screen_reader


async def test_prompt_off_leaves_the_questions_of_the_login(autojump_clock, running, terminal):
    await terminal.type("//prompt off")
    await terminal.sees("Account: ")
    await terminal.type("connect ann password Bron")
    await terminal.sees("Bron wakes.\r\n")
    running.world.tell("A bell.", "Bron")
    await terminal.sees("A bell.\r\n")
    assert "hp 9>" not in terminal.text

    running.world.restart_without_memory()

    await terminal.sees("Bron wakes.")


async def test_prompt_on_a_line_of_its_own(autojump_clock, running, terminal):
    await terminal.type("//prompt newline")
    await terminal.sees("Account: \r\n")
    await terminal.type("connect ann password Bron")
    await terminal.sees("hp 9>\r\n")

    running.world.tell("A bell.", "Bron")

    assert await terminal.sees("A bell.\r\nhp 9>\r\n") == ""


async def test_silent_client_is_kept_alive_and_sees_nothing_of_it(autojump_clock, terminal):
    await settle()
    before = terminal.raw

    await trio.sleep(65)

    assert terminal.raw == before + NOP * 2


async def test_client_that_types_needs_no_keepalive(autojump_clock, running, terminal):
    await play(terminal)

    for _ in range(10):
        await trio.sleep(20)
        await terminal.type("look")

    assert NOP not in terminal.raw


@pytest.mark.parametrize(("typed", "count"), [("//keepalive off", 0), ("//keepalive 10", 6)])
async def test_player_decides_about_the_keepalive(autojump_clock, terminal, typed, count):
    await terminal.type(typed)

    await trio.sleep(65)

    assert terminal.raw.count(NOP) == count


@pytest.mark.parametrize(("answers", "receipts"), [(2, "by TIMING-MARK"), (1, "by TCP")])
async def test_client_is_probed_for_receipts_once_it_plays(
    autojump_clock, running, terminal, answers, receipts
):
    assert DO_TIMING_MARK not in terminal.raw
    await play(terminal)
    await settle()

    for _ in range(answers):
        await terminal.send(WONT_TIMING_MARK)
        await settle()
    await terminal.type("//options")

    await terminal.sees(f"Receipts: {receipts}.")
    assert terminal.raw.count(DO_TIMING_MARK) == 2
    assert ("timing-mark" in only_session(running).metadata.capabilities) == (answers == 2)


async def test_client_that_negotiates_nothing_is_not_probed(autojump_clock, running):
    async with telnet_terminal(running) as terminal:
        await play(terminal)
        await settle()

        assert DO_TIMING_MARK not in terminal.raw


# -- Leaving -----------------------------------------------------------------------------------------------------


def only_session(running: RunningGateway):
    (session,) = running.gateway.registry.by_id.values()
    return session


async def test_detach_leaves_the_character_in_the_world(autojump_clock, running, terminal):
    await play(terminal)

    await terminal.type("//detach", "look")

    await terminal.sees(STAYS)
    await terminal.gone()
    assert only_session(running).state is State.DISCONNECTED
    assert [event.reason for event in running.world.heard(SessionDisconnected)] == [
        DisconnectReason.NETWORK_ERROR
    ]
    assert running.world.texts() == []


async def test_quit_takes_the_character_out_of_the_world(autojump_clock, running, terminal):
    await play(terminal)

    await terminal.type("//quit")

    await terminal.sees(GOODBYE)
    await terminal.gone()
    await settle()
    assert [event.reason for event in running.world.heard(SessionDisconnected)] == [
        DisconnectReason.CLIENT_DISCONNECT
    ]
    assert not [s for s in running.gateway.registry.by_id.values() if s.state is not State.CLOSED]


@pytest.mark.parametrize("verb", ["//quit", "//detach"])
async def test_both_leave_from_the_login(autojump_clock, running, terminal, verb):
    await terminal.type(verb)

    await terminal.sees(GOODBYE)
    await terminal.gone()
    assert running.world.events == []


# -- On a WebSocket ----------------------------------------------------------------------------------------------


async def until(client: WebClient, kind: str, part: str = "") -> dict[str, Any]:
    """The next message of a kind that holds a text."""
    while True:
        for message in await client.messages():
            if message["t"] == kind and part in str(message):
                return message


async def test_web_client_sets_what_is_its_own_to_set(autojump_clock, running):
    async with web_client(partial(serve_connection, running.gateway)) as client:
        await client.join()
        await client.send(said({"t": "line", "text": "//options"}))
        await until(client, "notice", "Protocol: wyld.v1 over WebSocket.")
        await client.send(said({"t": "line", "text": "//width 40"}))
        await until(client, "notice", NOT_HERE)
        await client.send(said({"t": "line", "text": "//screenreader on"}))
        await until(client, "notice", "Screen reader: on.")
        await client.send(said({"t": "line", "text": "connect ann password Bron"}))
        await until(client, "attached")
        await client.send(said({"t": "cmd", "n": 1, "text": "//detach"}))
        code, reason = await client.close_frame()

    assert (code, reason) == (Close.DETACHED.terms.code, "detached")
    assert only_session(running).metadata.screen_reader

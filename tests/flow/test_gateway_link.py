"""The link breaks, the world goes and comes back with its memory: what a gateway keeps, sends again, and tells its players."""

from __future__ import annotations

import pytest
import trio
from doubles.plain_client import PlainClient
from doubles.running_gateway import RunningGateway, open_running_gateway

from wyld_gateway import limits, reconcile
from wyld_gateway.absence import GOING, MISSED_NOTHING
from wyld_gateway.close import Close
from wyld_gateway.sessions.lifecycle import State
from wyld_rpc import wire
from wyld_rpc.messages import (
    MAX_REPORTS,
    CommandError,
    CommandErrorCode,
    CommandResult,
    DisconnectReason,
    SessionDisconnected,
    System,
    Text,
    Tick,
)


@pytest.fixture
async def running():
    async with open_running_gateway() as running:
        yield running


async def settle() -> None:
    """Let everything that can happen now happen, a second of virtual time included."""
    await trio.sleep(1)


async def back(running: RunningGateway) -> None:
    """Let the world be there again, and the gateway find it."""
    running.world.away = False
    await running.gateway.link.wait_up()
    await settle()


# -- What players hear -------------------------------------------------------------------------------------------


async def test_break_of_less_than_two_seconds_tells_nobody_anything(autojump_clock, running):
    client = await running.play("Bron")
    before = client.text

    running.world.restart()
    await trio.sleep(10)

    assert client.text == before


async def test_world_that_goes_and_comes_back_is_told_once_with_a_fresh_prompt(autojump_clock, running):
    client = await running.play("Bron")

    running.world.restart(away=True)
    await client.sees(GOING)
    await trio.sleep(20)
    await back(running)

    assert await client.sees(MISSED_NOTHING + "\n") == "\n"
    assert client.text.count("restarting") == 1
    assert len(running.world.requests) == 3, "nobody has logged in again"
    client.type("look")
    await client.sees("you: look")


async def test_announced_restart_is_told_at_once_and_only_once(autojump_clock, running):
    client = await running.play("Bron")

    running.world.drain()
    await client.sees(GOING)
    running.world.restart(away=True)
    await trio.sleep(20)
    await back(running)

    await client.sees(MISSED_NOTHING)
    assert client.text.count("restarting") == 1


async def test_waiting_is_told_every_thirty_seconds_and_to_a_screen_reader_once(autojump_clock, running):
    client = await running.play("Eyes")
    listener = await running.play("Ears", PlainClient(screen_reader=True))

    running.world.restart(away=True)
    await client.sees("Still waiting for the world (30 s).")
    await client.sees("Still waiting for the world (1 min).")
    await client.sees("Still waiting for the world (1 min 30 s).")

    assert listener.text.count("Still waiting") == 1
    await back(running)
    await listener.sees(MISSED_NOTHING)
    await trio.sleep(120)
    assert client.text.count("Still waiting") == 3


async def test_what_was_typed_meanwhile_is_carried_out_and_named_before_its_outcome(autojump_clock, running):
    client = await running.play("Bron")
    running.world.restart(away=True)
    await client.sees(GOING)
    client.type("n", "n", "look")
    await settle()

    await back(running)

    await client.sees(
        "The world is back. 3 commands were carried out: n, n, look.\nyou: n\nyou: n\nyou: look\n"
    )
    assert running.world.texts() == ["n", "n", "look"]


async def test_many_lines_are_counted_and_the_last_ones_named(autojump_clock, running):
    client = await running.play("Bron")
    running.world.restart(away=True)
    await client.sees(GOING)
    client.type(*(f"say {n}" for n in range(40)))
    await settle()

    await back(running)

    await client.sees("40 commands were carried out, the last ones: say 30, ")
    await client.sees("say 39.\n")


async def test_command_that_the_world_skips_is_not_said_to_be_carried_out(autojump_clock, running):
    client = await running.play("Bron")
    running.world.restart(away=True)
    await client.sees(GOING)
    client.type("drop world", "look")
    await settle()
    running.world.echoes = False
    await back(running)

    session = running.world.session_of("Bron")
    running.world.send(
        outputs=[running.world._delivery(System("Skipped."), [session])],
        acks=[
            CommandResult(session, 1, CommandError(CommandErrorCode.SKIPPED, "Skipped.")),
            CommandResult(session, 2),
        ],
    )

    await client.sees("The world is back. 1 command was carried out: look.\nSkipped.\n")


async def test_world_that_goes_again_before_it_has_caught_up_hides_nothing(autojump_clock, running):
    client = await running.play("Bron")
    running.world.restart(away=True)
    await client.sees(GOING)
    client.type("north")
    await settle()
    running.world.echoes = False
    await back(running)
    running.world.tell("A gull cries.", "Bron")
    await settle()
    assert "gull" not in client.text

    running.world.restart(away=True)
    await client.sees("A gull cries.")
    running.world.echoes = True
    await back(running)

    await client.sees("The world is back. 1 command was carried out: north.\nyou: north\n")
    assert client.text.count("restarting") == client.text.count("is back") == 1


async def test_gateway_answers_its_own_verbs_while_the_world_is_away(autojump_clock, running):
    client = await running.play("Bron")
    running.world.restart(away=True)
    await client.sees(GOING)

    client.type("//help")

    await client.sees("The gateway itself answers:")
    await back(running)
    await client.sees(MISSED_NOTHING)


# -- What is sent again ------------------------------------------------------------------------------------------


async def test_command_without_an_answer_is_sent_again_over_the_next_link(autojump_clock, running):
    client = await running.play("Bron")
    running.world.echoes = False
    client.type("north")
    await settle()

    running.world.echoes = True
    running.world.restart()

    await client.sees("you: north")
    assert [(number, text) for _, number, text in running.world.commands] == [(1, "north"), (1, "north")]


async def test_command_that_was_applied_is_not_sent_again(autojump_clock, running):
    client = await running.play("Bron")
    running.world.echoes = False
    client.type("north", "east")
    await settle()
    session = running.world.session_of("Bron")

    running.world.restart(away=True)
    running.world._applied[session] = 1
    running.world.echoes = True
    await back(running)

    assert running.world.texts() == ["north", "east", "east"]
    running.nothing_is_in_flight()


async def test_what_a_lost_link_swallowed_comes_over_the_next_one_once_and_in_order(autojump_clock, running):
    client = await running.play("Bron")

    running.world.restart(away=True)
    running.world.tell("one", "Bron")
    running.world.tell("two", "Bron")
    await back(running)
    running.world.tell("three", "Bron")

    await client.sees("one\ntwo\nthree\n")
    assert client.text.count("one\n") == 1


async def test_half_a_tick_is_forgotten_with_its_link(autojump_clock, running):
    client = await running.play("Bron")
    session = running.world.session_of("Bron")

    running.world.send_raw(Tick(2, outputs=[running.world._delivery(Text("half"), [session])], more=True))
    await settle()
    running.world.restart()
    running.world.tell("whole", "Bron")

    await client.sees("whole\n")
    assert "half" not in client.text


async def test_commands_wait_until_the_world_has_said_where_it_stands(autojump_clock, running):
    client = await running.play("Bron")
    running.world.silent.add("positions")
    running.world.restart()
    await settle()

    client.type("north")
    await settle()

    assert running.world.texts() == []
    assert not running.gateway.link.is_up
    running.world.silent.clear()
    await client.sees("you: north")


async def test_ten_restarts_in_a_row_lose_and_repeat_nothing(autojump_clock, running):
    client = await running.play("Bron", PlainClient(numbers=True))

    for n in range(10):
        client.type(f"say {n}a")
        running.world.restart(away=bool(n % 2))
        client.type(f"say {n}b")
        await settle()
        client.type(f"say {n}c")
        await back(running)

    said = [f"say {n}{part}" for n in range(10) for part in "abc"]
    await client.sees(f"you: {said[-1]}")
    assert [line.partition(":you: ")[2] for line in client.text.splitlines() if ":you: " in line] == said


async def test_many_sessions_are_reported_in_batches_and_none_logs_in_again(autojump_clock, running):
    names = [f"P{n}" for n in range(2 * MAX_REPORTS + 1)]
    clients = [await running.play(name) for name in names]
    asked = len(running.world.agreements)

    running.world.restart()
    await settle()
    await running.gateway.link.wait_up()

    reports = [len(request.sessions) for request in running.world.agreements[asked:]]
    assert reports == [MAX_REPORTS, MAX_REPORTS, 1]
    assert [request.more for request in running.world.agreements[asked:]] == [True, True, False]
    assert len({report.session for report in running.world.reports()}) == len(names)
    clients[0].type("look")
    await clients[0].sees("you: look")


# -- Sessions without a client -----------------------------------------------------------------------------------


async def test_output_for_a_client_that_is_gone_is_kept_and_handed_back(autojump_clock, running):
    client = await running.play("Bron")
    client.hang_up()
    await settle()
    running.world.tell("who is there", "Bron")
    await settle()

    running.world.restart()
    await settle()

    (report,) = running.world.reports()
    assert (report.attached, report.received, report.confirmed) == (False, 2, 1)
    assert [wire.decode_output(encoded) for encoded in report.kept] == [Text("who is there")]


async def test_report_of_much_kept_output_is_spread_over_several_requests(autojump_clock, running):
    for name in ("Ann", "Ben", "Cid"):
        client = await running.play(name)
        client.hang_up()
        await settle()
        for _ in range(5):
            running.world.tell("x" * (reconcile.MAX_KEPT // 4), name)
    await settle()
    asked = len(running.world.agreements)

    running.world.restart()
    await settle()

    assert [len(request.sessions) for request in running.world.agreements[asked:]] == [1, 1, 1]


async def test_player_who_goes_while_the_world_is_away_is_reported_without_a_client(autojump_clock, running):
    client = await running.play("Bron")
    running.world.restart(away=True)
    client.type("drop sword")
    await settle()
    client.hang_up()
    await client.gone()

    await back(running)

    (report,) = running.world.reports()
    assert not report.attached
    assert running.world.texts() == ["drop sword"]
    assert running.gateway.registry.counts[State.DISCONNECTED] == 1
    running.nothing_is_left()


async def test_player_who_quits_while_the_world_is_away_leaves_after_what_he_typed(autojump_clock, running):
    client = await running.play("Bron")
    session = running.world.session_of("Bron")
    running.world.restart(away=True)
    client.type("drop sword", "//quit")
    assert await client.gone() is Close.QUIT

    await back(running)

    assert running.world.texts() == ["drop sword"]
    assert [event.reason for event in running.world.heard(SessionDisconnected)] == [
        DisconnectReason.CLIENT_DISCONNECT
    ]
    assert running.store.rows[session].state is State.CLOSED
    assert session not in running.gateway.registry.by_id
    running.nothing_is_left()


async def test_player_who_goes_between_report_and_answer_is_told_of_afterwards(autojump_clock, running):
    client = await running.play("Bron")
    running.world.silent.add("positions")
    running.world.restart()
    await settle()
    client.hang_up()
    await client.gone()
    running.world.silent.clear()
    await running.gateway.link.wait_up()
    await settle()

    assert len(running.world.heard(SessionDisconnected)) == 1


# -- The queue in the database -----------------------------------------------------------------------------------


async def test_commands_are_queued_while_the_world_is_away_and_safe_then(autojump_clock, running):
    client = await running.play("Bron", PlainClient(numbers=True))
    session = running.world.session_of("Bron")
    running.world.echoes = False
    client.type("north")
    await settle()

    running.world.restart(away=True)
    client.type("east")
    await client.sees("{ack 2}")
    client.type("look")
    await client.sees("{ack 3}")

    assert running.store.queued == {(session, 1): "north", (session, 2): "east", (session, 3): "look"}


async def test_short_break_does_not_trouble_the_database(autojump_clock, running):
    client = await running.play("Bron", PlainClient(numbers=True))
    running.store.calls.clear()
    running.world.restart()
    client.type("east")

    await client.sees("{ack 1}")
    await settle()

    assert "queue" not in running.store.calls


async def test_repeated_number_is_confirmed_as_safe_when_it_is_queued(autojump_clock, running):
    client = await running.play("Bron", PlainClient(numbers=True))
    running.world.restart(away=True)
    client.type("east")
    await client.sees("{ack 1}")

    client._next_number = 1
    client.type("east")

    await client.sees("{ack 1}")


async def test_without_the_database_nothing_is_safe_until_it_is_back(autojump_clock, running):
    client = await running.play("Bron", PlainClient(numbers=True))
    running.store.available = False
    running.world.restart(away=True)
    client.type("east")
    await trio.sleep(10)
    assert "{ack" not in client.text

    running.store.available = True

    await client.sees("{ack 1}")
    await back(running)
    await client.sees("you: east")
    assert running.world.texts() == ["east"]


async def test_link_does_not_open_while_an_insert_is_under_way(autojump_clock, running):
    client = await running.play("Bron", PlainClient(numbers=True))
    running.store.delay = 30.0
    running.world.restart(away=True)
    client.type("east")
    await trio.sleep(3)

    await back(running)

    assert running.store.queued == {}
    await client.sees("you: east")


async def test_session_that_another_gateway_has_by_now_queues_nothing(autojump_clock, running):
    client = await running.play("Bron", PlainClient(numbers=True))
    session = running.world.session_of("Bron")
    running.world.restart(away=True)
    running.store.take_away(session)

    client.type("east")
    await trio.sleep(5)

    assert running.store.queued == {}
    assert "{ack" not in client.text


async def test_client_that_numbers_is_never_told_more_than_its_session_can_hold(autojump_clock, running):
    client = await running.play("Bron", PlainClient(numbers=True))
    running.world.restart(away=True)
    await client.sees(GOING)

    client.type(*("look" for _ in range(limits.COMMANDS.count)))
    await trio.sleep(5)

    safe = limits.COMMANDS.count - limits.UNACKED_BY_CLIENT
    assert f"{{ack {safe}}}" in client.text
    assert len(running.store.queued) == limits.COMMANDS.count
    await back(running)
    await client.sees(f"{{ack {limits.COMMANDS.count}}}")
    assert client.closed is None


async def test_numbered_line_that_is_too_much_is_refused_with_words_and_leaves_its_number(
    autojump_clock, running
):
    client = await running.play("Bron", PlainClient(numbers=True))
    running.world.restart(away=True)
    await client.sees(GOING)

    client.type(*("x" * 1000 for _ in range(limits.COMMANDS.bytes // 1000)), "look", "y" * 900, "z")
    await client.sees('too much is waiting already: "yyy')
    await back(running)

    assert running.world.texts()[-3:] == ["look", "", "z"]


async def test_gateway_that_stops_while_the_world_is_away_queues_the_rest(autojump_clock):
    async with open_running_gateway() as running:
        client = await running.play("Bron")
        session = running.world.session_of("Bron")
        running.world.restart(away=True)
        await trio.sleep(0.1)
        client.type("drop sword")
        await trio.sleep(0.1)

    assert running.store.queued == {(session, 1): "drop sword"}

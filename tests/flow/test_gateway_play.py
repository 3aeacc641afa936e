"""Playing, losing clients, taking over, losing the world: one gateway with a world that does what the test says."""

from __future__ import annotations

import attrs
import pytest
import trio
from doubles.plain_client import PlainClient
from doubles.running_gateway import RunningGateway, open_running_gateway

from wyld_gateway import limits
from wyld_gateway.absence import GOING
from wyld_gateway.adapter import ErrorMessage, Protocol, TextMessage
from wyld_gateway.app import PARTING, part_with_everybody
from wyld_gateway.close import Close
from wyld_gateway.connection import LOST, serve_connection
from wyld_gateway.sessions import command_queue
from wyld_gateway.sessions.lifecycle import State
from wyld_rpc.messages import (
    Acks,
    CharacterError,
    CharacterErrorCode,
    ClientChanged,
    CommandResult,
    DisconnectReason,
    SessionDisconnected,
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


# -- Commands and outputs ----------------------------------------------------------------------------------------


async def test_lines_become_commands_in_order_and_outputs_come_back(autojump_clock, running):
    client = await running.play("Bron")

    client.type("north", "look")

    await client.sees("you: north\n")
    await client.sees("you: look\n")
    assert [(number, text) for _, number, text in running.world.commands] == [(1, "north"), (2, "look")]


async def test_what_many_players_type_in_one_pass_leaves_in_one_frame(autojump_clock, running):
    players = [await running.play(name) for name in ("Ann", "Bob", "Cyd")]
    await settle()

    for player in players:
        player.type("look")
    await settle()

    assert len(running.world.commands) == 3
    assert running.world.batches == 1


async def test_outputs_are_confirmed_with_their_tick(autojump_clock, running):
    await running.play("Bron")
    session = running.world.session_of("Bron")

    running.world.tell("one", "Bron")
    running.world.tell("two", "Bron")
    await settle()

    acks = running.world.heard(Acks)
    assert acks[-1].tick == 3
    assert dict(acks[-1].outputs) == {session: 3}


async def test_whoever_sees_an_output_sees_the_ack_with_it(autojump_clock, running):
    client = await running.play("Bron", PlainClient(numbers=True))
    assert "{attached 1}" in client.text
    writes = client.system_calls

    client.type("look")
    await client.sees("2:you: look\n{ack 1}")

    assert client.system_calls == writes + 1


async def test_player_is_told_that_he_plays_before_anything_of_the_game(autojump_clock, running):
    client = await running.play("Bron", PlainClient(numbers=True))

    assert (
        client.text.index("{attached 1}") < client.text.index("1:Bron wakes.") < client.text.index("{stats}")
    )


async def test_repeated_number_is_confirmed_again_and_not_run_again(autojump_clock, running):
    client = await running.play("Bron", PlainClient(numbers=True))
    client.type("look")
    await client.sees("{ack 1}")

    client.send(TextMessage("look", 1))

    await client.sees("{ack 1}")
    assert running.world.texts() == ["look"]


async def test_number_that_was_left_out_ends_the_connection(autojump_clock, running):
    client = await running.play("Bron", PlainClient(numbers=True))

    client.send(TextMessage("look", 2))

    assert await client.gone() is Close.PROTOCOL


async def test_full_window_refuses_the_newest_line_with_a_message(autojump_clock, running):
    client = await running.play("Bron")
    running.world.echoes = False

    client.type(*(f"say {n}" for n in range(limits.COMMANDS.count + 2)))
    await client.sees('too much is waiting already: "say 256"')
    await client.sees('"say 257"')
    await settle()

    assert len(running.world.commands) == limits.COMMANDS.count
    running.world.echoes = True
    running.world.confirm(running.world.session_of("Bron"), limits.COMMANDS.count)
    await settle()
    client.type("look")
    await client.sees("you: look")
    assert running.world.commands[-1][1] == limits.COMMANDS.count + 1


async def test_client_that_numbers_and_does_not_hold_back_is_ended(autojump_clock, running):
    client = await running.play("Bron", PlainClient(numbers=True))
    running.world.echoes = False

    client.type(*("look" for _ in range(limits.COMMANDS.count + 1)))

    assert await client.gone() is Close.LIMIT


async def test_line_without_a_number_is_not_carried_out_for_a_client_that_numbers(autojump_clock, running):
    client = await running.play("Bron", PlainClient(numbers=True))

    client.send(TextMessage("look"))

    await client.sees('Not carried out, because it was typed before the game had begun: "look"')
    assert not running.world.commands


async def test_lines_typed_before_play_are_the_first_commands_of_a_client_that_numbers(
    autojump_clock, running
):
    running.world.add("ann", "password", "Bron")
    client = running.connect(PlainClient(numbers=True))

    client.type("connect ann password Bron", "north")
    await client.sees("{attached 2}")
    client.type("look")

    await client.sees("you: look")
    assert [(number, text) for _, number, text in running.world.commands] == [(1, "north"), (2, "look")]


async def test_more_than_may_be_under_way_waits_its_turn_and_all_of_it_arrives(
    autojump_clock, running, monkeypatch
):
    monkeypatch.setattr(limits, "IN_FLIGHT", 40)
    ann, bob = await running.play("Ann"), await running.play("Bob")

    ann.type(*(f"a{n}" for n in range(100)))
    bob.type("b0")
    await settle()

    texts = running.world.texts()
    assert [text for text in texts if text[0] == "a"] == [f"a{n}" for n in range(100)]
    assert texts.index("b0") < 40
    assert running.gateway.link.submissions.in_flight == 0


async def test_text_for_many_is_rendered_once_per_kind_of_client(autojump_clock, running):
    kinds = dict(zip("abcdef", ["plain"] * 4 + ["fancy"] * 2, strict=True))
    clients = [await running.play(name, PlainClient(kind=kind)) for name, kind in kinds.items()]
    before = sum(client.rendered for client in clients), [client.system_calls for client in clients]

    running.world.tell("hello all", *kinds)
    for client in clients:
        await client.sees("hello all\n")

    assert sum(client.rendered for client in clients) == before[0] + 2
    assert [client.system_calls for client in clients] == [calls + 1 for calls in before[1]]


async def test_errors_of_the_client_are_told_and_only_grave_ones_end_it(autojump_clock, running):
    client = await running.play("Bron")

    client.send(ErrorMessage("That line was too long."))
    await client.sees("That line was too long.")
    client.send(TextMessage("look"), ErrorMessage("That is no telnet.", Close.PROTOCOL))

    await client.sees("That is no telnet.{bye protocol}")
    assert await client.gone() is Close.PROTOCOL
    await settle()
    assert running.world.texts() == ["look"]


async def test_world_hears_when_a_player_switches_to_a_screen_reader(autojump_clock, running):
    client = await running.play("Bron")

    client.learn(screen_reader=True)
    client.learn(screen_reader=True)
    await settle()

    assert [event.screen_reader for event in running.world.heard(ClientChanged)] == [True]


# -- Losing the client -------------------------------------------------------------------------------------------


async def test_lost_connection_leaves_the_session_disconnected_and_the_world_is_told(autojump_clock, running):
    client = await running.play("Bron")
    session = running.world.session_of("Bron")

    client.type("north")
    client.hang_up(Close.RESET)
    await client.gone()
    await settle()

    assert running.world.texts() == ["north"]
    assert [(e.session, e.reason) for e in running.world.heard(SessionDisconnected)] == [
        (session, DisconnectReason.NETWORK_ERROR)
    ]
    row = running.store.rows[session]
    assert (row.state, row.detached_at is not None) == (State.DISCONNECTED, True)
    running.nothing_is_left()


async def test_output_for_a_session_without_a_client_is_not_confirmed(autojump_clock, running):
    client = await running.play("Bron")
    session = running.world.session_of("Bron")
    client.hang_up()
    await settle()

    running.world.tell("who is there", "Bron")
    await settle()

    acks = running.world.heard(Acks)[-1]
    assert (acks.tick, dict(acks.outputs)) == (2, {})
    assert running.gateway.registry.by_id[session].received == 2


@pytest.mark.parametrize(
    ("reason", "close"),
    [
        (DisconnectReason.CLIENT_DISCONNECT, Close.QUIT),
        (DisconnectReason.KICKED, Close.KICKED),
        (DisconnectReason.REPLACED, Close.REPLACED),
    ],
)
async def test_world_ends_a_session_and_its_player_is_told_why(autojump_clock, running, reason, close):
    client = await running.play("Bron")
    session = running.world.session_of("Bron")

    running.world.end("Bron", reason, "So it is.")

    await client.sees(f"So it is.{{bye {close.value}}}")
    assert await client.gone() is close
    await settle()
    assert running.store.rows[session].state is State.CLOSED
    assert running.store.rows[session].close_reason == close.value
    assert not running.world.heard(SessionDisconnected)
    assert session not in running.gateway.registry.by_id


async def test_world_ends_a_session_that_nobody_is_attached_to(autojump_clock, running):
    client = await running.play("Bron")
    session = running.world.session_of("Bron")
    client.hang_up()
    await settle()

    running.world.end("Bron", DisconnectReason.TIMEOUT)
    await settle()

    assert running.store.rows[session].state is State.CLOSED
    assert session not in running.gateway.registry.by_id


async def test_player_who_quits_with_commands_under_way_leaves_no_place_taken(autojump_clock, running):
    client = await running.play("Bron")
    running.world.echoes = False

    session = running.world.session_of("Bron")

    client.type("north", "drop sword", "//quit")

    assert await client.gone() is Close.QUIT
    await settle()
    assert running.world.texts() == ["north", "drop sword"]
    assert not running.world.heard(SessionDisconnected), (
        "if the link broke now, they would have to be sent again"
    )
    running.world.confirm(session, 2)
    await settle()
    assert [e.reason for e in running.world.heard(SessionDisconnected)] == [
        DisconnectReason.CLIENT_DISCONNECT
    ]
    running.nothing_is_left()


async def test_slow_client_is_detached_and_nobody_else_notices(autojump_clock):
    async with open_running_gateway(output_queue=10_000) as running:
        slow, quick = await running.play("Slow"), await running.play("Quick")
        slow.make_room(0)

        for n in range(30):
            running.world.tell(f"{n} " + "x" * 1000, "Slow", "Quick")
            await quick.sees(f"{n} x")

        assert await slow.gone() is Close.SLOW
        assert quick.closed is None
        await settle()
        assert [row.state for row in running.store.rows.values()] == [State.DISCONNECTED, State.PLAYING]


async def test_client_that_takes_nothing_for_a_while_is_detached(autojump_clock, running):
    client = await running.play("Bron")
    client.make_room(0)
    running.world.tell("hello", "Bron")

    await trio.sleep(limits.STALLED + 3)

    assert await client.gone() is Close.SLOW


async def test_client_that_takes_its_time_gets_everything_in_order(autojump_clock, running):
    client = await running.play("Bron")
    client.make_room(3)
    for n in range(20):
        running.world.tell(f"line {n}", "Bron")
    await settle()

    client.make_room(None)

    for n in range(20):
        await client.sees(f"line {n}\n")
    running.world.tell("and on", "Bron")
    await client.sees("and on\n")


async def test_silent_client_is_asked_and_detached_if_it_does_not_answer(autojump_clock, running):
    alive = await running.play("Alive", PlainClient(numbers=True))
    dead = await running.play("Dead", PlainClient(numbers=True))
    dead.answers_pings = False

    await trio.sleep(limits.PING_AFTER + limits.PONG_WITHIN + 4)

    assert await dead.gone() is Close.KEEPALIVE
    assert alive.closed is None


async def test_mistake_of_ours_ends_one_connection_with_words_and_no_other(
    autojump_clock, running, monkeypatch
):
    broken, whole = await running.play("Broken"), await running.play("Whole")

    def fail() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(broken, "receive", fail)
    broken.type("look")

    await broken.sees("Something broke here")
    assert await broken.gone() is Close.INTERNAL
    whole.type("look")
    await whole.sees("you: look")


async def test_mistake_in_the_writer_ends_one_connection_and_no_other(autojump_clock, running, monkeypatch):
    broken, whole = await running.play("Broken"), await running.play("Whole")
    broken.make_room(0)

    def fail(data: bytes) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(broken, "send_all", fail)
    running.world.tell("hello", "Broken", "Whole")

    await broken.gone()
    await whole.sees("hello")


# -- Taking over -------------------------------------------------------------------------------------------------


async def test_second_login_takes_the_character_over_and_both_are_told(autojump_clock, running):
    first = await running.play("Bron")

    second = await running.play("Bron")

    assert "You took over from a connection at 192.0.x.x." in second.text
    await first.sees("Taken over.{bye replaced}")
    assert await first.gone() is Close.REPLACED
    second.type("look")
    await second.sees("you: look")
    await settle()
    assert sorted(row.state.value for row in running.store.rows.values()) == ["Closed", "Playing"]


async def test_login_after_a_lost_connection_says_how_long_it_was(autojump_clock, running):
    first = await running.play("Bron")
    first.hang_up()
    await trio.sleep(192)

    second = await running.play("Bron")

    assert "Reconnected after 3 min 1" in second.text


async def test_late_end_of_the_old_connection_changes_nothing(autojump_clock, running):
    first = await running.play("Bron")
    second = await running.play("Bron")
    first.hang_up()
    await first.gone()
    await settle()

    second.type("look")

    await second.sees("you: look")
    assert not running.world.heard(SessionDisconnected)


async def test_ten_parallel_logins_end_with_one_attached(autojump_clock, running):
    running.world.add("bron", "password", "Bron")
    running.store.delay = 0.3
    clients = [running.connect() for _ in range(10)]

    for client in clients:
        client.type("connect bron password Bron")
        await trio.sleep(0.1)
    await trio.sleep(30)

    closes = [client.closed for client in clients]
    assert closes.count(Close.REPLACED) == 9
    assert closes.count(None) == 1
    survivor = clients[closes.index(None)]
    survivor.type("look")
    await survivor.sees("you: look")
    (row,) = running.store.playing()
    assert row.id == running.world.session_of("Bron")


@pytest.mark.parametrize("delay", [0.0, 0.01, 0.3])
async def test_ten_logins_at_the_same_moment_end_with_one_attached(autojump_clock, running, delay):
    running.world.add("bron", "password", "Bron")
    running.store.delay = delay
    clients = [running.connect() for _ in range(10)]

    for client in clients:
        client.type("connect bron password Bron")
    await trio.sleep(30)

    closes = [client.closed for client in clients]
    assert sorted(close.value for close in closes if close) == ["replaced"] * 9
    (row,) = running.store.playing()
    assert row.id == running.world.session_of("Bron")


# -- The world forgets -------------------------------------------------------------------------------------------


async def test_player_whom_the_world_has_forgotten_is_let_in_again_by_himself(autojump_clock, running):
    client = await running.play("Bron")
    old_session = running.world.session_of("Bron")

    running.world.restart_without_memory(away=True)
    await client.sees(GOING)
    await trio.sleep(20)
    running.world.away = False

    await client.sees(LOST)
    await client.sees("Bron wakes.")
    assert client.text.count("restarting") == 1
    client.type("look")
    await client.sees("you: look")
    await settle()
    assert running.store.rows[old_session].state is State.CLOSED
    assert len(running.store.playing()) == 1
    await trio.sleep(60)
    assert "Still waiting" not in client.text


async def test_what_was_typed_for_a_world_that_forgot_is_carried_out(autojump_clock, running, monkeypatch):
    monkeypatch.setattr(command_queue, "PATIENCE", 60.0)
    client = await running.play("Bron")
    running.world.restart_without_memory(away=True)
    await settle()
    client.type("east", "look")
    await settle()

    running.world.away = False

    await client.sees("you: look")
    assert running.world.texts() == ["east", "look"]


async def test_what_was_under_way_to_a_world_that_forgot_is_named(autojump_clock, running):
    client = await running.play("Bron")
    running.world.echoes = False
    client.type("drop sword", "north")
    await settle()

    running.world.restart_without_memory()

    await client.sees('Perhaps not carried out: "drop sword", "north".')
    await client.sees("Bron wakes.")


async def test_client_that_numbers_is_told_that_its_numbering_is_over(autojump_clock, running):
    client = await running.play("Bron", PlainClient(numbers=True))
    running.world.echoes = False
    client.type("north")
    await settle()

    running.world.restart_without_memory()
    await client.sees("{detached}")
    running.world.echoes = True
    client.type("look")

    await client.sees("{attached 2}")
    client.type("east")
    await client.sees("you: east")
    assert running.world.texts() == ["north", "look", "east"]


async def test_player_whose_character_is_refused_afterwards_is_back_at_the_list(autojump_clock, running):
    client = await running.play("Bron")
    running.world.refusals["select_character"] = CharacterError(CharacterErrorCode.NOT_FOUND, "Not any more.")
    running.world.restart_without_memory(away=True)
    await client.sees(GOING)

    running.world.away = False
    await client.sees(LOST)
    client.type("kill rat")

    await client.sees("Not any more.")
    await client.sees("What you typed meanwhile was not carried out.")
    await client.sees("<Character [Bron]: >")
    assert client.closed is None


async def test_detached_session_ends_with_the_world_that_forgot_it(autojump_clock, running):
    client = await running.play("Bron")
    session = running.world.session_of("Bron")
    client.hang_up()
    await settle()

    running.world.restart_without_memory()
    await settle()

    assert running.store.rows[session].state is State.CLOSED
    assert not running.gateway.registry.by_id


async def test_many_players_survive_a_world_that_forgets(autojump_clock, running):
    clients = [await running.play(f"P{n}") for n in range(50)]

    running.world.restart_without_memory()
    for client in clients:
        await client.sees("wakes.")

    assert all(client.closed is None for client in clients)
    assert len({running.world.session_of(f"P{n}") for n in range(50)}) == 50


# -- The link ----------------------------------------------------------------------------------------------------


async def test_world_that_breaks_the_protocol_loses_its_link_and_nobody_else_loses_anything(
    autojump_clock, running
):
    client = await running.play("Bron")

    running.world.send_raw(Tick(77))
    await settle()

    assert running.world.connections == 2
    client.type("look")
    await client.sees("you: look")


@pytest.mark.parametrize("bad", [[Tick(2, [CommandResult(b"", 5)])], [Tick(2, more=True)] * 17])
async def test_tick_that_cannot_be_ends_the_link(autojump_clock, running, bad):
    client = await running.play("Bron")
    session = running.world.session_of("Bron")

    for tick in bad:
        acks = [attrs.evolve(result, session=session) for result in tick.acks]
        running.world.send_raw(attrs.evolve(tick, acks=acks))
    await settle()

    assert running.world.connections == 2
    client.type("look")
    await client.sees("you: look")


async def test_tick_in_parts_is_applied_when_it_is_complete(autojump_clock, running):
    client = await running.play("Bron")
    writes = client.system_calls

    session = running.world.session_of("Bron")
    running.world.send_raw(Tick(2, outputs=[running.world._delivery(Text("one"), [session])], more=True))
    await settle()
    assert client.system_calls == writes
    running.world.send(outputs=[running.world._delivery(Text("two"), [running.world.session_of("Bron")])])

    await client.sees("one\ntwo\n")
    assert client.system_calls == writes + 1


async def test_wrong_key_is_tried_again_slowly(autojump_clock):
    async with open_running_gateway() as running:
        await trio.sleep(5)
        running.world.key = b"quite another key of thirty-two b"
        running.world.restart()
        connections = running.world.connections

        await trio.sleep(600)

        assert 10 < running.world.connections - connections < 90
        running.world.key = b"the key of these tests, 32 bytes"
        await running.play("Bron")


async def test_world_that_stays_away_is_tried_for_ever(autojump_clock):
    async with open_running_gateway() as running:
        running.world.away = True

        await trio.sleep(3600)

        assert not running.gateway.link.is_up
        assert running.gateway.link.away_for() > 3600 - 1
        running.world.away = False
        await running.play("Bron")
        assert running.gateway.link.away_for() == 0


# -- The database goes and comes -----------------------------------------------------------------------------------


async def test_play_goes_on_without_the_database_and_the_rows_come_later(autojump_clock, running):
    client, other = await running.play("Bron"), await running.play("Cato")
    session = running.world.session_of("Bron")
    running.store.available = False

    client.type("look")
    await client.sees("you: look")
    client.hang_up()
    await client.gone()
    await trio.sleep(100)
    assert running.store.rows[session].state is State.PLAYING
    running.store.available = True
    await trio.sleep(5)

    assert running.store.rows[session].state is State.DISCONNECTED
    assert other.closed is None


async def test_rows_are_vouched_for_and_the_dead_are_closed(autojump_clock, running):
    idle = await running.play("Idle")
    session = running.world.session_of("Idle")
    of_dead_gateway = attrs.evolve(running.store.rows[session], id=b"x" * 16, entity_id=None)
    running.store.rows[of_dead_gateway.id] = of_dead_gateway

    await trio.sleep(running.gateway.sessions.detached_ttl + 300)

    assert running.store.rows[session].state is State.PLAYING
    assert running.store.rows[of_dead_gateway.id].close_reason == "expired"
    assert idle.closed is None


async def test_session_that_the_world_forgot_expires_here_too(autojump_clock, running):
    client = await running.play("Bron")
    client.hang_up()

    await trio.sleep(running.gateway.sessions.detached_ttl + 300)

    assert not running.gateway.registry.by_id
    assert [row.close_reason for row in running.store.rows.values()] == ["expired"]


async def test_nobody_expires_while_the_world_is_away(autojump_clock, running):
    running.world.add("ann", "password")
    client = running.connect()
    client.type("connect ann password")
    await client.sees("<Character: >")
    (row,) = running.store.rows.values()
    running.store.rows[b"y" * 16] = attrs.evolve(row, id=b"y" * 16)
    running.world.restart(away=True)

    await trio.sleep(running.gateway.sessions.detached_ttl + 300)

    assert running.store.rows[b"y" * 16].state is State.CHARACTER_SELECTION


async def test_old_rows_of_closed_sessions_are_deleted(autojump_clock, running, monkeypatch):
    monkeypatch.setattr(limits, "CLOSED_KEPT", 300.0)
    client = running.connect()
    client.type("create ann password", "quit")
    await client.gone()
    await settle()
    assert [row.state for row in running.store.rows.values()] == [State.CLOSED]

    await trio.sleep(limits.CLOSED_KEPT + 100)

    assert not running.store.rows


async def test_row_tells_what_is_known_of_the_client(autojump_clock, running):
    await running.play("Bron")

    (row,) = running.store.playing()

    assert row.metadata == {"client_name": "plain"}
    assert row.protocol is Protocol.TELNET
    assert row.client_addr.startswith("192.0.2.7:")


# -- Cancellation --------------------------------------------------------------------------------------------------


class CancelAfter(trio.abc.Instrument):
    """Cancels its scope before the n-th step that any task takes: at every moment at which it can happen, one after another."""

    def __init__(self, steps: int) -> None:
        self.left = steps
        self.scope = trio.CancelScope()

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.left -= 1
        if self.left == 0:
            self.scope.cancel()


async def serve_until_cancelled(running: RunningGateway, client: PlainClient, cancel: CancelAfter) -> None:
    trio.lowlevel.add_instrument(cancel)
    with cancel.scope:
        await serve_connection(running.gateway, client)
    trio.lowlevel.remove_instrument(cancel)


async def test_cancellation_at_every_moment_leaves_nothing_registered(autojump_clock, running):
    running.world.add("ann", "password", "Bron")
    steps = 0
    cancelled = True
    while cancelled:
        steps += 1
        client, cancel = PlainClient(), CancelAfter(steps)
        client.type("connect ann password Bron", "look", "north")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve_until_cancelled, running, client, cancel)
            with trio.move_on_after(0.5):
                await client.gone()
            client.hang_up()
        cancelled = cancel.scope.cancelled_caught
        await trio.sleep(0.2)
        running.nothing_is_left()
        assert client.closed is not None

    assert steps > 50
    survivor = running.connect()
    survivor.type("connect ann password Bron")
    await survivor.sees("Bron wakes.")
    await settle()
    assert len(running.store.playing()) == 1


# -- Stopping --------------------------------------------------------------------------------------------------------


async def test_gateway_that_stops_tells_everybody_and_writes_their_sessions(autojump_clock):
    async with open_running_gateway() as running:
        player, visitor = await running.play("Bron"), running.connect()
        await visitor.sees("<Account: >")
        session = running.world.session_of("Bron")

        await part_with_everybody(running.gateway)

        assert "The server is stopping. Goodbye.{bye drain}" in player.text
        assert "The server is stopping. Goodbye.{bye drain}" in visitor.text
        assert (player.closed, visitor.closed) == (Close.DRAIN, Close.DRAIN)
        store = running.store
    assert store.rows[session].state is State.DISCONNECTED


async def test_gateway_that_stops_does_not_wait_for_a_client_that_takes_nothing(autojump_clock, running):
    client = await running.play("Bron")
    client.make_room(0)
    began = trio.current_time()

    await part_with_everybody(running.gateway)

    assert trio.current_time() - began <= PARTING
    await client.gone()


async def test_restart_ahead_is_announced_and_play_goes_on_until_then(autojump_clock, running):
    client, reader = await running.play("Bron"), await running.play("Ann", PlainClient(screen_reader=True))

    running.world.drain(60.0, "A new pier.")
    for player in (client, reader):
        await player.sees("The world restarts in 60 seconds. Stay connected. Reason: A new pier.")
    client.type("look")
    await client.sees("you: look")
    running.world.drain(10.0, "A new pier.")
    await client.sees("The world restarts in 10 seconds.")
    running.world.drain()

    for player in (client, reader):
        await player.sees(GOING)
    assert "10 seconds" not in reader.text  # who hears it read out has heard it


@pytest.mark.parametrize("seconds", [-1.0, 1e9, float("nan"), float("inf")])
async def test_stop_at_no_possible_time_ends_the_link(autojump_clock, running, seconds):
    client = await running.play("Bron")

    running.world.drain(seconds)

    await trio.sleep(5)
    assert running.world.connections == 2
    client.type("look")
    await client.sees("you: look")

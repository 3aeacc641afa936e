"""The login as transcripts: what people and scripts type, and what they read."""

from __future__ import annotations

import pytest
import trio
from doubles.fake_world import CHOICES
from doubles.plain_client import PlainClient
from doubles.running_gateway import open_running_gateway

from wyld_gateway.asking import STORE_AWAY, WORLD_AWAY
from wyld_gateway.close import Close
from wyld_gateway.login import FIRST_SCREEN
from wyld_gateway.sessions.lifecycle import State
from wyld_rpc.messages import (
    AuthError,
    AuthErrorCode,
    CharacterError,
    CharacterErrorCode,
    CreateAccount,
    CreateCharacter,
    DeleteCharacter,
    DisconnectReason,
    SelectCharacter,
    SessionDisconnected,
)


@pytest.fixture
async def running():
    async with open_running_gateway() as running:
        yield running


# -- The door --------------------------------------------------------------------------------------------------


async def test_first_screen_fits_a_small_terminal(autojump_clock, running):
    client = running.connect()

    await client.sees("<Account: >")

    lines = client.text.splitlines()
    assert len(lines) < 20
    assert all(len(line) <= 78 for line in lines)
    assert client.text.startswith(FIRST_SCREEN)


async def test_account_and_password_are_asked_for_and_the_password_is_hidden(autojump_clock, running):
    running.world.add("ann", "secret word", "Bron")
    client = running.connect()

    client.type("ann")
    await client.sees("{echo off}<Password: >")
    client.type("secret word")

    await client.sees("{echo on}")
    await client.sees("Welcome, ann.")
    await client.sees("1. Bron, human fighter, the square")


async def test_wrong_password_leads_back_to_the_question(autojump_clock, running):
    running.world.add("ann", "right")
    client = running.connect()

    client.type("connect ann wrong")
    await client.sees("do not go together")
    await client.sees("<Account: >")
    client.type("connect ann right")

    await client.sees("Welcome, ann.")
    assert client.closed is None


async def test_new_account_by_questions_needs_the_password_twice(autojump_clock, running):
    client = running.connect()

    client.type("create", "ann", "one password", "another password")
    await client.sees("not the same")
    client.type("create ann", "one password", "one password")

    await client.sees("Welcome, ann.")
    assert [request.password for request in running.world.requests if isinstance(request, CreateAccount)] == [
        "one password"
    ]


async def test_what_the_world_refuses_is_said_in_its_words(autojump_clock, running):
    running.world.refusals["create_account"] = AuthError(
        AuthErrorCode.PASSWORD_REFUSED, "A password is longer."
    )
    client = running.connect()

    client.type("create ann short")

    await client.sees("A password is longer.")
    await client.sees("<Account: >")


@pytest.mark.parametrize("line", ["connect", "create a b c", "two words", "connect a b c d"])
async def test_what_makes_no_sense_is_answered_with_help(autojump_clock, running, line):
    client = running.connect()

    client.type(line)

    await client.sees('Type "help"')
    assert not running.world.requests


async def test_help_and_empty_lines_ask_nothing_of_the_world(autojump_clock, running):
    client = running.connect()

    client.type("", "help", "?")
    await client.sees("connect <account> <password> <character>")
    await client.sees("connect <account> <password> <character>")

    assert not running.world.requests


async def test_names_and_passwords_beyond_measure_stay_here(autojump_clock, running):
    client = running.connect()

    client.type("connect " + "a" * 65 + " password", "connect ann " + "p" * 257)
    await client.sees("too long")
    await client.sees("too long")

    assert not running.world.requests


@pytest.mark.parametrize("typed", [["quit"], ["create", "QUIT"], ["connect ann password", "quit"]])
async def test_quit_leaves_anywhere(autojump_clock, running, typed):
    running.world.add("ann", "password")
    client = running.connect()

    client.type(*typed)

    await client.sees("Goodbye.{bye quit}")
    assert await client.gone() is Close.QUIT
    running.nothing_is_left()


async def test_quit_is_no_word_at_a_password_question(autojump_clock, running):
    client = running.connect()

    client.type("ann", "quit")

    await client.sees("do not go together")
    assert client.closed is None


async def test_client_that_is_none_of_ours_is_told_so(autojump_clock, running):
    client = PlainClient()
    client.refuses = True
    running.connect(client)

    await client.sees("This is no client.{bye protocol}")

    assert await client.gone() is Close.PROTOCOL
    assert not running.gateway.registry.by_id


async def test_crawler_leaves_no_row(autojump_clock, running):
    client = running.connect()
    await client.sees("<Account: >")

    client.hang_up()
    await client.gone()

    assert not running.store.rows
    assert not running.store.calls
    running.nothing_is_left()


async def test_whoever_does_not_log_in_in_time_has_to_go(autojump_clock, running):
    running.world.add("ann", "password")
    client = running.connect()
    client.type("connect ann password")
    await client.sees("Welcome")

    await trio.sleep(running.gateway.limits.login_deadline + 5)

    assert await client.gone() is Close.IDLE
    assert "not come into the game in time" in client.text


async def test_full_house_is_said_before_the_door_is_closed(autojump_clock):
    async with open_running_gateway(max_connections=1) as running:
        first = running.connect()
        await first.sees("<Account: >")

        second = running.connect()

        await second.sees("no room")
        assert await second.gone() is Close.LIMIT
        assert first.closed is None


# -- Characters ------------------------------------------------------------------------------------------------


async def test_script_that_sends_everything_in_one_packet_plays(autojump_clock, running):
    client = running.connect()

    client.type("create ann password", "new Bron quick", "play Bron", "look", "say hello")

    await client.sees("Bron wakes.")
    await client.sees("you: look")
    await client.sees("you: say hello")
    assert running.world.texts() == ["look", "say hello"]


async def test_one_line_goes_straight_into_the_game(autojump_clock, running):
    running.world.add("ann", "password", "Bron")
    client = running.connect()

    client.type("connect ann password bron")

    await client.sees("Bron wakes.")
    assert "Your characters" not in client.text


async def test_unknown_character_on_one_line_leads_to_the_list(autojump_clock, running):
    running.world.add("ann", "password", "Bron")
    client = running.connect()

    client.type("connect ann password Nobody")

    await client.sees('no character named "Nobody"')
    await client.sees("1. Bron")


@pytest.mark.parametrize("line", ["play Bron", "play 1", "1", "bron", ""])
async def test_character_is_chosen_by_name_by_number_or_by_enter(autojump_clock, running, line):
    running.world.add("ann", "password", "Bron")
    client = running.connect()

    client.type("connect ann password", line)

    await client.sees("Bron wakes.")


@pytest.mark.parametrize(
    "line", ["play 0", "play 2", "2", "nobody", "play nobody", "play", "new", "delete nobody", "99999999999"]
)
async def test_what_is_no_character_is_answered(autojump_clock, running, line):
    running.world.add("ann", "password", "Bron")
    client = running.connect()

    client.type("connect ann password", line)
    await client.sees('Type "help" for what can be typed here.')
    await client.sees("<Character [Bron]: >")

    assert client.closed is None


async def test_list_and_help_at_the_list(autojump_clock, running):
    running.world.add("ann", "password", "Bron")
    client = running.connect()

    client.type("connect ann password", "help", "list")

    await client.sees("new <name> quick")
    await client.sees("1. Bron")


async def test_new_character_by_questions(autojump_clock, running):
    client = running.connect()

    client.type("create ann password", "", "new Bron")
    await client.sees("1. human - as you know them")
    client.type("dwarf", "2")
    await client.sees('"dwarf" is none of them: human, elf.')
    client.type("", "strength 9", "strength 3, agility 3 mind 3")
    await client.sees("No attribute may end above 14.")
    client.type("x" * 41, "Tall.")
    await client.sees("That has 41 characters")
    await client.sees("Bron is ready.")

    (made,) = [request.data for request in running.world.requests if isinstance(request, CreateCharacter)]
    assert (made.race, made.character_class, made.description) == ("elf", "fighter", "Tall.")
    assert made.attributes == {"strength": 11, "agility": 11, "mind": 11}


async def test_back_gives_a_new_character_up(autojump_clock, running):
    client = running.connect()

    client.type("create ann password", "new Bron", "elf", "back")

    await client.sees("Nothing was made.")
    await client.sees("<Character: >")
    assert not running.world.bodies


async def test_refused_character_leads_back_to_the_list(autojump_clock, running):
    running.world.refusals["create_character"] = CharacterError(
        CharacterErrorCode.NAME_TAKEN, "That name is taken."
    )
    client = running.connect()

    client.type("create ann password", "new Bron quick", "new " + "B" * 65 + " quick")

    await client.sees("That name is taken.")
    await client.sees("too long")


async def test_character_is_deleted_only_by_its_name(autojump_clock, running):
    running.world.add("ann", "password", "Bron")
    client = running.connect()

    client.type("connect ann password", "delete bron", "yes")
    await client.sees("Bron stays.")
    assert not [request for request in running.world.requests if isinstance(request, DeleteCharacter)]
    client.type("delete 1", "Bron")

    await client.sees("Bron is gone.")
    await client.sees("You have no character yet.")


async def test_character_that_may_not_be_deleted_stays(autojump_clock, running):
    running.world.add("ann", "password", "Bron")
    running.world.refusals["delete_character"] = CharacterError(
        CharacterErrorCode.IN_PLAY, "Bron is in play."
    )
    client = running.connect()

    client.type("connect ann password", "delete 1", "Bron")

    await client.sees("Bron is in play.")


async def test_refused_selection_leads_back_and_leaves_nothing_in_play(autojump_clock, running):
    running.world.add("ann", "password", "Bron")
    running.world.refusals["select_character"] = CharacterError(CharacterErrorCode.SERVER_ERROR, "Not now.")
    client = running.connect()

    client.type("connect ann password Bron")
    await client.sees("Not now.")
    await client.sees("<Character [Bron]: >")
    await trio.sleep(1)

    assert [row.state for row in running.store.rows.values()] == [State.CHARACTER_SELECTION]
    del running.world.refusals["select_character"]
    client.type("")
    await client.sees("Bron wakes.")


async def test_selection_without_an_answer_leads_back_and_the_world_is_told(autojump_clock, running):
    running.world.add("ann", "password", "Bron")
    running.world.silent.add("select_character")
    client = running.connect()

    client.type("connect ann password Bron")
    await client.sees("there was no answer")
    await trio.sleep(1)

    (event,) = running.world.heard(SessionDisconnected)
    assert event.reason is DisconnectReason.NETWORK_ERROR
    running.world.silent.clear()
    client.type("1")
    await client.sees("Bron wakes.")
    first, second = [r for r in running.world.requests if isinstance(r, SelectCharacter)]
    assert (first.session, first.generation) == (second.session, second.generation - 1)


async def test_list_that_does_not_come_can_be_asked_for_again(autojump_clock, running):
    running.world.add("ann", "password", "Bron")
    running.world.silent.add("list_characters")
    client = running.connect()

    client.type("connect ann password")
    await client.sees("there was no answer")
    running.world.silent.clear()
    client.type("")

    await client.sees("1. Bron")


async def test_default_character_is_the_newest_where_none_was_played(autojump_clock, running):
    running.world.add("ann", "password", "Bron", "Cato")
    client = running.connect()

    client.type("connect ann password")

    await client.sees("<Character [Bron]: >")


async def test_choices_of_the_tests_can_be_met():
    assert CHOICES.attribute_points <= len(CHOICES.attributes) * (
        CHOICES.attribute_maximum - CHOICES.attribute_minimum
    )


# -- Waiting ---------------------------------------------------------------------------------------------------


async def test_player_who_comes_before_the_world_is_let_in_when_it_is_there(autojump_clock):
    async with open_running_gateway() as running:
        running.world.away = True
        running.world.add("ann", "password", "Bron")
        client = running.connect()
        client.type("connect ann password Bron")
        await client.sees(WORLD_AWAY)

        client.type("look")
        await trio.sleep(300)
        running.world.away = False

        await client.sees("Bron wakes.")
        await client.sees("you: look")


async def test_waiting_is_said_once_and_then_every_half_minute(autojump_clock):
    async with open_running_gateway() as running:
        running.world.away = True
        client = running.connect()
        client.type("connect ann password Bron")

        await trio.sleep(100)

        assert client.text.count(WORLD_AWAY) == 1
        assert client.text.count("Still waiting for the world") == 3
        assert "(1 min" in client.text


async def test_screen_reader_hears_once_that_it_still_waits(autojump_clock):
    async with open_running_gateway() as running:
        running.world.away = True
        client = running.connect(PlainClient(screen_reader=True))
        client.type("connect ann password Bron")

        await trio.sleep(200)

        assert client.text.count(WORLD_AWAY) == 1
        assert client.text.count("Still waiting") == 1


async def test_quit_leaves_while_waiting_too(autojump_clock):
    async with open_running_gateway() as running:
        running.world.away = True
        client = running.connect()
        client.type("connect ann password Bron")
        await client.sees(WORLD_AWAY)

        client.type("quit")

        assert await client.gone() is Close.QUIT
        running.nothing_is_left()


async def test_lines_typed_while_waiting_are_bounded_and_the_player_knows(autojump_clock):
    async with open_running_gateway() as running:
        running.world.away = True
        running.world.add("ann", "password", "Bron")
        client = running.connect()
        client.type("connect ann password Bron")
        await client.sees(WORLD_AWAY)

        client.type(*(f"say {n}" for n in range(100)))
        await client.sees("Too many lines are waiting")
        running.world.away = False

        await client.sees("you: say 63")
        assert running.world.texts() == [f"say {n}" for n in range(64)]


async def test_database_that_is_away_makes_new_logins_wait(autojump_clock, running):
    running.store.available = False
    running.world.add("ann", "password", "Bron")
    client = running.connect()

    client.type("connect ann password Bron")
    await client.sees(STORE_AWAY)
    await trio.sleep(200)
    running.store.available = True

    await client.sees("Bron wakes.")
    (row,) = running.store.rows.values()
    assert row.state is State.PLAYING


async def test_world_that_goes_in_the_middle_of_a_login_is_waited_for(autojump_clock, running):
    running.world.add("ann", "password", "Bron")
    running.world.silent.add("authenticate")
    client = running.connect()
    client.type("connect ann password Bron")
    await trio.sleep(1)

    running.world.silent.clear()
    running.world.restart()

    await client.sees("Bron wakes.")


async def test_world_that_goes_while_it_is_asked_for_the_character_is_waited_for(autojump_clock, running):
    running.world.add("ann", "password", "Bron")
    running.world.silent.add("select_character")
    client = running.connect()
    client.type("connect ann password Bron")
    await trio.sleep(1)

    running.world.silent.clear()
    running.world.restart(away=True)
    await client.sees(WORLD_AWAY)
    running.world.away = False

    await client.sees("Bron wakes.")
    assert len(running.store.playing()) == 1

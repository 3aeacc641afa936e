"""The world behind a real link: what a gateway sees of logging in, playing, losing clients and coming back."""

from __future__ import annotations

import secrets

import pytest
import trio
from doubles.gateway import PASSWORD, FakeGateway, creation_data
from doubles.world import DETACHED_TTL, open_test_world
from doubles.world_store import MemoryWorldStore

from wyld_rpc import frames
from wyld_rpc.errors import LinkClosed, RpcError
from wyld_rpc.messages import (
    AccountId,
    Acks,
    Authenticate,
    AuthError,
    AuthErrorCode,
    CharacterError,
    CharacterErrorCode,
    ClientChanged,
    Command,
    CommandErrorCode,
    CreateCharacter,
    DeleteCharacter,
    DisconnectReason,
    EntityId,
    ListCharacters,
    Positions,
    ReconnectError,
    ReconnectErrorCode,
    SessionId,
    SessionReconnected,
)
from wyld_world import engine, execution
from wyld_world.model import presence


@pytest.fixture
async def world():
    async with open_test_world(MemoryWorldStore()) as world:
        yield world


@pytest.fixture
async def gateway(world):
    async with FakeGateway().linked(world) as gateway:
        yield gateway


async def settle():
    """Let everything that can happen now happen, the next heartbeat included."""
    await trio.sleep(1.5)


# ------------------------------------------------------------------------------------------- playing


async def test_two_players_in_one_room_hear_each_other(autojump_clock, gateway):
    ann, bob = await gateway.play("Ann"), await gateway.play("Bob")

    ann.type("say hello there")

    assert await bob.sees("hello there")
    assert await ann.sees("hello there")


async def test_players_on_two_gateways_hear_each_other(autojump_clock, world, gateway):
    async with FakeGateway().linked(world) as other:
        ann, bob = await gateway.play("Ann"), await other.play("Bob")

        ann.type("say hello there")

        assert await bob.sees("hello there")
        assert await ann.sees("hello there")


async def test_outputs_are_numbered_densely_from_one(autojump_clock, gateway):
    ann = await gateway.play("Ann")

    ann.type("look", "say uno!", "say duo!")
    await ann.sees("duo!")

    assert [number for number, _ in ann.outputs] == list(range(1, len(ann.outputs) + 1))


async def test_an_output_comes_with_the_ack_of_its_command(autojump_clock, gateway):
    ann = await gateway.play("Ann")

    ann.type("say uno!")
    await ann.sees("uno!")

    assert ann.applied == 1


async def test_a_text_for_a_room_is_on_the_wire_once(autojump_clock, gateway):
    players = [await gateway.play(name) for name in ("Ann", "Bob", "Cat")]

    players[0].type("say uno!")
    await players[2].sees("uno!")

    (shared,) = [delivery for delivery in gateway.ticks[-1].outputs if len(delivery.sessions) > 1]
    assert set(shared.sessions) == {players[1].id, players[2].id}


async def test_an_empty_command_only_gets_its_number_applied(autojump_clock, gateway):
    ann = await gateway.play("Ann")
    before = len(ann.outputs)

    ann.type("")
    await gateway.until(lambda: ann.applied == 1)

    assert len(ann.outputs) == before


async def test_the_creation_of_a_character_is_repeated_without_effect(autojump_clock, gateway):
    session = await gateway.create_account("ann-account")
    listed = await gateway.call("list_characters", ListCharacters(session.id, session.account_id))
    key = EntityId(secrets.token_bytes(16))
    request = CreateCharacter(key, session.id, session.account_id, creation_data(listed, "Ann"))

    first, second = (
        await gateway.call("create_character", request),
        await gateway.call("create_character", request),
    )

    assert first == second
    listed = await gateway.call("list_characters", ListCharacters(session.id, session.account_id))
    assert [character.name for character in listed.characters] == ["Ann"]


async def test_a_character_of_an_unknown_account_is_refused(autojump_clock, gateway):
    session = await gateway.create_account("ann-account")
    session.account_id = AccountId(bytes(16))

    with pytest.raises(CharacterError) as refusal:
        await gateway.create_character(session, "Ann")

    assert refusal.value.code is CharacterErrorCode.NOT_FOUND


async def test_a_character_is_deleted_only_while_nobody_plays_it(autojump_clock, gateway):
    session = await gateway.create_account("ann-account")
    ann = await gateway.create_character(session, "Ann")
    await gateway.select(session, ann.id)
    delete = DeleteCharacter(session.id, session.account_id, ann.id)

    with pytest.raises(CharacterError) as refusal:
        await gateway.call("delete_character", delete)
    session.disconnect(DisconnectReason.CLIENT_DISCONNECT)
    deleted = await gateway.call("delete_character", delete)

    assert refusal.value.code is CharacterErrorCode.IN_PLAY
    assert deleted.name == "Ann"
    listed = await gateway.call("list_characters", ListCharacters(session.id, session.account_id))
    assert listed.characters == ()


async def test_a_session_plays_one_character(autojump_clock, gateway):
    session = await gateway.create_account("ann-account")
    ann, eve = [await gateway.create_character(session, name) for name in ("Ann", "Eve")]
    await gateway.select(session, ann.id)

    with pytest.raises(CharacterError) as refusal:
        await gateway.select(session, eve.id)

    assert refusal.value.code is CharacterErrorCode.IN_PLAY


async def test_selecting_again_because_the_answer_was_lost_changes_nothing(autojump_clock, world, gateway):
    session = await gateway.create_account("ann-account")
    ann = await gateway.create_character(session, "Ann")

    first, second = await gateway.select(session, ann.id), await gateway.select(session, ann.id)

    assert first.positions.epoch == second.positions.epoch
    assert session.ended is None
    assert list(world.sessions.by_id) == [session.id]


# -------------------------------------------------------------------------------------- exactly once


async def test_a_repeated_command_runs_once_and_is_acknowledged_again(autojump_clock, gateway):
    ann = await gateway.play("Ann")
    one, two = ann.next_command("say uno!"), ann.next_command("say duo!")

    gateway.send_commands(one, one, two)
    await ann.sees("duo!")
    gateway.send_commands(one)
    await settle()

    assert len([line for line in ann.lines if "uno!" in line]) == 1
    assert [ack.applied for ack in ann.acks] == [2, 2]


async def test_a_missing_command_ends_the_link(autojump_clock, gateway):
    ann = await gateway.play("Ann")

    gateway.send_commands(Command(ann.id, ann.generation, 2, "say duo!"))

    with pytest.raises(LinkClosed):
        await gateway.call("positions", Positions(gateway.applied))


async def test_commands_of_an_older_generation_and_of_nobody_are_ignored(autojump_clock, gateway):
    ann = await gateway.play("Ann")

    gateway.send_commands(
        Command(ann.id, ann.generation - 1, 1, "say stale"),
        Command(SessionId(bytes(16)), 1, 1, "say nobody"),
    )
    await settle()

    assert ann.acks == []
    assert not any("stale" in line for line in ann.lines)


async def test_commands_for_a_session_of_another_gateway_are_ignored(autojump_clock, world, gateway):
    async with FakeGateway().linked(world) as other:
        ann = await gateway.play("Ann")

        other.send_commands(ann.next_command("say stolen"))
        await settle()

        assert not any("stolen" in line for line in ann.lines)


async def test_a_failing_command_is_undone_and_answered(autojump_clock, world, gateway, monkeypatch):
    ann, bob = await gateway.play("Ann"), await gateway.play("Bob")
    perform = execution.perform
    heard = len(bob.outputs)

    def break_after(context, line):
        perform(context, line)
        if line == "north":
            raise RuntimeError("a mistake in a command")

    monkeypatch.setattr(execution, "perform", break_after)

    ann.type("north", "say still here")
    await bob.sees("still here")

    assert [each.name for each in world.world.start.characters] == ["Ann", "Bob"]
    assert len(bob.outputs) == heard + 1
    failed, fine = ann.acks[-2:]
    assert (failed.applied, failed.error.code) == (1, CommandErrorCode.FAILED)
    assert (fine.applied, fine.error) == (2, None)
    assert ann.lines[-2] == execution.FAILED_TEXT


async def test_a_failing_heartbeat_does_not_end_the_game(autojump_clock, world, gateway, monkeypatch):
    ann = await gateway.play("Ann")

    def broken(*arguments):
        raise RuntimeError("a mistake in the heartbeat")

    monkeypatch.setattr(engine, "beat", broken)
    await settle()

    ann.type("say still here")
    assert await ann.sees("still here")
    assert world.attempts.failures


async def test_confirmed_outputs_are_no_longer_kept(autojump_clock, world, gateway):
    ann = await gateway.play("Ann")
    kept = len(world.sessions.by_id[ann.id].outputs)

    gateway.notify(Acks(len(gateway.ticks), [(ann.id, kept), (SessionId(bytes(16)), 3)]))
    await settle()

    assert kept
    assert len(world.sessions.by_id[ann.id].outputs) == 0


async def test_kept_outputs_are_thrown_away_in_the_end(autojump_clock, world, gateway):
    ann = await gateway.play("Ann")
    first = len(ann.outputs)

    await trio.sleep(17 * 60)

    assert world.sessions.by_id[ann.id].outputs.floor >= first


# ------------------------------------------------------------------------------ leaving and coming back


async def test_quitting_ends_the_session_and_the_others_see_it(autojump_clock, gateway):
    ann, bob = await gateway.play("Ann"), await gateway.play("Bob")

    ann.type("quit")
    await gateway.until(lambda: ann.ended)

    assert ann.ended.reason is DisconnectReason.CLIENT_DISCONNECT
    assert ann.applied == 1
    assert any("Ann" in line for line in bob.lines[1:])


async def test_a_short_absence_is_nobody_elses_business(autojump_clock, gateway):
    ann, bob = await gateway.play("Ann"), await gateway.play("Bob")
    heard = len(bob.outputs)

    ann.disconnect()
    await trio.sleep(3)
    result = await gateway.call("session_reconnected", SessionReconnected(ann.id, 2))
    await trio.sleep(30)

    assert result.success
    assert not any("Ann" in line for line in bob.lines[heard:])


async def test_a_long_absence_is_seen_and_its_end_too(autojump_clock, gateway):
    ann, bob = await gateway.play("Ann"), await gateway.play("Bob")

    ann.disconnect()
    await bob.sees("Ann stares into nothing")
    await gateway.call("session_reconnected", SessionReconnected(ann.id, 2))

    assert await bob.sees("Ann blinks")


async def test_whoever_comes_back_gets_every_state_again(autojump_clock, gateway):
    ann = await gateway.play("Ann")
    kinds = {(state.kind, state.name) for state in ann.states}
    ann.disconnect()
    ann.states.clear()

    await gateway.call("session_reconnected", SessionReconnected(ann.id, 2))

    await gateway.until(lambda: {(state.kind, state.name) for state in ann.states} == kinds)


async def test_what_happens_during_an_absence_is_numbered_and_counted(autojump_clock, world, gateway):
    ann, bob = await gateway.play("Ann"), await gateway.play("Bob")
    ann.disconnect()

    bob.type("say are you there")
    await ann.sees("are you there")
    result = await gateway.call("session_reconnected", SessionReconnected(ann.id, 2))

    assert result.positions.sent == result.queued_events == len(ann.outputs)


async def test_an_absence_that_is_too_long_ends_the_session(autojump_clock, world, gateway):
    ann, bob = await gateway.play("Ann"), await gateway.play("Bob")

    ann.disconnect()
    await gateway.until(lambda: ann.ended)

    assert ann.ended.reason is DisconnectReason.TIMEOUT
    assert trio.current_time() >= DETACHED_TTL
    assert list(world.sessions.by_id) == [bob.id]
    with pytest.raises(ReconnectError) as refusal:
        await gateway.call("session_reconnected", SessionReconnected(ann.id, 2))
    assert refusal.value.code is ReconnectErrorCode.SESSION_NOT_FOUND


async def test_coming_back_with_an_old_generation_is_refused(autojump_clock, gateway):
    ann = await gateway.play("Ann")

    with pytest.raises(ReconnectError) as refusal:
        await gateway.call("session_reconnected", SessionReconnected(ann.id, 1))

    assert refusal.value.code is ReconnectErrorCode.STALE_GENERATION


async def test_coming_back_over_another_gateway_tells_the_first_one(autojump_clock, world, gateway):
    async with FakeGateway().linked(world) as other:
        ann = await gateway.play("Ann")
        other.sessions[ann.id] = ann

        await other.call("session_reconnected", SessionReconnected(ann.id, 2))
        await gateway.until(lambda: ann.ended)

        assert ann.ended.reason is DisconnectReason.REPLACED
        other.send_commands(Command(ann.id, 2, 1, "say from elsewhere"))
        assert await other.until(lambda: any("from elsewhere" in line for line in ann.lines))


async def test_a_second_login_takes_the_only_body_over(autojump_clock, world, gateway):
    async with FakeGateway().linked(world) as other:
        first = await gateway.create_account("ann-account")
        ann = await gateway.create_character(first, "Ann")
        await gateway.select(first, ann.id)
        second = other.session_of(first.account_id)

        await other.select(second, ann.id)
        await gateway.until(lambda: first.ended)

        assert first.ended.reason is DisconnectReason.REPLACED
        assert list(world.sessions.by_id) == [second.id]
        assert [each.name for each in world.world.start.characters] == ["Ann"]
        gateway.send_commands(first.next_command("say old"))
        second.type("say new")
        await second.sees("new")
        assert not any("old" in line for line in second.lines)


async def test_a_departure_of_an_older_generation_is_ignored(autojump_clock, world, gateway):
    ann = await gateway.play("Ann")
    await gateway.call("session_reconnected", SessionReconnected(ann.id, 2))

    ann.disconnect(DisconnectReason.CLIENT_DISCONNECT)
    await settle()

    assert world.sessions.by_id[ann.id].detached_at is None


async def test_losing_the_link_leaves_everybody_in_play_and_linkdead(autojump_clock, world):
    async with FakeGateway().linked(world) as watching:
        bob = await watching.play("Bob")
        async with FakeGateway().linked(world) as gateway:
            ann = await gateway.play("Ann")
            ann.type("say going")

        assert await bob.sees("Ann stares into nothing")
        assert any("going" in line for line in bob.lines)


async def test_a_second_link_of_one_gateway_ends_the_first(autojump_clock, world, gateway):
    async with FakeGateway(gateway.id).linked(world) as second:
        await gateway.until(lambda: gateway.lost)

        assert second.lost is None
        assert len(list(world.gateways)) == 1


# --------------------------------------------------------------------------------------- bad gateways


async def test_an_unknown_method_is_answered(autojump_clock, gateway):
    with pytest.raises(RpcError) as answer:
        await gateway._peer.call("dance", {})

    assert answer.value.code == "unknown-method"


@pytest.mark.parametrize("method", ["select_character", "authenticate"])
async def test_malformed_parameters_end_the_link(autojump_clock, gateway, method):
    with pytest.raises(LinkClosed):
        await gateway._peer.call(method, {"session": 5})


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("commands", [b"short", 1, 1, "say"]),
        ("commands", [bytes(16), 1, 1, "x" * 70_000]),
        ("acks", [10_000]),
        ("dance", None),
        ("tick", [1, False, [], [], [], []]),
    ],
)
async def test_malformed_and_misplaced_events_end_the_link(autojump_clock, gateway, kind, body):
    gateway._peer.notify(kind, body)

    with pytest.raises(LinkClosed):
        await gateway.call("positions", Positions(gateway.applied))


async def test_a_changed_client_is_taken_note_of(autojump_clock, gateway):
    ann = await gateway.play("Ann")

    gateway.notify(ClientChanged(ann.id, 1, True))

    ann.type("say still here!")
    assert await ann.sees("still here!")


# -------------------------------------------------------------------------------------------- accounts


async def login(gateway, name, password=PASSWORD):
    session = SessionId(secrets.token_bytes(16))
    return await gateway.call("authenticate", Authenticate(session, name, password, "192.0.2.7:5"))


async def test_an_account_is_found_in_any_case_with_its_password(autojump_clock, gateway):
    session = await gateway.create_account("Ann-1")

    result = await login(gateway, "ann-1")

    assert (result.account_id, result.account) == (session.account_id, "Ann-1")


async def test_a_session_in_play_cannot_log_in_again(autojump_clock, gateway):
    ann = await gateway.play("Ann")

    with pytest.raises(AuthError) as refusal:
        await gateway.call("authenticate", Authenticate(ann.id, "ann", PASSWORD, "192.0.2.7:5"))

    assert refusal.value.code is AuthErrorCode.ALREADY_AUTHENTICATED


# ------------------------------------------------------------------------------------ our own mistakes


async def test_a_mistake_in_the_worlds_link_ends_that_link_only(autojump_clock, world, gateway, monkeypatch):
    ann = await gateway.play("Ann")
    async with FakeGateway().linked(world) as other:
        put = engine.Engine.put

        def broken(self, gateway, item):
            if getattr(item, "text", None) == "crash":
                raise RuntimeError("a mistake in the world's code")
            put(self, gateway, item)

        monkeypatch.setattr(engine.Engine, "put", broken)

        ann.type("crash")
        await gateway.until(lambda: gateway.lost)

        assert await other.play("Bob")


async def test_an_answer_that_is_too_long_is_an_error_for_its_caller(autojump_clock, gateway, monkeypatch):
    session = await gateway.create_account("ann-account")
    monkeypatch.setattr(frames, "MAX_FRAME", 400)

    with pytest.raises(RpcError, match="too long"):
        await gateway.call("list_characters", ListCharacters(session.id, session.account_id))


async def test_entering_that_fails_leaves_no_session(autojump_clock, world, gateway, monkeypatch):
    session = await gateway.create_account("ann-account")
    ann = await gateway.create_character(session, "Ann")

    def broken(context):
        raise RuntimeError("a mistake in entering")

    monkeypatch.setattr(presence, "enter", broken)
    with pytest.raises(CharacterError) as refusal:
        await gateway.select(session, ann.id)

    assert refusal.value.code is CharacterErrorCode.SERVER_ERROR
    assert not world.sessions.by_id


async def test_a_body_that_failed_to_leave_is_taken_over_later(autojump_clock, world, gateway, monkeypatch):
    ann = await gateway.play("Ann")
    leave = presence.leave

    def broken(context, reason):
        raise RuntimeError("a mistake in leaving")

    monkeypatch.setattr(presence, "leave", broken)
    ann.disconnect(DisconnectReason.CLIENT_DISCONNECT)
    await settle()
    monkeypatch.setattr(presence, "leave", leave)
    assert not world.sessions.by_id

    listed = await gateway.call("list_characters", ListCharacters(ann.id, ann.account_id))
    again = gateway.session_of(ann.account_id)
    await gateway.select(again, listed.characters[0].id)

    assert [each.name for each in world.world.start.characters] == ["Ann"]

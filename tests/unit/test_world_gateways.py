"""What the world keeps of gateways and sessions: inboxes, bindings, absences, and what the next commit must delete."""

from __future__ import annotations

import pytest
from doubles.world import starter_areas

from wyld_rpc.errors import LocalProtocolError, RemoteProtocolError
from wyld_rpc.messages import (
    AccountId,
    CharacterCreationData,
    Command,
    CreateCharacter,
    DisconnectReason,
    EntityId,
    EntityStateUpdate,
    SessionId,
    StateUpdateType,
    Structured,
    Text,
)
from wyld_rpc.numbering import Epoch, ReceiveCursor
from wyld_world.gateways import MAX_INBOX, Confirmed, Gateway, Gateways
from wyld_world.model.journal import Journal
from wyld_world.model.world import World
from wyld_world.outlet import CommandOutlet
from wyld_world.sessions import Session, Sessions
from wyld_world.ticks import MAX_ENTRY, MAX_UNACKED, SealedTick

EPOCH = Epoch(bytes(8))


class RecordingLink:
    """A link that keeps what it was given."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.ended: list[str] = []

    def send(self, kind: str, body: bytes) -> None:
        self.sent.append(body)

    def answer(self, request_id: int, result: object) -> None:
        raise AssertionError("nothing was asked")

    def end(self, reason: str) -> None:
        self.ended.append(reason)


@pytest.fixture
def link():
    return RecordingLink()


@pytest.fixture
def gateway(link):
    gateway = Gateway(b"g" * 16, EPOCH)
    gateway.begin_link(link)
    gateway.settle(0)
    return gateway


@pytest.fixture
def characters():
    """Three characters, asleep."""
    world = World(starter_areas())
    choices = world.choices
    attributes = {choice.name: choices.attribute_minimum for choice in choices.attributes}
    first = next(iter(attributes))
    spare = choices.attribute_points
    for name in attributes:
        more = min(spare, choices.attribute_maximum - choices.attribute_minimum)
        attributes[name] += more
        spare -= more
    assert attributes[first] > choices.attribute_minimum
    return [
        world.create_character(
            Journal(world),
            0.0,
            CreateCharacter(
                EntityId(name.encode().ljust(16)),
                SessionId(bytes(16)),
                AccountId(bytes(16)),
                CharacterCreationData(name, choices.races[0].name, choices.classes[0].name, attributes),
            ),
        )
        for name in ("Ann", "Bob", "Cat")
    ]


def session_of(character, generation=1):
    return Session(SessionId(bytes(character.id)), character, generation, ReceiveCursor(EPOCH))


# --------------------------------------------------------------------------------------------- gateways


def test_an_inbox_is_bounded(gateway):
    command = Command(SessionId(bytes(16)), 1, 1, "look")
    for _ in range(MAX_INBOX):
        gateway.put(command)

    with pytest.raises(RemoteProtocolError):
        gateway.put(command)

    assert len(gateway.inbox) == MAX_INBOX


def test_a_released_tick_is_sent_and_kept(gateway, link):
    gateway.release(SealedTick(1, (b"one", b"two"), 6))

    assert link.sent == [b"one", b"two"]
    assert gateway.unacked.size == 6
    assert not link.ended


def test_what_is_released_while_the_link_is_away_is_sent_over_the_next_one(gateway, link):
    gateway.release(SealedTick(1, (b"one",), 3))
    gateway.lose_link(5.0)
    gateway.release(SealedTick(2, (b"two",), 3))
    gateway.release(SealedTick(3, (b"three",), 5))
    gateway.send("drain", b"")
    assert link.sent == [b"one"]

    gateway.begin_link(link)
    gateway.release(SealedTick(4, (b"four",), 4))
    assert link.sent == [b"one"]

    gateway.settle(2)
    assert link.sent == [b"one", b"three", b"four"]


@pytest.mark.parametrize("tick", [0, 4])
def test_a_gateway_cannot_claim_a_tick_that_it_had_acknowledged_or_that_was_never_released(
    gateway, link, tick
):
    for number in (1, 2, 3):
        gateway.release(SealedTick(number, (b"tick",), 4))
    gateway.unacked.ack(1)
    gateway.begin_link(link)

    with pytest.raises(RemoteProtocolError):
        gateway.settle(tick)


@pytest.mark.parametrize(("tick", "resent", "following"), [(4, [b"five"], 6), (5, [], 6), (9, [], 10)])
def test_a_restored_gateway_goes_on_behind_whatever_is_known_of_its_ticks(link, tick, resent, following):
    left = [SealedTick(4, (b"four",), 4, stored=True), SealedTick(5, (b"five",), 4, stored=True)]
    gateway = Gateway.restore((b"g" * 16, EPOCH), left, 0.0)
    gateway.begin_link(link)

    gateway.settle(tick)

    assert link.sent == resent
    assert gateway.writer.seal().number == following


def test_nothing_is_kept_for_a_forgotten_gateway(gateway):
    gateways = Gateways()
    gateways.add(gateway)
    gateway.lose_link(0.0)
    gateways.forget(gateway)

    gateway.release(SealedTick(1, (b"one",), 3))

    assert gateway.unacked.size == 0


def test_too_much_that_is_not_acknowledged_ends_the_link(gateway, link):
    gateway.release(SealedTick(1, (), MAX_UNACKED))
    assert not link.ended

    gateway.release(SealedTick(2, (), 1))

    assert len(link.ended) == 1


def test_rows_are_deleted_once_and_only_what_has_rows(gateway):
    gateways = Gateways()
    gateways.add(gateway)
    for number in (1, 2, 3):
        gateway.release(SealedTick(number, (), 1))
    gateway.unacked.ack(2)
    assert gateways.take_confirmed() == ()

    gateway.stored = 3
    assert gateways.take_confirmed() == (Confirmed(gateway.id, EPOCH, 2),)
    assert gateways.take_confirmed() == ()


def test_all_rows_of_a_forgotten_gateway_are_deleted(gateway):
    gateways = Gateways()
    gateways.add(gateway)
    gateway.stored = 3

    gateways.forget(gateway)

    assert gateways.take_confirmed() == (Confirmed(gateway.id, EPOCH, 3),)
    assert gateways.take_confirmed() == ()
    assert gateways.find(gateway.life) is None


# --------------------------------------------------------------------------------------------- sessions


def test_a_session_is_found_by_id_and_by_character_until_it_ends(gateway, characters):
    sessions, session = Sessions(), session_of(characters[0])

    sessions.begin(session, gateway)
    assert sessions.by_id[session.id] is sessions.by_character[characters[0].id] is session
    assert gateway.sessions == {session}

    sessions.end(session)
    assert not (sessions.by_id)
    assert not (sessions.by_character)
    assert not (gateway.sessions)


def test_attaching_binds_to_one_gateway_only(gateway, characters):
    sessions, session, other = Sessions(), session_of(characters[0]), Gateway(b"h" * 16, EPOCH)
    sessions.begin(session, gateway)

    sessions.attach(session, other, 2)

    assert (session.gateway, session.generation) == (other, 2)
    assert not gateway.sessions


def test_absences_are_told_longest_first_and_end_with_attaching(gateway, characters):
    sessions = Sessions()
    ann, bob, cat = [session_of(character) for character in characters]
    for session, moment in ((bob, 1.0), (ann, 2.0), (cat, 3.0)):
        sessions.begin(session, gateway)
        sessions.detach(session, moment)
    sessions.detach(bob, 9.0)

    assert list(sessions.detached_by(2.0)) == [bob, ann]
    sessions.attach(bob, gateway, 2)
    assert list(sessions.detached_by(9.0)) == [ann, cat]


def test_losing_a_link_detaches_its_sessions_and_keeps_them_bound(gateway, characters):
    sessions = Sessions()
    ann, bob, _ = [session_of(character) for character in characters]
    sessions.begin(ann, gateway)
    sessions.begin(bob, gateway)
    sessions.detach(bob, 1.0)

    sessions.lose_link(gateway, 5.0)

    assert (ann.detached_at, bob.detached_at) == (5.0, 1.0)
    assert ann.gateway is bob.gateway is gateway
    assert ann.awaits_report


def test_the_end_of_a_gateway_leaves_its_sessions_to_nobody_and_keeps_older_absences(gateway, characters):
    sessions = Sessions()
    ann, bob, _ = [session_of(character) for character in characters]
    sessions.begin(ann, gateway)
    sessions.begin(bob, gateway)
    sessions.detach(bob, 1.0)

    sessions.release(gateway.life, 5.0)

    assert (ann.detached_at, bob.detached_at) == (5.0, 1.0)
    assert ann.gateway is bob.gateway is None


def test_changes_are_taken_once(gateway, characters):
    sessions = Sessions()
    ann, bob, _ = [session_of(character) for character in characters]
    sessions.begin(ann, gateway)
    sessions.begin(bob, gateway)
    sessions.end(bob)

    assert sessions.take_changed() == ((ann.row(),), (bob.id,))
    assert sessions.take_changed() == ((), ())


def test_kept_outputs_expire_with_age(gateway, characters):
    sessions, session = Sessions(), session_of(characters[0])
    sessions.begin(session, gateway)
    session.outputs.append(b"old", 3, 0.0)
    session.outputs.append(b"new", 3, 1000.0)

    sessions.expire_outputs(1000.0)

    assert len(session.outputs) == 1


# ----------------------------------------------------------------------------------------------- outlet


@pytest.fixture
def playing(gateway, characters):
    """Ann in play, Bob in play with his gateway lost, Cat asleep."""
    sessions = Sessions()
    ann, bob, _ = [session_of(character) for character in characters]
    sessions.begin(bob, Gateway(b"h" * 16, EPOCH))
    sessions.give_up(bob, 0.0)
    sessions.begin(ann, gateway)
    return sessions, ann, bob


def test_nothing_is_numbered_before_the_command_has_succeeded(playing, characters, gateway):
    sessions, ann, bob = playing
    outlet = CommandOutlet(sessions)

    outlet.send(iter(characters), Text("hello"))
    assert (ann.outputs.last, gateway.writer.is_empty) == (0, True)

    outlet.release(0.0)
    assert (ann.outputs.last, bob.outputs.last) == (1, 1)
    assert not gateway.writer.is_empty


def test_a_failed_command_has_said_nothing(playing, characters, gateway):
    sessions, ann, _ = playing
    outlet = CommandOutlet(sessions)
    outlet.send(characters, Text("hello"))
    outlet.state(characters[0], EntityStateUpdate(StateUpdateType.STATS, {"hp": 1}))
    outlet.disconnect(characters[0], DisconnectReason.KICKED, "Out.")

    outlet.discard()
    outlet.release(0.0)

    assert gateway.writer.is_empty
    assert (ann.outputs.last, ann.states) == (0, {})
    assert ann.id in sessions.by_id


def test_states_are_kept_for_whoever_comes_back(playing, characters):
    sessions, ann, bob = playing
    outlet = CommandOutlet(sessions)

    for character in characters:
        outlet.state(character, EntityStateUpdate(StateUpdateType.STATS, {"hp": 1}))
    outlet.release(0.0)

    assert list(ann.states) == list(bob.states) == [(StateUpdateType.STATS, "")]


def test_a_session_ends_once_whether_or_not_anybody_can_be_told(playing, characters, gateway):
    sessions, _, _ = playing
    outlet = CommandOutlet(sessions)
    for character in (*characters, *characters):
        outlet.disconnect(character, DisconnectReason.KICKED, "Out.")

    outlet.release(0.0)

    assert not sessions.by_id
    assert not gateway.writer.is_empty


def test_whoever_sleeps_hears_nothing(playing, characters, gateway):
    outlet = CommandOutlet(playing[0])

    outlet.send([characters[2]], Text("hello"))
    outlet.release(0.0)

    assert gateway.writer.is_empty


@pytest.mark.parametrize("output", [Text("x" * MAX_ENTRY), Structured("who", {"names": {1, 2}}, "")])
def test_an_output_that_cannot_be_sent_fails_at_once(playing, characters, output):
    outlet = CommandOutlet(playing[0])

    with pytest.raises(LocalProtocolError):
        outlet.send(characters, output)

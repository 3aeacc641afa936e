import pytest
from doubles.played_world import PlayedWorld

from wyld_rpc.messages import CHANNELS, PROMPT, ROOM, DisconnectReason, RoomDescription, StateUpdateType
from wyld_world.model import presence

ALL_STATES = {
    (StateUpdateType.STATS, ""),
    (StateUpdateType.POSITION, ""),
    (StateUpdateType.INVENTORY, ""),
    (StateUpdateType.EQUIPMENT, ""),
    (StateUpdateType.STATUS_EFFECTS, ""),
    (StateUpdateType.CUSTOM, PROMPT),
    (StateUpdateType.CUSTOM, ROOM),
    (StateUpdateType.CUSTOM, CHANNELS),
}


@pytest.fixture
def played():
    return PlayedWorld("ann", "bob")


def test_whoever_enters_sees_the_room_and_knows_every_state(played):
    cid = played.create("cid")
    played.now = 2_000.0

    presence.enter(played.context(cid))

    ann, bob = played.people
    assert cid.here is played.world.start
    assert cid.last_played == 2_000.0
    assert played.world.playing["cid"] is cid
    assert played.outlet.texts(ann) == played.outlet.texts(bob) == ["Cid wakes and looks around."]
    assert played.outlet.texts(cid)[0] == "You wake in The Yard, Cid."
    assert isinstance(played.outlet.outputs(cid)[1], RoomDescription)
    states = played.outlet.states(cid)
    assert set(states) == ALL_STATES
    assert states[StateUpdateType.CUSTOM, PROMPT] == {"text": "15/15 hp> "}
    assert states[StateUpdateType.POSITION, ""] == {
        "room": "yard.lawn",
        "name": "The Lawn",
        "area": "The Yard",
        "exits": {
            "north": "yard.barn",
            "up": "yard.tree",
            "garden path": "house.hall",
            "well": "yard.cellar",
        },
    }
    assert states[StateUpdateType.STATS, ""] == {
        "name": "Cid",
        "race": "human",
        "class": "farmer",
        "hp": 15,
        "maxhp": 15,
        "attributes": {"strength": 4, "agility": 2},
    }


def test_entering_twice_is_a_mistake_of_the_caller(played):
    with pytest.raises(ValueError, match="in play already"):
        presence.enter(played.context(played.people[0]))


def test_others_see_a_lost_link_once_and_its_return(played):
    ann, bob = played.people

    presence.lose_link(played.context(ann))
    presence.lose_link(played.context(ann))

    assert played.outlet.texts(bob) == ["Ann stares into nothing."]
    assert played.outlet.texts(ann) == []
    assert "Ann, staring into nothing" in played.do(bob, "look")[0]

    played.outlet.clear()
    presence.regain_link(played.context(ann))

    assert played.outlet.texts(bob) == ["Ann blinks and looks around."]
    assert isinstance(played.outlet.outputs(ann)[0], RoomDescription)
    assert set(played.outlet.states(ann)) == ALL_STATES


def test_a_body_taken_over_tells_nobody_but_its_player(played):
    ann, bob = played.people

    presence.regain_link(played.context(ann))

    assert played.outlet.outputs(bob) == []
    assert set(played.outlet.states(ann)) == ALL_STATES


@pytest.mark.parametrize(
    ("reason", "seen"),
    [
        (DisconnectReason.CLIENT_DISCONNECT, "Ann heads home for the night."),
        (DisconnectReason.TIMEOUT, "Ann drifts off to sleep and is carried home."),
        (DisconnectReason.KICKED, "Ann is escorted away by the harbour watch."),
        (DisconnectReason.SERVER_SHUTDOWN, "Ann is gone between one wave and the next."),
    ],
)
def test_whoever_leaves_is_seen_leaving_and_wakes_in_the_same_place(played, reason, seen):
    ann, bob = played.people
    played.do(ann, "up")
    played.put(bob, "yard.tree")
    played.outlet.clear()

    presence.leave(played.context(ann), reason)

    assert played.outlet.texts(bob) == [seen]
    assert ann.location is None
    assert ann.room.key == "yard.tree"
    assert "ann" not in played.world.playing
    presence.enter(played.context(ann))
    assert ann.here.key == "yard.tree"


def test_leaving_twice_does_nothing_the_second_time(played):
    ann, bob = played.people
    presence.leave(played.context(ann), DisconnectReason.TIMEOUT)
    played.outlet.clear()

    presence.leave(played.context(ann), DisconnectReason.TIMEOUT)

    assert played.outlet.outputs(bob) == []


def test_whoever_leaves_leaves_effects_and_a_lost_link_behind(played):
    ann, _ = played.people
    played.do(ann, "wash")
    presence.lose_link(played.context(ann))

    presence.leave(played.context(ann), DisconnectReason.TIMEOUT)

    assert ann.effects == ()
    assert not ann.linkdead


def test_a_character_that_is_not_in_play_has_no_place_in_play(played):
    cid = played.create("cid")

    with pytest.raises(AssertionError, match="not in play"):
        _ = cid.here
    played.journal.set(cid, "sleeps_in", None)
    with pytest.raises(AssertionError, match="nowhere"):
        _ = cid.room

"""Who and what is in the same place, as clients are told it."""

from __future__ import annotations

import pytest
from doubles.played_world import PlayedWorld, everything

from wyld_rpc.messages import CHANNELS, ROOM, DisconnectReason, StateUpdateType, Text
from wyld_world.commands import talking
from wyld_world.model import presence, states
from wyld_world.model.channels import Channel


@pytest.fixture
def played():
    return PlayedWorld("ann", "bob")


def room_of(played, character):
    return played.outlet.states(character)[StateUpdateType.CUSTOM, ROOM]


def told(played):
    """Who was told of the place, in order."""
    return [who.name for who, update in played.outlet.updates if update.name == ROOM]


def names(items):
    return [item["name"] for item in items]


def test_whoever_enters_hears_who_and_what_is_there_and_those_there_hear_of_it(played):
    cid = played.join("cid")

    assert room_of(played, cid)["players"] == ["Ann", "Bob", "Cid"]
    assert "a straw hat" in names(room_of(played, cid)["items"])
    assert room_of(played, cid)["room"] == "yard.lawn"
    assert told(played) == ["Ann", "Bob", "Cid"]


def test_whoever_walks_is_gone_here_and_there_then(played):
    ann, bob = played.people
    cid = played.join("cid")
    played.put(bob, "yard.tree")

    played.do(ann, "up")

    assert room_of(played, ann) == room_of(played, bob)
    assert room_of(played, bob)["players"] == ["Bob", "Ann"]
    assert room_of(played, cid)["players"] == ["Cid"]


@pytest.mark.parametrize("reason", [DisconnectReason.CLIENT_DISCONNECT, DisconnectReason.TIMEOUT])
def test_whoever_leaves_the_game_is_no_longer_there(played, reason):
    ann, bob = played.people

    presence.leave(played.context(ann), reason)

    assert room_of(played, bob)["players"] == ["Bob"]
    assert told(played) == ["Bob"]


def test_item_that_is_taken_and_dropped_again_is_seen_by_everyone_there(played):
    ann, bob = played.people

    played.do(ann, "get hat")
    assert "a straw hat" not in names(room_of(played, bob)["items"])
    played.do(ann, "drop hat")

    assert names(room_of(played, bob)["items"])[-1] == "a straw hat"
    assert told(played) == ["Ann", "Bob"]


def test_pile_that_shrinks_is_seen_with_its_new_number(played):
    ann, bob = played.people

    played.do(ann, "get 4 coins")

    assert "6 coins" in names(room_of(played, bob)["items"])


def test_what_is_part_of_the_place_is_not_among_its_items(played):
    fixed = [item.name for item in played.people[0].here.items if not item.prototype.listed]

    played.join("cid")

    assert fixed
    assert not set(fixed) & set(names(room_of(played, played.people[0])["items"]))


def test_nobody_is_told_twice(played):
    ann, _ = played.people

    played.do(ann, "say hello")
    assert told(played) == []
    states.refresh_room(played.journal, played.outlet, ann.here)

    assert told(played) == []


def test_crowd_is_told_once_that_it_is_one_and_again_when_it_is_none(played):
    ann, _ = played.people
    crowd = [played.join("x" + chr(ord("a") + n), 1 + n // 10) for n in range(states.CROWD - 1)]

    assert room_of(played, ann) == {"room": "yard.lawn", "crowded": True, "players": [], "items": []}
    played.outlet.clear()
    late = played.join("late", 9)
    played.do(ann, "get hat")
    assert told(played) == []

    played.do(late, "up")
    assert told(played) == ["Late"]
    played.do(crowd[0], "up")
    assert len(told(played)) == states.CROWD + 2
    assert len(room_of(played, ann)["players"]) == states.CROWD


def test_heap_is_told_up_to_its_limit(played, monkeypatch):
    monkeypatch.setattr(states, "HEAP", 2)

    cid = played.join("cid")

    assert len(room_of(played, cid)["items"]) == 2


def test_undone_command_leaves_what_everyone_was_told_as_it_was(played):
    ann, _ = played.people
    before, mark = everything(played.world), played.journal.mark()

    played.do(ann, "get hat", "up")
    played.journal.undo_to(mark)

    assert everything(played.world) == before


def test_every_channel_is_told_and_can_be_talked_on(played):
    ann, bob = played.people
    cid = played.join("cid")

    listed = played.outlet.states(cid)[StateUpdateType.CUSTOM, CHANNELS]["channels"]

    assert [channel["name"] for channel in listed] == [channel.value for channel in Channel]
    assert {channel["command"] for channel in listed} <= {command.name for command in talking.FAMILY.commands}
    for channel in Channel:
        played.do(ann, f"{channel.value} {'bob ' if channel is Channel.TELL else ''}well then")
        (heard,) = played.outlet.outputs(bob)
        assert isinstance(heard, Text)
        assert (heard.channel, heard.talker) == (channel.value, "Ann")

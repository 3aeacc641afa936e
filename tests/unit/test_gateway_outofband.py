"""The one table from states and outputs to clients' protocols."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from doubles.played_world import PlayedWorld
from hypothesis import given
from hypothesis import strategies as st

from wyld_gateway import outofband
from wyld_gateway.outofband import gmcp_messages, msdp_variables, of_output, room_number
from wyld_gateway.telnet.constants import OptionCode
from wyld_gateway.telnet.gmcp_login import OFFER, Credentials, encode_result, read_credentials
from wyld_gateway.telnet.limits import BODIES
from wyld_gateway.telnet.options.gmcp import MAX_NAME, MAX_PACKAGES, decode_message
from wyld_gateway.telnet.options.msdp import decode_pairs, encode_pairs
from wyld_rpc.messages import (
    CHANNELS,
    PROMPT,
    ROOM,
    EntityStateUpdate,
    StateUpdateType,
    Structured,
    System,
    Text,
)
from wyld_world.model.states import CROWD

CUSTOM = StateUpdateType.CUSTOM
STATS = {
    "name": "Ann", "race": "human", "class": "farmer", "hp": 12, "maxhp": 15, "attributes": {"strength": 4}
}  # fmt: skip
POSITION = {
    "room": "yard.lawn",
    "name": "The Lawn",
    "area": "The Yard",
    "exits": {"north": "yard.barn", "well": "yard.cellar"},
}
AROUND = {
    "room": "yard.lawn",
    "crowded": False,
    "players": ["Ann", "Bob"],
    "items": [{"id": "0a", "name": "a hat", "count": 1}],
}


def gmcp(kind, new, known=None, name=""):
    return list(gmcp_messages(known, EntityStateUpdate(kind, new, name)))


def msdp(kind, data, name=""):
    return msdp_variables(EntityStateUpdate(kind, data, name))


# The character.


def test_character_that_is_new_is_told_whole():
    assert gmcp(StateUpdateType.STATS, STATS) == [
        ("Char.Name", {"name": "Ann", "fullname": "Ann"}),
        (
            "Char.StatusVars",
            {"name": "Name", "race": "Race", "class": "Class", "strength": "Strength"},
        ),
        ("Char.Status", {"name": "Ann", "race": "human", "class": "farmer", "strength": 4}),
        ("Char.Vitals", {"hp": 12, "maxhp": 15}),
    ]


@pytest.mark.parametrize(
    ("change", "messages"),
    [
        ({}, []),
        ({"hp": 11}, [("Char.Vitals", {"hp": 11, "maxhp": 15})]),
        (
            {"attributes": {"strength": 5}},
            [("Char.Status", {"name": "Ann", "race": "human", "class": "farmer", "strength": 5})],
        ),
    ],
)
def test_character_that_changed_is_told_as_far_as_it_changed(change, messages):
    assert gmcp(StateUpdateType.STATS, STATS | change, STATS) == messages


def test_character_in_msdp():
    assert msdp(StateUpdateType.STATS, STATS) == {
        "CHARACTER_NAME": "Ann",
        "RACE": "human",
        "CLASS": "farmer",
        "HEALTH": "12",
        "HEALTH_MAX": "15",
        "ATTRIBUTES": {"STRENGTH": "4"},
    }


def test_effects():
    wet, dry = {"effects": [{"name": "wet", "until": 17.5}]}, {"effects": []}
    later = {"effects": [{"name": "wet", "until": 99.0}]}

    assert gmcp(StateUpdateType.STATUS_EFFECTS, dry) == [("Char.Afflictions.List", [])]
    assert gmcp(StateUpdateType.STATUS_EFFECTS, wet, dry) == [("Char.Afflictions.List", [{"name": "wet"}])]
    assert gmcp(StateUpdateType.STATUS_EFFECTS, later, wet) == []
    assert msdp(StateUpdateType.STATUS_EFFECTS, wet) == {"AFFECTS": {"wet": "17"}}


# The room.


def test_room_is_told_with_numbers_and_short_directions():
    lawn, barn, cellar = map(room_number, ("yard.lawn", "yard.barn", "yard.cellar"))

    assert gmcp(StateUpdateType.POSITION, POSITION) == [
        (
            "Room.Info",
            {
                "num": lawn,
                "id": "yard.lawn",
                "name": "The Lawn",
                "area": "The Yard",
                "exits": {"n": barn, "well": cellar},
            },
        )
    ]
    assert gmcp(StateUpdateType.POSITION, POSITION, POSITION) == []
    assert msdp(StateUpdateType.POSITION, POSITION) == {
        "ROOM": {
            "VNUM": str(lawn),
            "NAME": "The Lawn",
            "AREA": "The Yard",
            "EXITS": {"n": str(barn), "well": str(cellar)},
        }
    }


@given(st.text())
def test_number_of_a_room_fits_a_client_s_map_and_stays(key):
    assert 0 < room_number(key) < 2**31
    assert room_number(key) == room_number(key)


def test_number_of_a_room_is_the_same_for_every_gateway_and_release():
    assert room_number("harbour.quay") == 77_114_448


def test_rooms_of_a_large_world_have_numbers_of_their_own():
    assert len({room_number(f"area{n // 100}.room{n}") for n in range(3000)}) == 3000


def test_those_in_a_room_are_listed_on_arrival_and_told_one_by_one_afterwards():
    before = AROUND | {"players": ["Ann", "Cid"]}

    assert gmcp(CUSTOM, AROUND, name=ROOM) == [
        ("Room.Players", [{"name": "Ann", "fullname": "Ann"}, {"name": "Bob", "fullname": "Bob"}]),
        ("Char.Items.List", {"location": "room", "items": [{"id": "0a", "name": "a hat"}]}),
    ]
    assert gmcp(CUSTOM, AROUND, before, ROOM) == [
        ("Room.RemovePlayer", "Cid"),
        ("Room.AddPlayer", {"name": "Bob", "fullname": "Bob"}),
    ]
    assert gmcp(CUSTOM, AROUND, AROUND, ROOM) == []


@pytest.mark.parametrize("change", [{"room": "yard.barn"}, {"crowded": True, "players": [], "items": []}])
def test_another_room_or_a_crowd_is_told_anew(change):
    new = AROUND | change

    names = [name for name, _ in gmcp(CUSTOM, new, AROUND, ROOM)]

    assert names == ["Room.Players", "Char.Items.List"]


def test_room_in_msdp():
    assert msdp(CUSTOM, AROUND, ROOM) == {"ROOM_PLAYERS": ["Ann", "Bob"], "ROOM_ITEMS": ["a hat"]}


# Things.


def test_things_come_go_and_change_one_by_one():
    hat, coins = {"id": "0a", "name": "a hat", "count": 1}, {"id": "0b", "name": "10 coins", "count": 10}
    fewer, bag = coins | {"name": "4 coins"}, {"id": "0c", "name": "a bag", "count": 1}

    messages = gmcp(StateUpdateType.INVENTORY, {"items": [fewer, bag]}, {"items": [hat, coins]})

    assert messages == [
        ("Char.Items.Remove", {"location": "inv", "item": {"id": "0a", "name": "a hat"}}),
        ("Char.Items.Update", {"location": "inv", "item": {"id": "0b", "name": "4 coins"}}),
        ("Char.Items.Add", {"location": "inv", "item": {"id": "0c", "name": "a bag"}}),
    ]
    assert msdp(StateUpdateType.INVENTORY, {"items": [fewer, bag]}) == {"INVENTORY": ["4 coins", "a bag"]}


def test_what_is_worn_has_the_place_for_its_id():
    worn = {"head": "a hat"}

    assert gmcp(StateUpdateType.EQUIPMENT, worn) == [
        ("Char.Items.List", {"location": "worn", "items": [{"id": "head", "name": "a hat", "attrib": "w"}]})
    ]
    assert gmcp(StateUpdateType.EQUIPMENT, {}, worn) == [
        ("Char.Items.Remove", {"location": "worn", "item": {"id": "head", "name": "a hat", "attrib": "w"}})
    ]
    assert msdp(StateUpdateType.EQUIPMENT, worn) == {"EQUIPMENT": {"HEAD": "a hat"}}


# Channels and outputs.


def test_channels_are_told_once():
    channels = {"channels": [{"name": "ooc", "caption": "Out of character", "command": "ooc"}]}

    assert gmcp(CUSTOM, channels, name=CHANNELS) == [("Comm.Channel.List", channels["channels"])]
    assert gmcp(CUSTOM, channels, channels, CHANNELS) == []
    assert msdp(CUSTOM, channels, CHANNELS) == {}


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (Text("It rains."), None),
        (System("Saved."), None),
        (Structured("score", {}, "Well."), None),
        (
            Text("[ooc] Ann: hi", "ooc", "Ann"),
            ("Comm.Channel.Text", {"channel": "ooc", "talker": "Ann", "text": "[ooc] Ann: hi"}),
        ),
        (Text("A voice", "say"), ("Comm.Channel.Text", {"channel": "say", "talker": "", "text": "A voice"})),
        (
            Structured("who", {"players": [{"name": "Ann", "race": "human"}]}, "Ann."),
            ("Comm.Channel.Players", [{"name": "Ann"}]),
        ),
    ],
)
def test_outputs_that_carry_more_than_text(output, message):
    assert of_output(output) == message


# The table.


def test_state_without_a_row_is_nothing_to_these_protocols():
    assert gmcp(CUSTOM, {"text": "> "}, name=PROMPT) == []
    assert msdp(CUSTOM, {"phase": "full"}, "moon") == {}


def test_every_kind_of_state_has_a_row():
    assert {kind for kind, _ in outofband.TABLE} == set(StateUpdateType)


@pytest.mark.parametrize(
    "data", [{}, {"items": 7, "exits": [], "players": "Ann", "attributes": 3, "effects": None}]
)
@pytest.mark.parametrize("key", outofband.TABLE, ids=str)
def test_state_that_lacks_what_it_should_have_raises_nothing(key, data):
    kind, name = key

    json.dumps(gmcp(kind, data, name=name) + gmcp(kind, data, {}, name))
    encode_pairs(msdp(kind, data, name).items())


def test_rows_give_what_they_declare_and_every_value_can_be_written():
    played = PlayedWorld("ann", "bob")
    ann, _ = played.people
    for line in (
        "get hat",
        "wear hat",
        "get coins",
        "wash",
        "garden path",
        "drop coins",
        "remove hat",
        "say hi",
    ):
        played.do(ann, line)
        known = {}
        for who, update in played.outlet.updates:
            key = outofband.key_of(update)
            if who is not ann or key not in outofband.TABLE:
                continue
            row = outofband.TABLE[key]
            messages = list(gmcp_messages(known.get(key), update))
            known[key] = update.data
            assert {name for name, _ in messages} <= set(row.messages)
            json.dumps(messages)
            variables = msdp_variables(update)
            assert set(variables) == set(row.variables)
            assert decode_pairs(encode_pairs(variables.items())) == list(variables.items())


# docs/client-authors.md.

DOCUMENT = (Path(__file__).parents[2] / "docs" / "client-authors.md").read_text("utf-8")


def documented(side):
    blocks = re.findall(rf"```gmcp {side}\n(.*?)```", DOCUMENT, re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def test_the_table_for_client_authors_is_that_of_the_code():
    def cell(names):
        return f" {' '.join(f'`{name}`' for name in names)} " if names else " "

    rows = [
        f"| {kind.value}{f': {name}' if name else ''} |{cell(row.messages)}|{cell(row.variables)}|"
        for (kind, name), row in outofband.TABLE.items()
    ]

    assert "\n".join(rows) in DOCUMENT
    assert f"`{outofband.CHANNEL_TEXT}` with" in DOCUMENT
    assert f"`{outofband.CHANNEL_PLAYERS}` with" in DOCUMENT
    assert f"Directions are `{' '.join(outofband.SHORT_DIRECTIONS.values())}`" in DOCUMENT


def test_the_limits_for_client_authors_are_those_of_the_code():
    assert f"At most {MAX_PACKAGES} packages, of {MAX_NAME} characters." in DOCUMENT
    assert f"more than {CROWD} players" in DOCUMENT
    assert (BODIES[OptionCode.GMCP], BODIES[OptionCode.MSDP]) == (64 * 1024, 16 * 1024)


def test_the_login_for_client_authors_is_that_of_the_code():
    written = [
        OFFER,
        encode_result(True, ""),
        encode_result(False, "That name and password do not go together."),
    ]
    (credentials,) = documented("client")

    assert documented("server") == [data[3:-2].decode() for data in written]
    assert read_credentials(decode_message(credentials.encode())) == Credentials("ann", "correct horse")

"""What clients' programs are told of the game beside its text: one table, for every protocol that has a place for it.

The world speaks in states (what is true now, `EntityStateUpdate`) and in outputs. `TABLE` has a row for each state that clients of more
than one kind can use: the messages that it becomes in GMCP, and the variables that it becomes in MSDP. A wyld.v1 client gets every
state as it is, whether or not it has a row, under its kind and name. `of_output` is the same for the two outputs that carry more than
their text: the lines of channels, and the list of players.

GMCP messages follow from two states, the one that the client knows and the new one, because only what changed is sent: a thing picked
up is one `Char.Items.Add` and no new list. With nothing known, everything is new.

Rooms and directions: clients' maps want a whole number for each room and the usual short names of the directions. The number is made
from the room's key, so that it is the same on every gateway and after every restart.

The world is trusted to speak sense, but what is missing in a state is left out of what follows from it. Pure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, TypeAlias

import attrs

from wyld_rpc.messages import (
    CHANNELS,
    ROOM,
    EntityStateUpdate,
    GameOutput,
    Json,
    StateUpdateType,
    Structured,
    Text,
)

GmcpData: TypeAlias = tuple[str, Any]
"""The name of a message and its data."""

Variables: TypeAlias = dict[str, Any]
"""MSDP variables; values are texts, lists and dicts of them."""

StateKey: TypeAlias = tuple[StateUpdateType, str]
"""Kind and name of a state."""

_ROOMS_KEPT: Final = 4096
"""Numbers of rooms that are kept instead of made anew."""


@attrs.frozen
class Row:
    """One state in the clients' protocols.

    Attributes:
        gmcp: The messages that take a client from the first state, None for nothing known, to the second.
        msdp: The variables that a state becomes.
        messages: The names of all messages that `gmcp` may give.
        variables: The names of all variables that `msdp` gives.
    """

    gmcp: Callable[[Json | None, Json], Iterator[GmcpData]]
    msdp: Callable[[Json], Variables]
    messages: tuple[str, ...]
    variables: tuple[str, ...] = ()


def key_of(update: EntityStateUpdate) -> StateKey:
    return update.kind, update.name


def gmcp_messages(known: Json | None, update: EntityStateUpdate) -> Iterator[GmcpData]:
    """What a GMCP client that knows the data `known` of the same state must hear; nothing for a state without a row."""
    row = TABLE.get(key_of(update))
    if row is not None:
        yield from row.gmcp(known, update.data)


def msdp_variables(update: EntityStateUpdate) -> Variables:
    """The values of all variables that follow from a state."""
    row = TABLE.get(key_of(update))
    return {} if row is None else row.msdp(update.data)


def of_output(output: GameOutput) -> GmcpData | None:
    """The GMCP message that goes with an output; None for most."""
    if isinstance(output, Text):
        if output.channel is None:
            return None
        data = {"channel": output.channel, "talker": output.talker or "", "text": output.text}
        return CHANNEL_TEXT, data
    if isinstance(output, Structured) and output.topic == "who":
        players = [{"name": player["name"]} for player in _maps(output.data, "players")]
        return CHANNEL_PLAYERS, players
    return None


CHANNEL_TEXT: Final = "Comm.Channel.Text"
CHANNEL_PLAYERS: Final = "Comm.Channel.Players"
OF_OUTPUTS: Final = (CHANNEL_TEXT, CHANNEL_PLAYERS)
"""Every message that `of_output` may give."""


# ------------------------------------------------------------------------------------------------------------ reading


def _maps(data: Json, name: str) -> list[Json]:
    """The list of named things in a state; empty where there is none."""
    value = data.get(name)
    return (
        [item for item in value if isinstance(item, dict) and "name" in item]
        if isinstance(value, list)
        else []
    )


def _map(data: Json | None, name: str) -> Json:
    value = (data or {}).get(name)
    return value if isinstance(value, dict) else {}


def _texts(data: Json, name: str) -> list[str]:
    value = data.get(name)
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


# -------------------------------------------------------------------------------------------------------- the character


def _character_gmcp(known: Json | None, new: Json) -> Iterator[GmcpData]:
    known = known or {}
    if known.get("name") != new.get("name"):
        yield "Char.Name", {"name": new.get("name", ""), "fullname": new.get("name", "")}
    if _captions(known) != _captions(new):
        yield "Char.StatusVars", _captions(new)
    if _status(known) != _status(new):
        yield "Char.Status", _status(new)
    if _vitals(known) != _vitals(new):
        yield "Char.Vitals", _vitals(new)


def _vitals(stats: Json) -> Json:
    """Points that come and go, each with its maximum."""
    return {name: value for name, value in stats.items() if isinstance(value, int)}


def _status(stats: Json) -> Json:
    """What describes the character: words, and attributes."""
    words = {name: value for name, value in stats.items() if isinstance(value, str)}
    return words | _map(stats, "attributes")


def _captions(stats: Json) -> Json:
    return {name: name.capitalize() for name in _status(stats)}


def _character_msdp(stats: Json) -> Variables:
    variables: Variables = {
        variable: str(stats[name]) for name, variable in _CHARACTER_VARIABLES.items() if name in stats
    }
    attributes = {name.upper(): str(value) for name, value in _map(stats, "attributes").items()}
    return variables | {"ATTRIBUTES": attributes}


_CHARACTER_VARIABLES = {
    "name": "CHARACTER_NAME",
    "race": "RACE",
    "class": "CLASS",
    "hp": "HEALTH",
    "maxhp": "HEALTH_MAX",
}


def _effects_gmcp(known: Json | None, new: Json) -> Iterator[GmcpData]:
    effects = [{"name": effect["name"]} for effect in _maps(new, "effects")]
    if known is None or effects != [{"name": effect["name"]} for effect in _maps(known, "effects")]:
        yield "Char.Afflictions.List", effects


def _effects_msdp(data: Json) -> Variables:
    """The usual form: a table of names, each with the time at which it ends, in seconds since 1970."""
    return {
        "AFFECTS": {effect["name"]: str(int(effect.get("until", 0))) for effect in _maps(data, "effects")}
    }


# -------------------------------------------------------------------------------------------------------------- the room


SHORT_DIRECTIONS: Final[Mapping[str, str]] = {
    "north": "n",
    "northeast": "ne",
    "east": "e",
    "southeast": "se",
    "south": "s",
    "southwest": "sw",
    "west": "w",
    "northwest": "nw",
    "up": "u",
    "down": "d",
}


@lru_cache(_ROOMS_KEPT)
def room_number(key: str) -> int:
    """A number from 1 to 2^31 - 1, which is what clients' maps can store. Two rooms of a world of ten thousand have the same one
    with a probability of about one in forty; scripts that must be sure use the key."""
    digest = hashlib.blake2b(key.encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % (2**31 - 1) + 1


def _exits(position: Json) -> dict[str, int]:
    exits = _map(position, "exits")
    return {SHORT_DIRECTIONS.get(name, name): room_number(str(key)) for name, key in exits.items()}


def _position_gmcp(known: Json | None, new: Json) -> Iterator[GmcpData]:
    if known == new:
        return
    key = str(new.get("room", ""))
    yield (
        "Room.Info",
        {
            "num": room_number(key),
            "id": key,
            "name": new.get("name", ""),
            "area": new.get("area", ""),
            "exits": _exits(new),
        },
    )


def _position_msdp(position: Json) -> Variables:
    return {
        "ROOM": {
            "VNUM": str(room_number(str(position.get("room", "")))),
            "NAME": str(position.get("name", "")),
            "AREA": str(position.get("area", "")),
            "EXITS": {name: str(number) for name, number in _exits(position).items()},
        }
    }


def _room_gmcp(known: Json | None, new: Json) -> Iterator[GmcpData]:
    players = _texts(new, "players")
    if known is None or known.get("room") != new.get("room") or known.get("crowded") != new.get("crowded"):
        yield "Room.Players", [_player(name) for name in players]
        known = None
    else:
        before = _texts(known, "players")
        for name in before:
            if name not in players:
                yield "Room.RemovePlayer", name
        for name in players:
            if name not in before:
                yield "Room.AddPlayer", _player(name)
    yield from _item_changes("room", None if known is None else _items(known), _items(new))


def _player(name: str) -> Json:
    return {"name": name, "fullname": name}


def _room_msdp(room: Json) -> Variables:
    return {
        "ROOM_PLAYERS": _texts(room, "players"),
        "ROOM_ITEMS": [item["name"] for item in _maps(room, "items")],
    }


# ----------------------------------------------------------------------------------------------------------------- things


def _items(data: Json) -> dict[str, Json]:
    return {
        str(item.get("id", "")): {"id": item.get("id", ""), "name": item["name"]}
        for item in _maps(data, "items")
    }


def _item_changes(location: str, known: dict[str, Json] | None, new: dict[str, Json]) -> Iterator[GmcpData]:
    if known is None:
        yield "Char.Items.List", {"location": location, "items": list(new.values())}
        return
    for id_, item in known.items():
        if id_ not in new:
            yield "Char.Items.Remove", {"location": location, "item": item}
    for id_, item in new.items():
        if id_ not in known:
            yield "Char.Items.Add", {"location": location, "item": item}
        elif item != known[id_]:
            yield "Char.Items.Update", {"location": location, "item": item}


def _inventory_gmcp(known: Json | None, new: Json) -> Iterator[GmcpData]:
    return _item_changes("inv", None if known is None else _items(known), _items(new))


def _inventory_msdp(data: Json) -> Variables:
    return {"INVENTORY": [item["name"] for item in _maps(data, "items")]}


def _equipment_gmcp(known: Json | None, new: Json) -> Iterator[GmcpData]:
    return _item_changes("worn", None if known is None else _worn(known), _worn(new))


def _worn(slots: Json) -> dict[str, Json]:
    """What is worn has no id here but the place where it is worn."""
    return {slot: {"id": slot, "name": name, "attrib": "w"} for slot, name in slots.items()}


def _equipment_msdp(slots: Json) -> Variables:
    return {"EQUIPMENT": {slot.upper(): str(name) for slot, name in slots.items()}}


# --------------------------------------------------------------------------------------------------------------- channels


def _channels_gmcp(known: Json | None, new: Json) -> Iterator[GmcpData]:
    if known != new:
        yield "Comm.Channel.List", _maps(new, "channels")


def _nothing(_: Json) -> Variables:
    return {}


# ---------------------------------------------------------------------------------------------------------------- the table

_ITEM_MESSAGES = ("Char.Items.List", "Char.Items.Add", "Char.Items.Update", "Char.Items.Remove")

TABLE: Final[Mapping[StateKey, Row]] = {
    (StateUpdateType.STATS, ""): Row(
        _character_gmcp,
        _character_msdp,
        ("Char.Name", "Char.StatusVars", "Char.Status", "Char.Vitals"),
        (*_CHARACTER_VARIABLES.values(), "ATTRIBUTES"),
    ),
    (StateUpdateType.STATUS_EFFECTS, ""): Row(
        _effects_gmcp, _effects_msdp, ("Char.Afflictions.List",), ("AFFECTS",)
    ),
    (StateUpdateType.POSITION, ""): Row(_position_gmcp, _position_msdp, ("Room.Info",), ("ROOM",)),
    (StateUpdateType.CUSTOM, ROOM): Row(
        _room_gmcp,
        _room_msdp,
        ("Room.Players", "Room.AddPlayer", "Room.RemovePlayer", *_ITEM_MESSAGES),
        ("ROOM_PLAYERS", "ROOM_ITEMS"),
    ),
    (StateUpdateType.INVENTORY, ""): Row(_inventory_gmcp, _inventory_msdp, _ITEM_MESSAGES, ("INVENTORY",)),
    (StateUpdateType.EQUIPMENT, ""): Row(_equipment_gmcp, _equipment_msdp, _ITEM_MESSAGES, ("EQUIPMENT",)),
    (StateUpdateType.CUSTOM, CHANNELS): Row(_channels_gmcp, _nothing, ("Comm.Channel.List",)),
}
"""In the order in which a client that asks late hears of them."""

STATE_OF_VARIABLE: Final[Mapping[str, StateKey]] = {
    name: key for key, row in TABLE.items() for name in row.variables
}
"""Every MSDP variable, and the state that it follows from."""

"""What a player's client is told to be true of its character: one builder for each kind of state, and when they are sent.

Nobody who changes the world sends states: `refresh` finds in the journal what a command changed and sends what follows from it, so
that a state cannot be forgotten. The shapes of `data` are an interface for clients' scripts:

- STATS `{"name", "race", "class", "hp", "maxhp", "attributes": {name: value}}`
- POSITION `{"room": key, "name", "area", "exits": {name: key}}`
- INVENTORY `{"items": [{"id": hex, "name", "count"}]}`, what is carried and not worn
- EQUIPMENT `{slot: name}`, what is worn
- STATUS_EFFECTS `{"effects": [{"name", "until": seconds since 1970}]}`
- CUSTOM, name "room" `{"room": key, "crowded": bool, "players": [name], "items": [{"id": hex, "name", "count"}]}`, who and what
  is in the same place, the character itself included. In a crowd both lists are empty, and stay so while it lasts.
- CUSTOM, name "channels" `{"channels": [{"name", "caption", "command"}]}`, which never changes
- CUSTOM, name "prompt" `{"text"}`, sent only when the text has changed

The state "room" is the only one that others cause. It is one object for everyone in the place, each remembers the one it was sent,
and a crowd is told once that it is one: a move costs no more than `CROWD` small states on either side, however many are there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final

from wyld_rpc.messages import CHANNELS, PROMPT, ROOM, EntityStateUpdate, Json, StateUpdateType
from wyld_world.model.channels import Channel
from wyld_world.model.journal import Changeable, Journal, Mark
from wyld_world.model.outlet import Outlet
from wyld_world.model.things import Character, Item, Room, Surroundings
from wyld_world.model.views import worn

CROWD: Final = 20
"""Players in one place of whom each is told of every other; beyond it clients hear of none."""

HEAP: Final = 20
"""Items of one place that clients hear of, in the order in which they came."""


def send_all(journal: Journal, outlet: Outlet, character: Character) -> None:
    """Every state of a character in play, the prompt too, for a client that may know none of them. Others in the same place hear
    of whoever was not there before."""
    for kind in _BUILDERS:
        send(outlet, character, kind)
    outlet.state(character, _CHANNELS)
    journal.set(character, "surroundings", None)
    refresh_room(journal, outlet, character.here)
    journal.set(character, "prompt", prompt(character))
    _send_prompt(outlet, character)


def send(outlet: Outlet, character: Character, kind: StateUpdateType) -> None:
    """One state as it is now. `kind` is any but `CUSTOM`."""
    outlet.state(character, EntityStateUpdate(kind, _BUILDERS[kind](character)))


def refresh(journal: Journal, mark: Mark, outlet: Outlet) -> None:
    """Send every state that became another since `mark`, to those in play, each once."""
    if journal.mark() == mark:
        return
    stale: dict[Character, dict[StateUpdateType, None]] = {}
    rooms: dict[Room, None] = {}
    for thing, field, old in journal.changed_since(mark):
        for character, kind in _affected(thing, field, old):
            stale.setdefault(character, {})[kind] = None
        if field in _SEEN_AROUND and isinstance(thing, Character | Item):
            rooms |= dict.fromkeys(place for place in (old, thing.location) if isinstance(place, Room))
    for character, kinds in stale.items():
        if character.location is None:
            continue
        for kind in kinds:
            send(outlet, character, kind)
        text = prompt(character)
        if text != character.prompt:
            journal.set(character, "prompt", text)
            _send_prompt(outlet, character)
    for room in rooms:
        refresh_room(journal, outlet, room)


def refresh_room(journal: Journal, outlet: Outlet, room: Room) -> None:
    """Send who and what is in a room to those there who were told otherwise."""
    around = _surroundings(room)
    told_otherwise = [character for character in room.characters if character.surroundings != around]
    if told_otherwise:
        update = EntityStateUpdate(StateUpdateType.CUSTOM, _room(around), ROOM)
        for character in told_otherwise:
            journal.set(character, "surroundings", around)
            outlet.state(character, update)


def prompt(character: Character) -> str:
    conditions = "".join(f", {effect.name}" for effect in character.effects)
    return f"{character.hp}/{character.max_hp} hp{conditions}> "


def _send_prompt(outlet: Outlet, character: Character) -> None:
    outlet.state(character, EntityStateUpdate(StateUpdateType.CUSTOM, {"text": character.prompt}, PROMPT))


_OF_A_CHARACTER = {
    "hp": StateUpdateType.STATS,
    "effects": StateUpdateType.STATUS_EFFECTS,
    "location": StateUpdateType.POSITION,
}


def _affected(thing: Changeable, field: str, old: object) -> Iterator[tuple[Character, StateUpdateType]]:
    """Whose states follow from this field, and which."""
    if isinstance(thing, Character):
        if field in _OF_A_CHARACTER:
            yield thing, _OF_A_CHARACTER[field]
    elif isinstance(thing, Item):
        holders = (thing.location, old) if field == "location" else (thing.location,)
        for holder in holders:
            if isinstance(holder, Character):
                yield holder, StateUpdateType.INVENTORY
                if thing.prototype.slot is not None:
                    yield holder, StateUpdateType.EQUIPMENT


_SEEN_AROUND = frozenset({"location", "count"})
"""The fields whose change others in the same place can see."""


def _surroundings(room: Room) -> Surroundings:
    if len(room.characters) > CROWD:
        return Surroundings(room.key, crowded=True)
    items = islice((item for item in room.items if item.prototype.listed), HEAP)
    return Surroundings(
        room.key,
        crowded=False,
        players=tuple([character.name for character in room.characters]),
        items=tuple([(item.id, item.name, item.count) for item in items]),
    )


def _room(around: Surroundings) -> Json:
    return {
        "room": around.room,
        "crowded": around.crowded,
        "players": list(around.players),
        "items": [{"id": id_.hex(), "name": name, "count": count} for id_, name, count in around.items],
    }


_CHANNELS = EntityStateUpdate(
    StateUpdateType.CUSTOM,
    {"channels": [{"name": c.value, "caption": c.caption, "command": c.value} for c in Channel]},
    CHANNELS,
)


def _stats(character: Character) -> Json:
    return {
        "name": character.name,
        "race": character.race,
        "class": character.character_class,
        "hp": character.hp,
        "maxhp": character.max_hp,
        "attributes": dict(character.attributes),
    }


def _position(character: Character) -> Json:
    room = character.here
    return {
        "room": room.key,
        "name": room.name,
        "area": room.area.name,
        "exits": {name: exit_.to.key for name, exit_ in room.exits.items()},
    }


def _inventory(character: Character) -> Json:
    return {
        "items": [
            {"id": item.id.hex(), "name": item.name, "count": item.count}
            for item in character.items
            if not item.worn
        ]
    }


def _equipment(character: Character) -> Json:
    return {slot.value: item.name for slot, item in worn(character).items()}


def _status_effects(character: Character) -> Json:
    return {"effects": [{"name": effect.name, "until": effect.until} for effect in character.effects]}


_BUILDERS: dict[StateUpdateType, Callable[[Character], Json]] = {
    StateUpdateType.STATS: _stats,
    StateUpdateType.POSITION: _position,
    StateUpdateType.INVENTORY: _inventory,
    StateUpdateType.EQUIPMENT: _equipment,
    StateUpdateType.STATUS_EFFECTS: _status_effects,
}

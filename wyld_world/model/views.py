"""What a player sees of a room and of those in it. Pure: reads the model, changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice

from wyld_rpc.messages import RoomDescription
from wyld_world.model.prototypes import Slot
from wyld_world.model.things import Character, Exit, Item, Npc, Room
from wyld_world.model.wording import capital, definite

LISTED = 60
"""People, or things, that a description names before it only counts: a crowd must not fill a frame of the link, nor a screen."""


def describe(room: Room, viewer: Character) -> RoomDescription:
    """The room as `viewer`, who is in it, sees it."""
    people = (person(other) for other in room.characters if other is not viewer)
    residents = (npc.name for npc in room.npcs)
    items = (item.name for item in room.items if item.prototype.listed)
    return RoomDescription(
        room.name,
        room.description,
        tuple(way(exit_) for exit_ in room.exits.values()),
        _shortened(chain(residents, people), len(room.npcs) + len(room.characters) - 1),
        _shortened(items, sum(item.prototype.listed for item in room.items)),
    )


def person(character: Character) -> str:
    """A name, with what anyone would notice at a glance."""
    conditions = [effect.name for effect in character.effects]
    if character.linkdead:
        conditions.append("staring into nothing")
    return ", ".join((character.name, *conditions))


def way(exit_: Exit) -> str:
    return f"{exit_.name} (closed)" if exit_.closed else exit_.name


def called(who: Character | Npc) -> str:
    """A name within a sentence about someone who has been seen: "Ann", "the straw dummy"."""
    return definite(who.name)


def title(who: Character | Npc) -> str:
    """The same at the beginning of a sentence."""
    return capital(called(who))


def others(room: Room, *without: Character) -> list[Character]:
    """Everyone in play here but those; a new list."""
    people = room.characters.copy()
    for character in without:
        people.remove(character)
    return people


def worn(character: Character) -> dict[Slot, Item]:
    """What a character wears, from head to foot."""
    wearing = {item.prototype.slot: item for item in character.items if item.worn}
    return {slot: wearing[slot] for slot in Slot if slot in wearing}


def _shortened(names: Iterator[str], number: int) -> tuple[str, ...]:
    """The first names; how many more there are of `number` is counted, without making their names."""
    shown = tuple(islice(names, LISTED))
    return shown if number <= LISTED else (*shown, f"{number - LISTED:,} more")

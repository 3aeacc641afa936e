"""Durable things to rows, and rows back to things.

Pure. Rows that come back are taken from the database that this code wrote; what the area files no longer know is the author's doing
and reported, not refused: see `World.restore`.
"""

from __future__ import annotations

from wyld_world.model.prototypes import Areas
from wyld_world.model.rows import CharacterRow, EntityKind, EntityRow
from wyld_world.model.things import Character, Door, Durable, Item, Room

BASE_HEALTH = 10


def entity_row(thing: Durable) -> EntityRow:
    """A snapshot of a thing and of where it is. Raises `ValueError` for an item that is nowhere."""
    if isinstance(thing, Item):
        place = thing.location
        if place is None:
            raise ValueError(f"{thing.name} is nowhere")
        room, container = (place.key, None) if isinstance(place, Room) else (None, place.id)
        data = {"count": thing.count, "worn": thing.worn}
        return EntityRow(
            thing.id, EntityKind.ITEM, thing.prototype.key, thing.prototype.name, room, container, data
        )
    if isinstance(thing, Door):
        data = {"open": thing.open}
        return EntityRow(thing.id, EntityKind.DOOR, thing.prototype.key, thing.name, thing.room, None, data)
    return EntityRow(thing.id, EntityKind.CHARACTER, "", thing.name, thing.room.key, None, {})


def character_row(character: Character) -> CharacterRow:
    """A snapshot of what lasts of a character beside its `EntityRow`."""
    return CharacterRow(
        character.id,
        character.account_id,
        character.name,
        character.race,
        character.character_class,
        dict(character.attributes),
        character.description,
        dict(character.metadata),
        character.created,
        character.last_played,
    )


def max_hp(areas: Areas, race: str, character_class: str, attributes: dict[str, int]) -> int:
    """How many hit points a character has who is whole. What the area files no longer know adds nothing."""
    health = areas.health
    from_attributes = sum(health.get(name, 0) * value for name, value in attributes.items())
    return BASE_HEALTH + health.get(race, 0) + health.get(character_class, 0) + from_attributes


def restore_character(row: CharacterRow, sleeps_in: Room, areas: Areas) -> Character:
    """A character asleep, whole, and holding nothing yet."""
    whole = max_hp(areas, row.race, row.character_class, row.attributes)
    return Character(
        id=row.entity_id,
        account_id=row.account_id,
        name=row.name,
        race=row.race,
        character_class=row.character_class,
        attributes=dict(row.attributes),
        description=row.description,
        metadata=dict(row.metadata),
        created=row.created,
        max_hp=whole,
        hp=whole,
        last_played=row.last_played,
        sleeps_in=sleeps_in,
    )

"""Everything that exists and where it is.

`World(areas)` makes the rooms, the doors and the residents; `restore` adds what the database remembers, and `seed` what it does not
know yet. From then on `Journal` alone changes the world, through the three primitives at the end of the class; characters come into
play and leave it through `presence`.

A character that nobody plays is asleep: known by name and id, listed for its account, in no room's sight.

Items are conserved. They come into being in `seed` and by splitting a pile, and end only by joining another pile; when a
character is deleted, what it carried stays where it slept.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from wyld_rpc.messages import (
    AccountId,
    CharacterError,
    CharacterErrorCode,
    CharacterInfo,
    CharacterSummary,
    CreateCharacter,
    CreationChoices,
    EntityId,
)
from wyld_world.model import creation, persistence, stacks
from wyld_world.model.prototypes import AreaPrototype, Areas, DoorKey, ItemKey, Placement, RoomKey
from wyld_world.model.rows import CharacterRow, EntityKind, EntityRow
from wyld_world.model.things import Area, Character, Door, Durable, Exit, Holder, Item, Movable, Npc, Room

if TYPE_CHECKING:
    from wyld_world.model.journal import Journal


def door_id(key: DoorKey) -> EntityId:
    """A door's id follows from its key, so that the area files alone say which doors exist."""
    return EntityId(hashlib.blake2b(f"door:{key}".encode(), digest_size=16).digest())


class World:
    """All rooms, residents, doors, items and characters. For one writer; every method is synchronous.

    Attributes:
        prototypes: What everything is made from.
        rooms, areas: What the area files made, by key.
        doors, npcs: All of them.
        playing: Characters in play, by name in lower case. The order has no meaning.
        start: Where new characters begin.
        choices: What a new character may be.
    """

    def __init__(self, areas: Areas) -> None:
        self.prototypes = areas
        self.choices: CreationChoices = areas.choices
        self.areas: dict[str, Area] = {}
        self.rooms: dict[RoomKey, Room] = {}
        self.doors: dict[DoorKey, Door] = {}
        self.npcs: list[Npc] = []
        self.playing: dict[str, Character] = {}
        self._things: dict[EntityId, Durable] = {}
        self._names: dict[str, Character] = {}
        self._accounts: dict[AccountId, list[Character]] = {}

        for area in areas.areas:
            self._make_rooms(area)
        for area in areas.areas:
            self._make_exits(area)
        self.start: Room = self.rooms[areas.start]
        for prototype in areas.npcs:
            npc = Npc(prototype)
            self.npcs.append(npc)
            self.place(npc, self.rooms[prototype.home])

    def _make_rooms(self, prototype: AreaPrototype) -> None:
        area = self.areas[prototype.key] = Area(prototype.key, prototype.name)
        for made_from in prototype.rooms:
            room = Room(made_from.key, made_from.name, made_from.description, area, dict(made_from.details))
            area.rooms.append(room)
            self.rooms[room.key] = room

    def _make_exits(self, area: AreaPrototype) -> None:
        for made_from in area.rooms:
            room = self.rooms[made_from.key]
            for way in made_from.exits:
                door = None if way.door is None else self._door(way.door, room)
                room.exits[way.name] = Exit(way.name, self.rooms[way.to], door)

    def _door(self, key: DoorKey, room: Room) -> Door:
        if key not in self.doors:
            prototype = self.prototypes.doors[key]
            self.doors[key] = Door(door_id(key), prototype, room.key, prototype.open)
        return self.doors[key]

    # ------------------------------------------------------------------------------------ starting

    def restore(self, entities: Iterable[EntityRow], characters: Iterable[CharacterRow]) -> list[str]:
        """Put back everything that the database remembers. Call once, before `seed` and before anybody plays.

        Returns a sentence for each thing that the area files no longer have a place for: things whose room or holder is gone
        are at the start, things whose kind is gone are left out (their rows stay as they are and count again when the kind
        returns). The sentences are for the log.
        """
        rows = {row.id: row for row in entities}
        notes: list[str] = []
        for character in characters:
            self._restore_character(character, rows.get(character.entity_id), notes)
        items: list[tuple[Item, EntityRow]] = []
        for row in rows.values():
            if row.kind is EntityKind.DOOR:
                self._restore_door(row, notes)
            elif row.kind is EntityKind.ITEM:
                self._restore_item(row, items, notes)
        for item, row in items:
            self.place(item, self._restored_holder(item, row, notes))
            item.worn = bool(row.data["worn"]) and isinstance(item.location, Character)
        return notes

    def _restore_character(self, row: CharacterRow, entity: EntityRow | None, notes: list[str]) -> None:
        room = self.rooms.get(RoomKey(entity.room)) if entity is not None and entity.room else None
        if room is None:
            notes.append(
                f"The room where {row.name} slept is gone; {row.name} will wake in {self.start.key}."
            )
        self.register(persistence.restore_character(row, room or self.start, self.prototypes))

    def _restore_door(self, row: EntityRow, notes: list[str]) -> None:
        door = self.doors.get(DoorKey(row.prototype))
        if door is None or door.id != row.id:
            notes.append(f"The door {row.prototype} is gone.")
        else:
            door.open = bool(row.data["open"])
            self.register(door)

    def _restore_item(self, row: EntityRow, items: list[tuple[Item, EntityRow]], notes: list[str]) -> None:
        prototype = self.prototypes.items.get(ItemKey(row.prototype))
        if prototype is None:
            notes.append(f"There is no kind of item {row.prototype} any more; one of them is left out.")
            return
        item = Item(row.id, prototype, count=int(row.data["count"]))
        self.register(item)
        items.append((item, row))

    def _restored_holder(self, item: Item, row: EntityRow, notes: list[str]) -> Holder:
        if row.room is not None:
            holder: Holder | Door | None = self.rooms.get(RoomKey(row.room))
        else:
            holder = self._things.get(row.container_id) if row.container_id is not None else None
        if isinstance(holder, Room | Character) or (
            isinstance(holder, Item) and holder.prototype.capacity and not item.prototype.capacity
        ):
            return holder
        notes.append(f"The place of {item.name} is gone; it lies in {self.start.key}.")
        return self.start

    def wake(self, character: Character) -> None:
        """Put a character back into play that was in play when an earlier world ended. Call after `restore` and before `seed`."""
        self.place(character, character.room)
        character.sleeps_in = None

    def seed(self, journal: Journal, random: random.Random) -> None:
        """Make what the area files have and the database does not: doors, and items of every kind that does not exist at all.

        An item of a kind that exists somewhere is not made again: it is where players left it. Call at each start, after
        `restore`; the first start makes everything.
        """
        for door in self.doors.values():
            if door.id not in self._things:
                journal.add(door)
        known = {thing.prototype.key for thing in self._things.values() if isinstance(thing, Item)}
        for area in self.prototypes.areas:
            for room in area.rooms:
                for placement in room.items:
                    if placement.item not in known:
                        self._make_item(journal, random, placement, self.rooms[room.key])

    def _make_item(
        self, journal: Journal, random: random.Random, placement: Placement, holder: Room | Item
    ) -> None:
        prototype = self.prototypes.items[placement.item]
        item = Item(EntityId(random.randbytes(16)), prototype, count=placement.count)
        journal.add(item)
        journal.move(item, holder)
        for inside in placement.holds:
            self._make_item(journal, random, inside, item)

    # ---------------------------------------------------------------------------------- characters

    def character(self, account_id: AccountId, character_id: EntityId) -> Character:
        """The character, if it is this account's; raises `CharacterError`."""
        for character in self._accounts.get(account_id, ()):
            if character.id == character_id:
                return character
        raise CharacterError(CharacterErrorCode.NOT_FOUND, "You have no such character.")

    def summaries(self, account_id: AccountId) -> tuple[CharacterSummary, ...]:
        """The account's characters, oldest first."""
        return tuple(
            CharacterSummary(
                character.id,
                character.name,
                character.race,
                character.character_class,
                character.room.name,
                character.last_played,
            )
            for character in sorted(self._accounts.get(account_id, ()), key=lambda c: c.created)
        )

    def info(self, character: Character) -> CharacterInfo:
        return CharacterInfo(
            character.id,
            character.name,
            character.race,
            character.character_class,
            dict(character.attributes),
            character.description,
            character.room.name,
            character.created,
        )

    def create_character(self, journal: Journal, now: float, request: CreateCharacter) -> Character:
        """A new character, asleep at the start. A repeated request returns the character that the first one made.

        Raises `CharacterError` with words for the player.
        """
        known = self._things.get(request.id)
        if known is not None:
            if isinstance(known, Character) and known.account_id == request.account_id:
                return known
            raise CharacterError(CharacterErrorCode.SERVER_ERROR, "That did not work. Please try again.")
        if len(self._accounts.get(request.account_id, ())) >= creation.CHARACTERS_PER_ACCOUNT:
            raise CharacterError(
                CharacterErrorCode.TOO_MANY,
                f"An account has at most {creation.CHARACTERS_PER_ACCOUNT} characters.",
            )
        data = creation.check_data(request.data, self.choices)
        if data.name.lower() in self._names:
            raise CharacterError(CharacterErrorCode.NAME_TAKEN, f"The name {data.name} is taken.")
        row = CharacterRow(
            request.id,
            request.account_id,
            data.name,
            data.race,
            data.character_class,
            data.attributes,
            data.description,
            data.metadata,
            created=now,
            last_played=None,
        )
        character = persistence.restore_character(row, self.start, self.prototypes)
        journal.add(character)
        return character

    def delete_character(self, journal: Journal, account_id: AccountId, character_id: EntityId) -> Character:
        """End a character; what it carried stays where it slept. Raises `CharacterError`, while it is in play too."""
        character = self.character(account_id, character_id)
        if character.location is not None:
            raise CharacterError(
                CharacterErrorCode.IN_PLAY, f"{character.name} is in play and cannot be deleted now."
            )
        for item in list(character.items):
            stacks.lay(journal, item, character.room)
        journal.remove(character)
        return character

    def things(self) -> Iterator[Durable]:
        """Everything durable, in no particular order."""
        return iter(self._things.values())

    # ---------------------------------------------------------------- primitives, for `Journal` only

    def register(self, thing: Durable) -> None:
        """Make a thing known by its id, a character by its name and account too. Raises `ValueError` if either is in use."""
        if thing.id in self._things:
            raise ValueError(f"the id of {thing.name} is in use")
        if isinstance(thing, Character):
            if thing.name.lower() in self._names:
                raise ValueError(f"the name {thing.name} is in use")
            self._names[thing.name.lower()] = thing
            self._accounts.setdefault(thing.account_id, []).append(thing)
        self._things[thing.id] = thing

    def unregister(self, thing: Durable) -> None:
        del self._things[thing.id]
        if isinstance(thing, Character):
            del self._names[thing.name.lower()]
            self._accounts[thing.account_id].remove(thing)

    def place(
        self, thing: Movable, destination: Holder | None, index: int | None = None
    ) -> tuple[Holder | None, int | None]:
        """Take a thing from where it is and put it on a shelf of `destination`, last or at `index`.

        Returns where it was, in a form that a second call accepts to put it back.
        """
        origin = thing.location
        left = None
        if origin is not None:
            shelf = getattr(origin, thing.SHELF)
            left = shelf.index(thing)
            del shelf[left]
        if destination is not None:
            shelf = getattr(destination, thing.SHELF)
            shelf.insert(len(shelf) if index is None else index, thing)
        thing.location = destination
        if type(thing) is Character and (origin is None) != (destination is None):
            if destination is None:
                del self.playing[thing.name.lower()]
            else:
                self.playing[thing.name.lower()] = thing
        return origin, left

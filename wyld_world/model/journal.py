"""The one way to change the world: every change is written down with the value that it replaces.

Two things follow from that. A command that fails is undone: `mark` before it, `undo_to` after. And what must be stored is known:
`take_changes` gives the rows of everything durable that changed since it was last called.

What is durable: characters, items and doors, where they are, and the fields that their class names in `DURABLE` (and
`CHARACTER_FIELDS`). What is not: where the residents wander, hit points, effects, prompts, who is connected. A thing that exists
only for a moment (made and removed between two calls of `take_changes`) costs one line in `Changes.deleted`.

The notes are a list of entries; a mark is a position in it. `keep` ends the possibility of undoing and folds the entries
into the sets of what is dirty. Values given to `set` must never be changed in place, or undo would restore the changed one.

Nothing in the world may be changed but through a journal, except by `World.restore` and `World.wake`, before anybody plays. Not for
several threads: the world has one writer.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import Any, NewType, TypeAlias

from wyld_rpc.messages import EntityId
from wyld_world.model import persistence
from wyld_world.model.rows import Changes
from wyld_world.model.things import Character, Door, Holder, Item, Movable, Npc
from wyld_world.model.world import World

Mark = NewType("Mark", int)
Changeable: TypeAlias = Character | Item | Door | Npc


class _Kind(enum.Enum):
    SET = enum.auto()
    """(SET, thing, field, old value)"""
    MOVE = enum.auto()
    """(MOVE, thing, origin, index on the origin's shelf)"""
    ADD = enum.auto()
    """(ADD, thing, None, None)"""
    REMOVE = enum.auto()
    """(REMOVE, thing, None, None)"""


_Entry: TypeAlias = tuple[_Kind, Any, Any, Any]


class Journal:
    """Notes of every change to one `World`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._entries: list[_Entry] = []
        self._dirty: dict[EntityId, Character | Item | Door] = {}
        self._dirty_characters: dict[EntityId, Character] = {}
        self._deleted: dict[EntityId, None] = {}

    # ------------------------------------------------------------------------------------ changing

    def set(self, thing: Changeable, field: str, value: object) -> None:
        """Give one field of a thing a new, immutable value. Where a thing is goes through `move`.

        Raises `AttributeError` if there is no such field.
        """
        old = getattr(thing, field)
        if old != value:
            self._entries.append((_Kind.SET, thing, field, old))
            setattr(thing, field, value)

    def move(self, thing: Movable, destination: Holder | None) -> None:
        """Put a thing somewhere else; None takes it out of the world's sight without ending it (a character asleep)."""
        origin, index = self._world.place(thing, destination)
        self._entries.append((_Kind.MOVE, thing, origin, index))

    def add(self, thing: Character | Item | Door) -> None:
        """Make a thing known to the world. It is nowhere until it is moved. Raises `ValueError` if its id is in use."""
        self._world.register(thing)
        self._entries.append((_Kind.ADD, thing, None, None))

    def remove(self, thing: Character | Item) -> None:
        """End a thing for good. Raises `ValueError` while it holds anything, for that would be lost with it."""
        if thing.items:
            raise ValueError(f"{thing.name} still holds {len(thing.items)} things")
        if thing.location is not None:
            self.move(thing, None)
        self._world.unregister(thing)
        self._entries.append((_Kind.REMOVE, thing, None, None))

    # ------------------------------------------------------------------------------------- undoing

    def mark(self) -> Mark:
        """Where the notes stand. Good until `keep` or `take_changes` is called, or until something before it is undone."""
        return Mark(len(self._entries))

    def undo_to(self, mark: Mark) -> None:
        """Restore everything, including the order in which things lie, as it was when `mark` was taken."""
        while len(self._entries) > mark:
            kind, thing, detail, old = self._entries.pop()
            if kind is _Kind.SET:
                setattr(thing, detail, old)
            elif kind is _Kind.MOVE:
                self._world.place(thing, detail, old)
            elif kind is _Kind.ADD:
                self._world.unregister(thing)
            else:
                self._world.register(thing)

    def changed_since(self, mark: Mark) -> Iterator[tuple[Changeable, str, Any]]:
        """`(thing, field, old value)` of every change after `mark`, oldest first; the field of a move is "location"."""
        for kind, thing, detail, old in self._entries[mark:]:
            if kind is _Kind.SET:
                yield thing, detail, old
            elif kind is _Kind.MOVE:
                yield thing, "location", detail

    # ------------------------------------------------------------------------------------- keeping

    def keep(self) -> None:
        """All that has happened stands: it can no longer be undone, and its old values are forgotten."""
        for kind, thing, detail, _ in self._entries:
            if kind is _Kind.SET:
                self._note_field(thing, detail)
            elif kind is _Kind.MOVE:
                self._note_field(thing, "location")
            elif kind is _Kind.ADD:
                self._deleted.pop(thing.id, None)
                self._dirty[thing.id] = thing
                if isinstance(thing, Character):
                    self._dirty_characters[thing.id] = thing
            else:
                self._dirty.pop(thing.id, None)
                self._dirty_characters.pop(thing.id, None)
                self._deleted[thing.id] = None
        self._entries.clear()

    def take_changes(self) -> Changes:
        """Rows of everything durable that changed since the last call, as it is now. Includes `keep`."""
        self.keep()
        changes = Changes(
            [persistence.entity_row(thing) for thing in self._dirty.values()],
            [persistence.character_row(character) for character in self._dirty_characters.values()],
            list(self._deleted),
        )
        self._dirty.clear()
        self._dirty_characters.clear()
        self._deleted.clear()
        return changes

    def _note_field(self, thing: Changeable, field: str) -> None:
        if isinstance(thing, Npc):
            return
        if field in thing.DURABLE:
            self._dirty[thing.id] = thing
        elif isinstance(thing, Character) and field in thing.CHARACTER_FIELDS:
            self._dirty_characters[thing.id] = thing

"""What the area files say: the frozen descriptions that rooms, doors, items and the characters of the house are made from.

Pure data. `wyld_world.areas` reads and checks the files and makes these; everything here may therefore be relied on: every
key that one description names exists in `Areas`, texts are within their limits and hold no control characters.

A key is "area.name", such as "harbour.quay"; the area is the name of its file.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import NewType

import attrs

from wyld_rpc.messages import CreationChoices

RoomKey = NewType("RoomKey", str)
ItemKey = NewType("ItemKey", str)
DoorKey = NewType("DoorKey", str)

DIRECTIONS: Mapping[str, str] = {
    "north": "south",
    "south": "north",
    "east": "west",
    "west": "east",
    "northeast": "southwest",
    "northwest": "southeast",
    "southeast": "northwest",
    "southwest": "northeast",
    "up": "down",
    "down": "up",
}
"""The ten directions and their opposites, in the order in which exits are listed. Any other exit is a named one."""


class Slot(enum.Enum):
    """Where a wearable item goes; one item each."""

    HEAD = "head"
    NECK = "neck"
    BODY = "body"
    HANDS = "hands"
    FEET = "feet"


@attrs.frozen
class ItemPrototype:
    """A kind of item. `name` has its article ("a brass lantern"); `keywords` are the words that players may call it by."""

    key: ItemKey
    name: str
    keywords: frozenset[str]
    description: str
    plural: str = ""
    """"copper coins" for what is counted in piles; empty for what is not."""
    slot: Slot | None = None
    capacity: int = 0
    """How many items it holds; 0 for what is no container."""
    fixed: bool = False
    """Part of the room: cannot be taken, and is not listed among what lies there unless `listed`."""
    listed: bool = True
    water: bool = False
    """One can drink from it and wash in it."""
    writing: str = ""
    """What reading it tells."""
    drawing: str = ""
    """A drawing shown when it is read, before `writing`, which must say the same in words."""


@attrs.frozen
class Placement:
    """An item, or `count` of a counted one, that lies somewhere when the world first knows its kind."""

    item: ItemKey
    count: int = 1
    holds: tuple[Placement, ...] = ()


@attrs.frozen
class Answer:
    """What a resident says when someone nearby says one of `keywords`."""

    keywords: frozenset[str]
    reply: str


@attrs.frozen
class NpcPrototype:
    """A character of the house, a resident. `name` is as it stands within a sentence ("Marrec", "the ferry cat")."""

    key: str
    name: str
    keywords: frozenset[str]
    description: str
    home: RoomKey
    wanders: frozenset[RoomKey] = frozenset()
    """The rooms between which it wanders by itself; empty for one that stays."""
    remarks: tuple[str, ...] = ()
    """Whole sentences that people nearby see from time to time."""
    answers: tuple[Answer, ...] = ()
    greeting: str = ""
    """What it says to someone who greets it, or calls it by name and says nothing that it knows."""
    practice: bool = False
    """Made to be hit."""


@attrs.frozen
class DoorPrototype:
    """A door. `name` has its article ("the chandler's door"). One door may be on two exits, its two sides."""

    key: DoorKey
    name: str
    keywords: frozenset[str]
    open: bool


@attrs.frozen
class ExitPrototype:
    name: str
    """A direction, or the name of a way, such as "gangplank"."""
    to: RoomKey
    door: DoorKey | None = None


@attrs.frozen
class RoomPrototype:
    key: RoomKey
    name: str
    description: str
    exits: tuple[ExitPrototype, ...]
    details: Mapping[str, str] = attrs.field(factory=dict)
    """More to look at: a word of the description, and what a closer look shows."""
    items: tuple[Placement, ...] = ()


@attrs.frozen
class AreaPrototype:
    key: str
    name: str
    rooms: tuple[RoomPrototype, ...]


@attrs.frozen
class Areas:
    """Everything that the area files say, by key."""

    areas: tuple[AreaPrototype, ...]
    items: Mapping[ItemKey, ItemPrototype]
    doors: Mapping[DoorKey, DoorPrototype]
    npcs: tuple[NpcPrototype, ...]
    start: RoomKey
    """Where new characters begin, and where things are put whose own place is gone."""
    choices: CreationChoices
    health: Mapping[str, int]
    """Hit points that each race, class and attribute adds: by name of a race or class as such, of an attribute for each point."""

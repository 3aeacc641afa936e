"""The things of the world. Plain objects, compared by identity; who holds what is kept on both sides.

A holder keeps what it holds on shelves, lists in order of arrival: a room has `characters`, `npcs` and `items`, a character and
a container have `items`. `SHELF` names the list that a kind of thing goes to. Change nothing here directly: `Journal` does.

Ids belong to durable things only; a resident (`Npc`) is made anew from its prototype whenever the world starts.
"""

from __future__ import annotations

from typing import ClassVar, Protocol, TypeAlias

import attrs

from wyld_rpc.messages import AccountId, EntityId, Json
from wyld_world.model.prototypes import DoorPrototype, ItemPrototype, NpcPrototype, RoomKey


class _Named(Protocol):
    @property
    def name(self) -> str: ...


class _Thing:
    """Things hold one another; their representation must not, or one line of a log would hold the world."""

    __slots__ = ()

    def __repr__(self: _Named) -> str:
        return f"<{type(self).__name__} {self.name}>"


@attrs.define(eq=False, repr=False)
class Door(_Thing):
    """A door, the same object on both of its sides."""

    DURABLE: ClassVar = frozenset({"open"})

    id: EntityId
    prototype: DoorPrototype
    room: RoomKey
    """The first room, in the order of the area files, that it leads out of."""
    open: bool

    @property
    def name(self) -> str:
        return self.prototype.name


@attrs.frozen(eq=False, repr=False)
class Exit(_Thing):
    """A way out of a room."""

    name: str
    to: Room
    door: Door | None

    @property
    def closed(self) -> bool:
        return self.door is not None and not self.door.open


@attrs.define(eq=False, repr=False)
class Room(_Thing):
    """A place. All its fields but the three shelves stay as the area files have them."""

    key: RoomKey
    name: str
    description: str
    area: Area
    details: dict[str, str]
    exits: dict[str, Exit] = attrs.field(factory=dict)
    """By name; the ten directions first, in their order."""
    characters: list[Character] = attrs.field(factory=list)
    """Who is in play here."""
    npcs: list[Npc] = attrs.field(factory=list)
    items: list[Item] = attrs.field(factory=list)


@attrs.define(eq=False, repr=False)
class Area(_Thing):
    key: str
    name: str
    rooms: list[Room] = attrs.field(factory=list)


@attrs.define(eq=False, repr=False)
class Item(_Thing):
    """An item, or a pile of `count` equal ones where its prototype has a plural."""

    SHELF: ClassVar = "items"
    DURABLE: ClassVar = frozenset({"location", "count", "worn"})

    id: EntityId
    prototype: ItemPrototype
    count: int = 1
    worn: bool = False
    location: Room | Character | Item | None = None
    items: list[Item] = attrs.field(factory=list)

    @property
    def name(self) -> str:
        """With its article, or with its number: "a brass lantern", "12 copper coins"."""
        return self.prototype.name if self.count == 1 else f"{self.count} {self.prototype.plural}"

    @property
    def keywords(self) -> frozenset[str]:
        return self.prototype.keywords


@attrs.frozen
class Effect:
    """A passing condition of a character. `until` is in seconds since 1970."""

    name: str
    until: float


@attrs.frozen
class Surroundings:
    """What clients were told of who and what is in a place (`states`). Both tuples are empty in a crowd."""

    room: RoomKey
    crowded: bool
    players: tuple[str, ...] = ()
    items: tuple[tuple[EntityId, str, int], ...] = ()
    """Id, name and number of each item."""


@attrs.define(eq=False, repr=False)
class Character(_Thing):
    """A player's character. In play while `location` is set; otherwise asleep, and `sleeps_in` says where it will wake."""

    SHELF: ClassVar = "characters"
    DURABLE: ClassVar = frozenset({"location", "sleeps_in"})
    CHARACTER_FIELDS: ClassVar = frozenset({"last_played"})

    id: EntityId
    account_id: AccountId
    name: str
    race: str
    character_class: str
    attributes: dict[str, int]
    description: str
    metadata: Json
    created: float
    max_hp: int
    hp: int
    last_played: float | None = None
    location: Room | None = None
    sleeps_in: Room | None = None
    items: list[Item] = attrs.field(factory=list)
    effects: tuple[Effect, ...] = ()
    linkdead: bool = False
    """In play, but its player's connection is lost, and the others have seen it."""
    prompt: str = ""
    """The prompt that was last sent."""
    surroundings: Surroundings | None = None
    """What was last sent of the place and of those in it."""

    @property
    def room(self) -> Room:
        """Where it stands, awake or asleep."""
        room = self.location or self.sleeps_in
        assert room is not None, f"{self.name} is nowhere"
        return room

    @property
    def here(self) -> Room:
        """Where it is in play. Only a character in play has this."""
        assert self.location is not None, f"{self.name} is not in play"
        return self.location


@attrs.define(eq=False, repr=False)
class Npc(_Thing):
    """A resident: a character of the house, on its own legs and without a player."""

    SHELF: ClassVar = "npcs"

    prototype: NpcPrototype
    location: Room | None = None
    hits: int = 0
    """How many blows it has taken since it last stood up; only those made for practice take any."""
    rises: float = 0.0
    """When it stands up again after it fell, in seconds since 1970; 0 while it stands."""

    @property
    def name(self) -> str:
        return self.prototype.name

    @property
    def keywords(self) -> frozenset[str]:
        return self.prototype.keywords


Holder: TypeAlias = Room | Character | Item
Movable: TypeAlias = Character | Item | Npc
Durable: TypeAlias = Character | Item | Door

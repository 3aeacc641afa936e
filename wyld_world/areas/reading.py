"""The tables of one file, made into prototypes.

Pure. What one file alone can show is checked here; what refers to other files is noted in `Links`, to be checked by `linking`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import attrs

from wyld_rpc.messages import Choice, CreationChoices
from wyld_world.areas.problems import Where, did_you_mean
from wyld_world.areas.table import TEXT_LIMIT, Table
from wyld_world.model.creation import DESCRIPTION_LIMIT
from wyld_world.model.prototypes import (
    DIRECTIONS,
    Answer,
    AreaPrototype,
    DoorKey,
    DoorPrototype,
    ExitPrototype,
    ItemKey,
    ItemPrototype,
    NpcPrototype,
    Placement,
    RoomKey,
    RoomPrototype,
    Slot,
)

_SMALL_WORDS = frozenset({"a", "an", "the", "of", "and", "some", "with", "in", "on", "for"})
_WAY = re.compile(r"[a-z][a-z '-]{0,29}")
_MORE_LIMIT = 400
"""Characters of a remark or a reply: what someone says in one breath."""


@attrs.define
class Links:
    """All that the files say, and what must hold between them. The lists of `Where` tell where each thing was said."""

    areas: list[AreaPrototype] = attrs.field(factory=list)
    rooms: dict[RoomKey, RoomPrototype] = attrs.field(factory=dict)
    items: dict[ItemKey, ItemPrototype] = attrs.field(factory=dict)
    doors: dict[DoorKey, tuple[Where, DoorPrototype]] = attrs.field(factory=dict)
    npcs: list[NpcPrototype] = attrs.field(factory=list)
    room_references: list[tuple[Where, RoomKey]] = attrs.field(factory=list)
    exits: list[tuple[Where, RoomKey, ExitPrototype, bool]] = attrs.field(factory=list)
    """With the room that each leads out of, and whether it is marked as one-way."""
    placements: list[tuple[Where, Placement]] = attrs.field(factory=list)


@attrs.frozen
class CharacterChoices:
    """What `characters.toml` says."""

    start: RoomKey
    choices: CreationChoices
    health: dict[str, int]


def read_area(table: Table, key: str, links: Links) -> None:
    """One area file."""
    name = table.text("name")
    rooms = tuple(_read_room(entry, key, name_, links) for name_, entry in table.entries("rooms"))
    links.areas.append(AreaPrototype(key, name, rooms))
    for item_name, entry in table.entries("items"):
        item = _read_item(entry, ItemKey(f"{key}.{item_name}"))
        links.items[item.key] = item
    for door_name, entry in table.entries("doors"):
        door = _read_door(entry, DoorKey(f"{key}.{door_name}"))
        links.doors[door.key] = (entry.where(), door)
    for npc_name, entry in table.entries("npcs"):
        links.npcs.append(_read_npc(entry, key, npc_name, links))
    table.close()


def _qualified(key: str, area: str) -> str:
    """A key as "area.name"; without an area it speaks of its own file."""
    return key if "." in key else f"{area}.{key}"


def _keywords(name: str, more: Iterable[str] = ()) -> frozenset[str]:
    """The words of a name that someone would call a thing by, and those that its author adds."""
    words = {word.strip(",.") for word in name.lower().split()} - _SMALL_WORDS
    return frozenset(words | {word.lower() for word in more})


# ------------------------------------------------------------------------------------------------ rooms


def _read_room(table: Table, area: str, name: str, links: Links) -> RoomPrototype:
    key = RoomKey(f"{area}.{name}")
    exits_table = table.table("exits")
    exits = [_read_exit(exits_table, key, area, way, value, links) for way, value in exits_table.items()]
    order = list(DIRECTIONS)
    exits.sort(key=lambda exit_: order.index(exit_.name) if exit_.name in DIRECTIONS else len(order))
    placements = _read_placements(table, "items", area)
    links.placements += [(table.where("items"), placement) for placement in placements]
    details = table.table("details")
    room = RoomPrototype(
        key,
        table.text("name"),
        table.prose("description"),
        tuple(exits),
        {word.lower(): details.prose(word) for word, _ in details.items()},
        placements,
    )
    table.close()
    links.rooms[key] = room
    return room


def _read_exit(
    exits: Table, room: RoomKey, area: str, way: str, value: object, links: Links
) -> ExitPrototype:
    where = exits.where(way)
    if not _WAY.fullmatch(way):
        where.report(f"'{way}' is no name for a way: use up to 30 of a-z, blanks and '-'")
    if isinstance(value, str):
        value = {"to": value}
    table = Table(exits.source, (*exits.path, way), value)
    door = table.text("door", default="")
    exit_ = ExitPrototype(
        way,
        RoomKey(_qualified(table.text("to"), area)),
        DoorKey(_qualified(door, area)) if door else None,
    )
    links.exits.append((where, room, exit_, table.flag("one_way", default=False)))
    table.close()
    return exit_


def _read_placements(table: Table, key: str, area: str) -> tuple[Placement, ...]:
    placements = []
    for index, value in table.array(key):
        if isinstance(value, str):
            value = {"item": value}
        entry = Table(table.source, (*table.path, key, index), value)
        item = ItemKey(_qualified(entry.text("item"), area))
        count = entry.integer("count", default=1, low=1, high=10_000)
        placements.append(Placement(item, count, _read_placements(entry, "holds", area)))
        entry.close()
    return tuple(placements)


# ------------------------------------------------------------------------------ items, doors, residents


def _read_item(table: Table, key: ItemKey) -> ItemPrototype:
    name, plural = table.text("name"), table.text("plural", default="")
    slot = table.text("wear", default="")
    slots = {slot.value: slot for slot in Slot}
    if slot and slot not in slots:
        table.report("wear", f"must be one of {', '.join(slots)}{did_you_mean(slot, slots)}")
    item = ItemPrototype(
        key=key,
        name=name,
        keywords=_keywords(f"{name} {plural}", table.words("keywords")),
        description=table.prose("description"),
        plural=plural,
        slot=slots.get(slot),
        capacity=table.integer("capacity", default=0, low=0, high=100),
        fixed=table.flag("fixed", default=False),
        listed=table.flag("listed", default=True),
        water=table.flag("water", default=False),
        writing=table.prose("writing", default=""),
        drawing=table.verbatim("drawing"),
    )
    _check_item(table, item)
    table.close()
    return item


def _check_item(table: Table, item: ItemPrototype) -> None:
    if item.plural and (item.slot or item.capacity or item.fixed or item.writing):
        table.report(
            "plural", "is for what is counted in piles: not for what is worn, read, fixed or a container"
        )
    if item.fixed and item.slot:
        table.report("fixed", "cannot be true of something to wear")
    if not item.listed and not item.fixed:
        table.report("listed", "can be false only for what is fixed: anything else could be lost from sight")
    if item.drawing and not item.writing:
        table.report("drawing", "needs a 'writing' that says the same in words, for those who cannot see it")


def _read_door(table: Table, key: DoorKey) -> DoorPrototype:
    name = table.text("name")
    keywords = _keywords(name, (*table.words("keywords"), "door"))
    door = DoorPrototype(key, name, keywords, table.flag("open", default=False))
    table.close()
    return door


def _read_npc(table: Table, area: str, npc_name: str, links: Links) -> NpcPrototype:
    def room(key: str, name: str) -> RoomKey:
        reference = RoomKey(_qualified(name, area))
        links.room_references.append((table.where(key), reference))
        return reference

    name = table.text("name")
    npc = NpcPrototype(
        key=f"{area}.{npc_name}",
        name=name,
        keywords=_keywords(name, table.words("keywords")),
        description=table.prose("description"),
        home=room("home", table.text("home")),
        wanders=frozenset(room("wanders", name) for name in table.words("wanders")),
        remarks=table.words("remarks", limit=_MORE_LIMIT),
        answers=_read_answers(table),
        greeting=table.text("greeting", default="", limit=_MORE_LIMIT),
        practice=table.flag("practice", default=False),
    )
    table.close()
    return npc


def _read_answers(table: Table) -> tuple[Answer, ...]:
    answers = []
    for index, value in table.array("answers"):
        entry = Table(table.source, (*table.path, "answers", index), value)
        words = frozenset(word.lower() for word in entry.words("words"))
        if not words:
            entry.report("words", "must name at least one word")
        answers.append(Answer(words, entry.text("reply", limit=_MORE_LIMIT)))
        entry.close()
    return tuple(answers)


# --------------------------------------------------------------------------------------------- characters


def read_characters(table: Table, links: Links) -> CharacterChoices:
    """The file that says what a new character may be."""
    start = RoomKey(table.text("start"))
    links.room_references.append((table.where("start"), start))
    health: dict[str, int] = {}
    races = _read_choices(table, "races", health)
    classes = _read_choices(table, "classes", health)
    attributes = _read_choices(table, "attributes", health)
    points = table.table("points", required=True)
    low = points.integer("minimum", default=None, low=0, high=100)
    high = points.integer("maximum", default=None, low=low, high=100)
    spend = points.integer("spend", default=None, low=0, high=(high - low) * len(attributes))
    points.close()
    table.close()
    choices = CreationChoices(races, classes, attributes, low, high, spend, DESCRIPTION_LIMIT)
    return CharacterChoices(start, choices, health)


def _read_choices(table: Table, key: str, health: dict[str, int]) -> tuple[Choice, ...]:
    choices = []
    for name, entry in table.entries(key):
        if name in health:
            entry.where().report(f"'{name}' is used twice among races, classes and attributes")
        health[name] = entry.integer("health", default=0, low=0, high=100)
        choices.append(Choice(name, entry.text("summary", limit=TEXT_LIMIT)))
        entry.close()
    if not choices:
        table.report(key, "must have at least one entry")
    return tuple(choices)

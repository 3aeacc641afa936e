"""A small world with people in it, to be played line by line."""

from __future__ import annotations

import random
from pathlib import Path

from doubles.outlet import RecordingOutlet
from wyld_rpc.messages import AccountId, CharacterCreationData, CreateCharacter, EntityId, SessionId
from wyld_world.areas import load
from wyld_world.commands import perform
from wyld_world.model import heartbeat, presence
from wyld_world.model.journal import Journal
from wyld_world.model.outlet import Context
from wyld_world.model.persistence import character_row, entity_row
from wyld_world.model.prototypes import Areas, RoomKey
from wyld_world.model.rows import CharacterRow, EntityRow
from wyld_world.model.things import Character, Item
from wyld_world.model.world import World

SMALL_AREAS = load(Path(__file__).parent / "small_areas")
SESSION = SessionId(b"session".ljust(16))


def account(number: int = 0) -> AccountId:
    return AccountId(b"account".ljust(15) + bytes([number]))


def creation(name: str, **changes: object) -> CharacterCreationData:
    fields = {
        "name": name,
        "race": "human",
        "character_class": "farmer",
        "attributes": {"strength": 4, "agility": 2},
        **changes,
    }
    return CharacterCreationData(**fields)


class PlayedWorld:
    """A world of the small areas, seeded; `people` come into play on the lawn."""

    def __init__(self, *people: str, areas: Areas = SMALL_AREAS, seed: int = 1) -> None:
        self.world = World(areas)
        self.journal = Journal(self.world)
        self.outlet = RecordingOutlet()
        self.random = random.Random(seed)
        self.now = 1_000.0
        self.world.seed(self.journal, self.random)
        self.people = [self.join(name) for name in people]
        self.outlet.clear()

    def create(self, name: str, number: int = 0) -> Character:
        request = CreateCharacter(
            EntityId(self.random.randbytes(16)), SESSION, account(number), creation(name)
        )
        return self.world.create_character(self.journal, self.now, request)

    def join(self, name: str, number: int = 0) -> Character:
        character = self.create(name, number)
        presence.enter(self.context(character))
        return character

    def context(self, actor: Character) -> Context:
        return Context(self.world, self.journal, self.outlet, actor, self.now, self.random)

    def do(self, actor: Character, *lines: str) -> list[str]:
        """Perform lines; returns what the actor reads of the last one."""
        for line in lines:
            self.outlet.clear()
            perform(self.context(actor), line)
        return self.outlet.texts(actor)

    def beat(self, times: int = 1) -> None:
        for _ in range(times):
            self.now += 1.0
            heartbeat.beat(self.world, self.journal, self.outlet, self.now, self.random)

    def put(self, actor: Character, room: str) -> None:
        self.journal.move(actor, self.world.rooms[RoomKey(room)])

    def item(self, key: str) -> Item:
        """The first item of that kind."""
        return next(item for item in self.items() if item.prototype.key == key)

    def items(self) -> list[Item]:
        return [thing for thing in self.world.things() if isinstance(thing, Item)]


class RowStore:
    """What a database would hold after every change was written."""

    def __init__(self) -> None:
        self.entities: dict[EntityId, EntityRow] = {}
        self.characters: dict[EntityId, CharacterRow] = {}

    def write(self, journal: Journal) -> None:
        changes = journal.take_changes()
        self.entities |= {row.id: row for row in changes.upserts}
        self.characters |= {row.entity_id: row for row in changes.characters}
        for gone in changes.deleted:
            self.entities.pop(gone, None)
            self.characters.pop(gone, None)


def everything(world: World) -> dict[str, object]:
    """A deep picture of a world's whole state, durable or not, the order of what lies where included."""
    picture: dict[str, object] = {"playing": {name: id(who) for name, who in world.playing.items()}}
    for key, room in world.rooms.items():
        picture[key] = [list(map(id, shelf)) for shelf in (room.characters, room.npcs, room.items)]
    for npc in world.npcs:
        picture[npc.prototype.key] = (id(npc.location), npc.hits, npc.rises)
    for thing in world.things():
        names = [name for name in type(thing).__slots__ if name not in ("items", "location", "__weakref__")]
        fields = {name: getattr(thing, name) for name in names}
        held = list(map(id, getattr(thing, "items", ())))
        picture[thing.id.hex()] = (fields, id(getattr(thing, "location", None)), held)
    for number in range(3):
        picture[f"account {number}"] = sorted(s.name for s in world.summaries(account(number)))
    return picture


def durable(world: World) -> set[object]:
    """A picture of what must survive a restart, in which the order of things does not count."""
    rows: list[EntityRow | CharacterRow] = [entity_row(thing) for thing in world.things()]
    rows += [character_row(thing) for thing in world.things() if isinstance(thing, Character)]
    return {repr(row) for row in rows}

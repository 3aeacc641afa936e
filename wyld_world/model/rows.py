"""What the database stores of the world's durable things, in plain values.

Rows are snapshots: they share nothing with the model, so a worker thread may write them while the world goes on.
Pure: imports attrs and the ids of the link's messages.
"""

from __future__ import annotations

import enum

import attrs

from wyld_rpc.messages import AccountId, EntityId, Json


class EntityKind(enum.Enum):
    CHARACTER = "character"
    ITEM = "item"
    DOOR = "door"


@attrs.frozen
class EntityRow:
    """A durable thing and where it is.

    At most one of `room` (the key of a room) and `container_id` (a character or an item that holds this item) is set. `prototype`
    is the key of the item or door in the area files and empty for characters. `data` is what else lasts, by kind: items
    `{"count": int, "worn": bool}`, doors `{"open": bool}`, characters `{}`.
    """

    id: EntityId
    kind: EntityKind
    prototype: str
    name: str
    room: str | None
    container_id: EntityId | None
    data: Json


@attrs.frozen
class CharacterRow:
    """What lasts of a player's character beside its `EntityRow`. Times are seconds since 1970, UTC."""

    entity_id: EntityId
    account_id: AccountId
    name: str
    race: str
    character_class: str
    attributes: dict[str, int]
    description: str
    metadata: Json
    created: float
    last_played: float | None


@attrs.frozen
class Changes:
    """What must be written so that the database holds the durable world as it was when these were taken.

    Each list has at most one entry for a thing, and nothing deleted is in the other two. `deleted` may name a thing that the
    database never had. The order within a list has no meaning: references between the rows hold once all are written.
    False when there is nothing to write.
    """

    upserts: list[EntityRow]
    characters: list[CharacterRow]
    deleted: list[EntityId]

    def __bool__(self) -> bool:
        return bool(self.upserts or self.characters or self.deleted)

    def then(self, later: Changes) -> Changes:
        """Both in one, where `later` was taken after this; writing the result equals writing one and then the other."""
        entities = {row.id: row for row in self.upserts} | {row.id: row for row in later.upserts}
        characters = {row.entity_id: row for row in self.characters} | {
            row.entity_id: row for row in later.characters
        }
        for gone in later.deleted:
            entities.pop(gone, None)
            characters.pop(gone, None)
        deleted = [gone for gone in dict.fromkeys((*self.deleted, *later.deleted)) if gone not in entities]
        return Changes(list(entities.values()), list(characters.values()), deleted)

"""What a new character may be called and look like; the rules in words, for players who break them.

Pure. `check_*` return the value as it will be kept, or raise `CharacterError` with one or two whole sentences.
"""

from __future__ import annotations

from collections.abc import Sequence

from wyld_rpc.messages import (
    CharacterCreationData,
    CharacterError,
    CharacterErrorCode,
    Choice,
    CreationChoices,
    Json,
)
from wyld_world.model.wording import clean, counted, listing

NAME_MINIMUM = 2
NAME_MAXIMUM = 20
DESCRIPTION_LIMIT = 400
CHARACTERS_PER_ACCOUNT = 10
METADATA_ENTRIES = 16
METADATA_KEY_LIMIT = 64
METADATA_VALUE_LIMIT = 256

_AUTHORITIES = (
    "admin",
    "god",
    "host",
    "moderator",
    "operator",
    "root",
    "server",
    "staff",
    "system",
    "wizard",
)
_PRONOUNS = (
    "all",
    "everyone",
    "here",
    "me",
    "myself",
    "nobody",
    "self",
    "someone",
    "you",
    "your",
    "yourself",
)
RESERVED_NAMES = frozenset((*_AUTHORITIES, *_PRONOUNS, "gateway", "world", "wyld"))
"""Names that would lend a player an authority, or that make a sentence or a command mean something else."""


def check_name(name: str) -> str:
    """A character's name, capitalised. Whether it is still free is the world's to say."""
    bare = name.strip()
    if not (bare.isascii() and bare.isalpha() and NAME_MINIMUM <= len(bare) <= NAME_MAXIMUM):
        raise CharacterError(
            CharacterErrorCode.NAME_REFUSED,
            f"A name has {NAME_MINIMUM} to {NAME_MAXIMUM} letters from a to z, and nothing else.",
        )
    if bare.lower() in RESERVED_NAMES:
        raise CharacterError(
            CharacterErrorCode.NAME_REFUSED,
            f"The name {bare.capitalize()} is reserved. Please choose another.",
        )
    return bare.capitalize()


def check_data(data: CharacterCreationData, choices: CreationChoices) -> CharacterCreationData:
    """Everything a player chose, as it will be kept."""
    return CharacterCreationData(
        name=check_name(data.name),
        race=_check_choice("race", data.race, choices.races),
        character_class=_check_choice("class", data.character_class, choices.classes),
        attributes=_check_attributes(data.attributes, choices),
        description=_check_description(data.description, choices.description_limit),
        metadata=_check_metadata(data.metadata),
    )


def _refused(text: str) -> CharacterError:
    return CharacterError(CharacterErrorCode.CHOICE_REFUSED, text)


def _check_choice(what: str, chosen: str, offered: Sequence[Choice]) -> str:
    for choice in offered:
        if choice.name.lower() == chosen.strip().lower():
            return choice.name
    raise _refused(f"There is no such {what}. Choose from {listing((c.name for c in offered), 'or')}.")


def _check_attributes(chosen: dict[str, int], choices: CreationChoices) -> dict[str, int]:
    names = [choice.name for choice in choices.attributes]
    low, high = choices.attribute_minimum, choices.attribute_maximum
    if set(chosen) != set(names):
        raise _refused(f"The attributes are {listing(names)}; each needs a value.")
    if not all(low <= value <= high for value in chosen.values()):
        raise _refused(f"Each attribute is from {low} to {high}.")
    spent = sum(chosen.values()) - low * len(names)
    if spent != choices.attribute_points:
        points = counted(choices.attribute_points, "point", "points")
        raise _refused(f"There are {points} to spend above {low} in each attribute, and {spent} are spent.")
    return {name: chosen[name] for name in names}


def _check_description(description: str, limit: int) -> str:
    text = " ".join(clean(description).split())
    if len(text) > limit:
        raise _refused(f"A description has at most {limit} characters, and this one has {len(text)}.")
    return text


def _check_metadata(metadata: Json) -> Json:
    """Metadata is kept but never shown, so it need only be small and fit for a database."""
    if len(metadata) > METADATA_ENTRIES or not all(map(_is_small_entry, metadata, metadata.values())):
        raise _refused(
            f"Metadata has at most {METADATA_ENTRIES} entries, with keys of at most {METADATA_KEY_LIMIT} and "
            f"printable texts of at most {METADATA_VALUE_LIMIT} characters, whole numbers, true, false or nothing."
        )
    return dict(metadata)


def _is_small_entry(key: object, value: object) -> bool:
    if not (isinstance(key, str) and key.isprintable() and len(key) <= METADATA_KEY_LIMIT):
        return False
    if isinstance(value, str):
        return value.isprintable() and len(value) <= METADATA_VALUE_LIMIT
    return value is None or isinstance(value, int)

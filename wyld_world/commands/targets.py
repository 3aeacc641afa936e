"""What a player means by "2.sword", "all", "5 coins" or "the brass lantern", and which things that is.

Pure. A word matches a thing when one of the thing's keywords begins with it; a phrase matches when all of its words do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

import attrs

from wyld_world.commands.family import Refused
from wyld_world.model.things import Character, Item, Npc

_ARTICLES = frozenset({"a", "an", "the", "my", "some"})
_ORDINAL = re.compile(r"(\d{1,4}|all)\.(.*)")
_COUNT_LIMIT = 9_999_999


class Named(Protocol):
    @property
    def keywords(self) -> frozenset[str]: ...


T = TypeVar("T", bound=Named)


@attrs.frozen
class Target:
    """A phrase, taken apart. Without words it means anything, which only "all" does."""

    words: tuple[str, ...]
    ordinal: int = 1
    everything: bool = False
    count: int | None = None
    """How many of a pile; None means all of it."""
    said: str = ""
    """The phrase itself, for answers."""

    def matches(self, keywords: Iterable[str]) -> bool:
        return all(any(keyword.startswith(word) for keyword in keywords) for word in self.words)


def parse(phrase: str) -> Target:
    """Raises `Refused` for a phrase without a word to go by, such as "the" or "0.sword"."""
    said = " ".join(phrase.split())
    words = said.lower().split()
    ordinal, everything, count = 1, False, None
    if words and words[0] in ("all", "everything"):
        everything = True
        words = words[1:]
    elif words and (numbered := _ORDINAL.fullmatch(words[0])):
        everything = numbered[1] == "all"
        ordinal = 1 if everything else int(numbered[1])
        words = [numbered[2], *words[1:]]
    elif len(words) > 1 and words[0].isascii() and words[0].isdigit():
        count = min(int(words[0][:8]), _COUNT_LIMIT)
        words = words[1:]
    words = [word for word in words if word and word not in _ARTICLES]
    if not (words or everything) or ordinal == 0 or count == 0:
        raise Refused(f"Which one is '{said}'?" if said else "Which one?")
    return Target(tuple(words), ordinal, everything, count, said)


def choose(things: Iterable[T], target: Target) -> T | None:
    """The first match, or that of its ordinal, or None."""
    left = target.ordinal
    for thing in things:
        if target.matches(thing.keywords):
            left -= 1
            if left == 0:
                return thing
    return None


def choose_items(items: Sequence[Item], target: Target) -> list[Item]:
    """All matches if everything is meant, else the one; empty if there is none."""
    if target.everything:
        return [item for item in items if target.matches(item.keywords)]
    item = choose(items, target)
    return [] if item is None else [item]


def choose_person(people: Sequence[Character], npcs: Sequence[Npc], target: Target) -> Character | Npc | None:
    """Someone here, players before residents."""
    left, name = target.ordinal, " ".join(target.words)
    for character in people:
        if character.name.lower().startswith(name):
            left -= 1
            if left == 0:
                return character
    return choose(npcs, attrs.evolve(target, ordinal=left))


def divide(argument: str, *separators: str) -> tuple[str, str]:
    """What stands before and after the first separating word: "lamp from the chest" gives ("lamp", "the chest")."""
    words = argument.split()
    for index, word in enumerate(words):
        if word.lower() in separators:
            return " ".join(words[:index]), " ".join(words[index + 1 :])
    return argument, ""

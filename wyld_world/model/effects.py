"""Passing conditions of characters: what they are called, how long they last, what is seen when they end.

An effect is not durable: whoever leaves the game, or the world that restarts, leaves it behind.
"""

from __future__ import annotations

import attrs

from wyld_world.model.journal import Journal
from wyld_world.model.things import Character, Effect


@attrs.frozen
class EffectKind:
    name: str
    """As a word after a character's name: "wet"."""
    seconds: float
    ends: str
    """What its bearer reads when it is over."""


WET = EffectKind("dripping wet", 90.0, "You are dry again.")
KINDS = {kind.name: kind for kind in (WET,)}


def give(journal: Journal, character: Character, kind: EffectKind, now: float) -> None:
    """Let an effect begin, or begin anew."""
    kept = tuple(effect for effect in character.effects if effect.name != kind.name)
    journal.set(character, "effects", (*kept, Effect(kind.name, now + kind.seconds)))


def end_due(journal: Journal, character: Character, now: float) -> list[EffectKind]:
    """End what has lasted its time; returns the kinds that ended."""
    due = [effect for effect in character.effects if effect.until <= now]
    if due:
        journal.set(character, "effects", tuple(e for e in character.effects if e not in due))
    return [KINDS[effect.name] for effect in due]

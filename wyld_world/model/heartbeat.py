"""What happens by itself, about once a second: residents act, effects end, wounds heal."""

from __future__ import annotations

import random

from wyld_rpc.messages import Text
from wyld_world.model import effects, residents, states
from wyld_world.model.journal import Journal
from wyld_world.model.outlet import Outlet
from wyld_world.model.world import World

HEALING_CHANCE = 1 / 5
"""For each beat: a hit point comes back in about five seconds."""


def beat(world: World, journal: Journal, outlet: Outlet, now: float, random: random.Random) -> None:
    """One beat of the world. Changes nothing durable. While nobody plays, nothing happens at all."""
    if not world.playing:
        return
    mark = journal.mark()
    for npc in world.npcs:
        residents.act(journal, outlet, npc, now, random)
    for character in world.playing.values():
        if character.effects:
            for kind in effects.end_due(journal, character, now):
                outlet.send((character,), Text(kind.ends))
        if character.hp < character.max_hp and random.random() < HEALING_CHANCE:
            journal.set(character, "hp", character.hp + 1)
    states.refresh(journal, mark, outlet)

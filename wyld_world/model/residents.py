"""What the characters of the house do: answer, wander, remark, and stand up again after a beating."""

from __future__ import annotations

import random

from wyld_rpc.messages import Text
from wyld_world.model.channels import Channel
from wyld_world.model.journal import Journal
from wyld_world.model.movement import walk
from wyld_world.model.outlet import Context, Outlet
from wyld_world.model.things import Npc
from wyld_world.model.views import title

WANDER_CHANCE = 1 / 45
REMARK_CHANCE = 1 / 60
"""For each beat of about a second: often enough to seem alive, seldom enough for a screen reader's patience."""

PRACTICE_HITS = 30
"""Damage after which something made for practice falls over."""
PRACTICE_REST = 20.0
"""Seconds for which it then lies there."""

_GREETINGS = frozenset({"hello", "hi", "hey", "greetings", "evening", "hail"})


def answer(npc: Npc, words: str) -> str | None:
    """What a resident replies to words that it heard, or None. Greets whoever greets it or speaks its name."""
    heard = {word.strip(".,;:!?'\"()") for word in words.lower().split()}
    for known in npc.prototype.answers:
        if known.keywords & heard:
            return known.reply
    if npc.prototype.greeting and heard & (_GREETINGS | npc.keywords):
        return npc.prototype.greeting
    return None


def hear(context: Context, words: str) -> None:
    """The actor has said something aloud: the first resident here that has an answer says it to everyone."""
    room = context.actor.here
    for npc in room.npcs:
        reply = answer(npc, words)
        if reply is not None:
            context.outlet.send(
                room.characters, Channel.SAY.line(title(npc), f"{title(npc)} says, '{reply}'")
            )
            return


def strike(context: Context, npc: Npc, damage: int) -> bool:
    """A practice resident takes a blow; True if it falls. It must be standing."""
    hits = npc.hits + damage
    context.journal.set(npc, "hits", hits)
    if hits < PRACTICE_HITS:
        return False
    context.journal.set(npc, "rises", context.now + PRACTICE_REST)
    return True


def act(journal: Journal, outlet: Outlet, npc: Npc, now: float, random: random.Random) -> None:
    """One beat in the life of a resident."""
    room, prototype = npc.location, npc.prototype
    if room is None:
        return
    if npc.rises and npc.rises <= now:
        journal.set(npc, "hits", 0)
        journal.set(npc, "rises", 0.0)
        if room.characters:
            outlet.send(room.characters, Text(f"{title(npc)} swings upright again."))
    if prototype.wanders and random.random() < WANDER_CHANCE:
        ways = [way for way in room.exits.values() if way.to.key in prototype.wanders and not way.closed]
        if ways:
            walk(journal, outlet, npc, random.choice(ways))
    elif prototype.remarks and room.characters and random.random() < REMARK_CHANCE:
        outlet.send(room.characters, Text(random.choice(prototype.remarks)))

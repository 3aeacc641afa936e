"""Bodily things: blows for whatever is made to be hit, and water to drink and to wash in."""

from __future__ import annotations

from wyld_rpc.messages import Combat, Text
from wyld_world.commands.family import Family, Refused
from wyld_world.commands.targets import choose, choose_person, parse
from wyld_world.model import effects, residents, views
from wyld_world.model.outlet import Context
from wyld_world.model.things import Item, Npc
from wyld_world.model.wording import capital, definite

FAMILY = Family("body", "practising, drinking and washing")

CRITICAL_CHANCE = 0.1
"""For each blow to count double."""
SWING_CHANCE = 0.4
"""For something made for practice to swing back at its attacker, less `DODGE` for each point of agility."""
DODGE = 0.05


@FAMILY.command(
    "hit",
    usage="hit <something made to be hit>",
    summary="practise your blows",
    details="Strength makes blows heavier; agility keeps you clear when the target swings back.",
    aliases=("attack", "kill"),
)
def hit(context: Context, argument: str) -> None:
    if not argument:
        raise Refused("Hit what?")
    room, target = context.actor.here, parse(argument)
    victim = choose_person(room.characters, room.npcs, target)
    if victim is None:
        raise Refused(f"You see no '{target.said}' here.")
    if not isinstance(victim, Npc) or not victim.prototype.practice:
        raise Refused(f"You would not hit {views.called(victim)}.")
    if victim.rises:
        raise Refused(f"{views.title(victim)} lies on its back. Let it get up first.")
    _strike(context, victim)


def _strike(context: Context, victim: Npc) -> None:
    actor = context.actor
    critical = context.random.random() < CRITICAL_CHANCE
    damage = context.random.randint(1, 3) + actor.attributes.get("strength", 0) // 2
    damage *= 2 if critical else 1
    others = views.others(actor.here, actor)

    context.outlet.send((actor,), Combat("You", views.called(victim), "strike", damage, critical))
    if others:
        context.outlet.send(others, Combat(actor.name, views.called(victim), "strikes", damage, critical))
    if residents.strike(context, victim, damage):
        context.outlet.send(actor.here.characters, Text(f"{views.title(victim)} topples over backwards."))
    elif context.random.random() < SWING_CHANCE - DODGE * actor.attributes.get("agility", 0):
        _swing_back(context, victim)


def _swing_back(context: Context, victim: Npc) -> None:
    """It hurts, but nobody was ever carried home from practice."""
    actor = context.actor
    if actor.hp <= 1:
        return
    context.journal.set(actor, "hp", actor.hp - 1)
    name = views.title(victim)
    context.outlet.send((actor,), Combat(name, "you", "swings round and thumps", 1))
    others = views.others(actor.here, actor)
    if others:
        context.outlet.send(others, Combat(name, actor.name, "swings round and thumps", 1))


@FAMILY.command("drink", usage="drink, drink from <water>", summary="drink where there is water")
def drink(context: Context, argument: str) -> None:
    actor, water = context.actor, _find_water(context, argument.removeprefix("from "))
    if actor.hp < actor.max_hp:
        context.journal.set(actor, "hp", actor.hp + 1)
    context.outlet.send((actor,), Text(f"You drink from {definite(water.name)}. The water is cold and good."))
    _show_others(context, f"drinks from {definite(water.name)}")


@FAMILY.command("wash", usage="wash, wash in <water>", summary="wash where there is water")
def wash(context: Context, argument: str) -> None:
    water = _find_water(context, argument.removeprefix("in "))
    effects.give(context.journal, context.actor, effects.WET, context.now)
    context.outlet.send(
        (context.actor,), Text(f"You wash at {definite(water.name)}, and come up dripping wet.")
    )
    _show_others(context, f"washes at {definite(water.name)}, and comes up dripping wet")


def _find_water(context: Context, phrase: str) -> Item:
    waters = [item for item in context.actor.here.items if item.prototype.water]
    if not waters:
        raise Refused("There is no water here that you would use.")
    if not phrase:
        return waters[0]
    target = parse(phrase)
    item = choose(waters, target)
    if item is None:
        raise Refused(f"{capital(target.said)} is not something to drink from or wash in.")
    return item


def _show_others(context: Context, what: str) -> None:
    others = views.others(context.actor.here, context.actor)
    if others:
        context.outlet.send(others, Text(f"{context.actor.name} {what}."))

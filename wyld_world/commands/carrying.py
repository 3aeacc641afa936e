"""Having things: picking up, putting down, giving, stowing, wearing."""

from __future__ import annotations

from collections.abc import Sequence

from wyld_rpc.messages import Structured, Text
from wyld_world.commands.family import Family, Refused
from wyld_world.commands.looking import find_container
from wyld_world.commands.targets import Target, choose, choose_items, choose_person, divide, parse
from wyld_world.model import stacks, views
from wyld_world.model.outlet import Context
from wyld_world.model.things import Holder, Item, Npc
from wyld_world.model.wording import capital, definite, listing

FAMILY = Family("carrying", "having things")

CARRY_LIMIT = 40
"""Things that one character carries, worn ones included; a pile is one. Keeps an inventory readable."""


@FAMILY.command(
    "get",
    usage="get <thing>, get all, get <thing> from <container>",
    summary="pick something up",
    details="'get 5 coins' takes some of a pile, 'get 2.rope' the second rope, 'get all.rope' all ropes.",
    aliases=("take",),
)
def get(context: Context, argument: str) -> None:
    if not argument:
        raise Refused("Get what?")
    what, source = divide(argument, "from", "in")
    actor, target = context.actor, parse(what)
    container = find_container(context, source) if source else None
    lying = container.items if container else actor.here.items
    found = choose_items([item for item in lying if not (target.everything and item.prototype.fixed)], target)
    if not found:
        place = f"in {definite(container.name)}" if container else "here"
        raise Refused(f"There is nothing {place} to take." if target.everything else _no_such(target, place))
    for item in found:
        if item.prototype.fixed:
            raise Refused(f"{capital(definite(item.name))} stays where it is.")
    if len(actor.items) + len(found) > CARRY_LIMIT:
        raise Refused(f"You cannot carry more than {CARRY_LIMIT} things.")
    names = _hand_over(context, found, target, actor)
    origin = f" from {definite(container.name)}" if container else ""
    verbs = ("take", "takes") if container else ("pick up", "picks up")
    _tell(context, f"You {verbs[0]} {names}{origin}.", f"{actor.name} {verbs[1]} {names}{origin}.")


@FAMILY.command("drop", usage="drop <thing>, drop all", summary="put something down here")
def drop(context: Context, argument: str) -> None:
    if not argument:
        raise Refused("Drop what?")
    target = parse(argument)
    names = _hand_over(context, _carried(context, target), target, context.actor.here)
    _tell(context, f"You put down {names}.", f"{context.actor.name} puts down {names}.")


@FAMILY.command("put", usage="put <thing> in <container>", summary="stow something in a container")
def put(context: Context, argument: str) -> None:
    what, destination = divide(argument, "in", "into", "inside")
    if not what or not destination:
        raise Refused("Put what in what? For example: put rope in chest.")
    container = find_container(context, destination)
    target = parse(what)
    carried = _carried(context, target)
    if target.everything:
        carried = [item for item in carried if not item.prototype.capacity]
    if any(item.prototype.capacity for item in carried):
        raise Refused("One container does not go into another.")
    if not carried:
        raise Refused("You carry nothing that goes in there.")
    name = definite(container.name)
    if len(container.items) + len(carried) > container.prototype.capacity:
        raise Refused(f"{capital(name)} has room for {container.prototype.capacity} things.")
    names = _hand_over(context, carried, target, container)
    _tell(context, f"You put {names} in {name}.", f"{context.actor.name} puts {names} in {name}.")


@FAMILY.command("give", usage="give <thing> to <person>", summary="hand something to someone here")
def give(context: Context, argument: str) -> None:
    what, whom = divide(argument, "to")
    if not what or not whom:
        raise Refused("Give what to whom? For example: give rope to ann.")
    actor, room = context.actor, context.actor.here
    target, person = parse(what), parse(whom)
    receiver = choose_person(room.characters, room.npcs, person)
    if receiver is None:
        raise Refused(f"You see no '{person.said}' here.")
    if receiver is actor:
        raise Refused("You have it already.")
    carried = _carried(context, target)
    if isinstance(receiver, Npc):
        raise Refused(f"{views.title(receiver)} will not take {definite(carried[0].name)} from you.")
    if receiver.linkdead:
        raise Refused(f"{receiver.name} is staring into nothing and does not hold out a hand.")
    if len(receiver.items) + len(carried) > CARRY_LIMIT:
        raise Refused(f"{receiver.name} cannot carry that much.")
    names = _hand_over(context, carried, target, receiver)
    context.outlet.send((actor,), Text(f"You give {names} to {receiver.name}."))
    context.outlet.send((receiver,), Text(f"{actor.name} gives you {names}."))
    witnesses = views.others(room, actor, receiver)
    if witnesses:
        context.outlet.send(witnesses, Text(f"{actor.name} gives {names} to {receiver.name}."))


@FAMILY.command(
    "inventory",
    usage="inventory, or i",
    summary="list what you carry and what you wear",
    aliases=("i", "inv"),
)
def inventory(context: Context, _: str) -> None:
    actor = context.actor
    worn = views.worn(actor)
    carried = [item for item in actor.items if not item.worn]
    lines = ["You carry:", *(item.name for item in carried)] if carried else ["You carry nothing."]
    lines += [f"{capital(item.name)}, worn on {slot.value}" for slot, item in worn.items()]
    data = {
        "carried": [{"name": item.name, "count": item.count} for item in carried],
        "worn": {slot.value: item.name for slot, item in worn.items()},
    }
    context.outlet.send((actor,), Structured("inventory", data, "\n".join(lines)))


@FAMILY.command("wear", usage="wear <thing>", summary="put on something that you carry")
def wear(context: Context, argument: str) -> None:
    if not argument:
        raise Refused("Wear what?")
    actor, target = context.actor, parse(argument)
    item = choose([item for item in actor.items if not item.worn], target)
    if item is None:
        raise Refused(f"You carry no '{target.said}'.")
    slot = item.prototype.slot
    if slot is None:
        raise Refused(f"{capital(definite(item.name))} is not for wearing.")
    if (other := views.worn(actor).get(slot)) is not None:
        raise Refused(f"You wear {other.name} on your {slot.value} already.")
    context.journal.set(item, "worn", True)
    _tell(context, f"You put on {item.name}.", f"{actor.name} puts on {item.name}.")


@FAMILY.command("remove", usage="remove <thing>", summary="take off something that you wear")
def remove(context: Context, argument: str) -> None:
    if not argument:
        raise Refused("Remove what?")
    target = parse(argument)
    item = choose([item for item in context.actor.items if item.worn], target)
    if item is None:
        raise Refused(f"You wear no '{target.said}'.")
    context.journal.set(item, "worn", False)
    _tell(context, f"You take off {item.name}.", f"{context.actor.name} takes off {item.name}.")


def _no_such(target: Target, place: str) -> str:
    return f"You see no '{target.said}' {place}."


def _carried(context: Context, target: Target) -> list[Item]:
    """What the actor carries of that, without what it wears; raises `Refused` if that is nothing."""
    items = context.actor.items
    found = choose_items([item for item in items if not item.worn], target)
    if found:
        return found
    if choose([item for item in items if item.worn], target):
        raise Refused("You are wearing that. Remove it first.")
    raise Refused("You carry nothing." if target.everything else f"You carry no '{target.said}'.")


def _hand_over(context: Context, items: Sequence[Item], target: Target, to: Holder) -> str:
    """Move items, or the wanted number of a pile, and return their names; raises `Refused` before moving any."""
    if target.count is not None:
        item = items[0]
        if target.count > item.count:
            raise Refused(f"There {'is' if item.count == 1 else 'are'} only {item.name}.")
        items = [stacks.split(context.journal, item, target.count, context.random)]
    names = listing([item.name for item in items])
    for item in items:
        stacks.lay(context.journal, item, to)
    return names


def _tell(context: Context, to_actor: str, to_others: str) -> None:
    context.outlet.send((context.actor,), Text(to_actor))
    others = views.others(context.actor.here, context.actor)
    if others:
        context.outlet.send(others, Text(to_others))

"""Doors: opening and closing them, seen from both sides."""

from __future__ import annotations

from wyld_rpc.messages import Text
from wyld_world.commands.family import Family, Refused
from wyld_world.commands.moving import find_exit
from wyld_world.commands.targets import parse
from wyld_world.model import views
from wyld_world.model.outlet import Context
from wyld_world.model.things import Exit
from wyld_world.model.wording import capital

FAMILY = Family("doors", "opening and closing doors")


@FAMILY.command("open", usage="open <door or direction>", summary="open a door")
def open_(context: Context, argument: str) -> None:
    _turn(context, argument, opening=True)


@FAMILY.command("close", usage="close <door or direction>", summary="close a door", aliases=("shut",))
def close(context: Context, argument: str) -> None:
    _turn(context, argument, opening=False)


def _turn(context: Context, argument: str, *, opening: bool) -> None:
    verb = "open" if opening else "close"
    if not argument:
        raise Refused(f"{capital(verb)} what?")
    exit_ = _find_door(context, argument)
    door = exit_.door
    assert door is not None, "only ways with doors are found"
    if door.open == opening:
        raise Refused(f"{capital(door.name)} is {'open' if opening else 'closed'} already.")
    context.journal.set(door, "open", opening)

    actor, here = context.actor, context.actor.here
    context.outlet.send((actor,), Text(f"You {verb} {door.name}."))
    others = views.others(here, actor)
    if others:
        context.outlet.send(others, Text(f"{actor.name} {verb}s {door.name}."))
    if exit_.to.characters and any(back.door is door for back in exit_.to.exits.values()):
        context.outlet.send(exit_.to.characters, Text(f"{capital(door.name)} {verb}s."))


def _find_door(context: Context, argument: str) -> Exit:
    room = context.actor.here
    doors = [exit_ for exit_ in room.exits.values() if exit_.door is not None]
    named = find_exit(room, argument)
    if named in doors:
        return named
    target = parse(argument)
    for exit_ in doors:
        if exit_.door is not None and target.matches(exit_.door.prototype.keywords):
            return exit_
    raise Refused(f"There is no door '{target.said}' here.")

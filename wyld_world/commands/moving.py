"""Getting about: the ten directions, ways with names, and what ways there are."""

from __future__ import annotations

from wyld_rpc.messages import Text
from wyld_world.commands.family import Family, Refused, Run
from wyld_world.model import movement, views
from wyld_world.model.outlet import Context
from wyld_world.model.things import Exit, Room
from wyld_world.model.wording import capital

FAMILY = Family("moving", "getting about")

SHORT_DIRECTIONS = {
    "n": "north",
    "s": "south",
    "e": "east",
    "w": "west",
    "ne": "northeast",
    "nw": "northwest",
    "se": "southeast",
    "sw": "southwest",
    "u": "up",
    "d": "down",
}


def find_exit(room: Room, name: str) -> Exit | None:
    """The exit that a player means: its name, the short form of a direction, or the beginning of a way's name."""
    name = " ".join(name.lower().split())
    exact = room.exits.get(SHORT_DIRECTIONS.get(name, name))
    if exact is not None or not name:
        return exact
    return next((exit_ for exit_ in room.exits.values() if exit_.name.startswith(name)), None)


def leave_by(context: Context, exit_: Exit) -> None:
    """Walk through an exit and look around on the other side."""
    if exit_.door is not None and exit_.closed:
        raise Refused(f"{capital(exit_.door.name)} is closed.")
    actor = context.actor
    movement.walk(context.journal, context.outlet, actor, exit_)
    context.outlet.send((actor,), views.describe(actor.here, actor))


def _go_towards(direction: str) -> Run:
    def go(context: Context, _: str) -> None:
        exit_ = context.actor.here.exits.get(direction)
        if exit_ is None:
            raise Refused(f"There is no way {direction} from here.")
        leave_by(context, exit_)

    return go


for _short, _direction in SHORT_DIRECTIONS.items():
    FAMILY.command(
        _direction,
        usage=f"{_direction}, or {_short}",
        summary=f"go {_direction}",
        aliases=(_short,),
    )(_go_towards(_direction))


@FAMILY.command(
    "go",
    usage="go <direction or way>",
    summary="take a way by its name",
    details="The name of the way alone does the same: 'gangplank' is as good as 'go gangplank'.",
)
def go(context: Context, argument: str) -> None:
    if not argument:
        raise Refused("Go where? Type 'exits' for the ways from here.")
    exit_ = find_exit(context.actor.here, argument)
    if exit_ is None:
        raise Refused(f"There is no way '{argument}' from here. Type 'exits' for those that there are.")
    leave_by(context, exit_)


@FAMILY.command(
    "exits", usage="exits", summary="list the ways from here and where they lead", aliases=("ways",)
)
def exits(context: Context, _: str) -> None:
    ways = context.actor.here.exits.values()
    lines = [describe_exit(exit_) for exit_ in ways]
    context.outlet.send((context.actor,), Text("\n".join(lines) or "There is no way out of here."))


def describe_exit(exit_: Exit) -> str:
    """One line: where an exit leads, or the closed door that hides it."""
    if exit_.door is None:
        return f"{capital(exit_.name)}: {exit_.to.name}."
    if exit_.closed:
        return f"{capital(exit_.name)}: {exit_.door.name}, closed."
    return f"{capital(exit_.name)}: {exit_.to.name}, through {exit_.door.name}, open."

"""Walking through an exit: the move itself, and what those on both sides see of it. The same for players and residents."""

from __future__ import annotations

from wyld_rpc.messages import Text
from wyld_world.model.journal import Journal
from wyld_world.model.outlet import Outlet
from wyld_world.model.prototypes import DIRECTIONS
from wyld_world.model.things import Character, Exit, Npc, Room
from wyld_world.model.views import title

_LEAVES = {"up": "goes up", "down": "goes down"}
_ARRIVES = {"up": "from above", "down": "from below"}


def walk(journal: Journal, outlet: Outlet, who: Character | Npc, exit_: Exit) -> None:
    """Take `who` through an exit, which must not be closed. Those who stay and those who are there already are told."""
    left, entered = who.location, exit_.to
    if left is None or exit_.closed:
        raise ValueError(f"{who.name} cannot go {exit_.name}")
    # Told before the move and after it, so that neither list holds `who` and neither has to be copied.
    if entered.characters:
        outlet.send(entered.characters, Text(f"{title(who)} {_arriving(left, entered)}."))
    journal.move(who, entered)
    if left.characters:
        outlet.send(left.characters, Text(f"{title(who)} {_leaving(exit_.name)}."))


def _leaving(name: str) -> str:
    if name in _LEAVES:
        return _LEAVES[name]
    return f"walks {name}" if name in DIRECTIONS else f"leaves by the {name}"


def _arriving(left: Room, entered: Room) -> str:
    back = next((exit_.name for exit_ in entered.exits.values() if exit_.to is left), None)
    if back is None:
        return "arrives"
    if back in _ARRIVES:
        return f"arrives {_ARRIVES[back]}"
    return f"arrives from the {back}" if back in DIRECTIONS else f"arrives by the {back}"

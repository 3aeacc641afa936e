"""What only all files together can show: that every reference leads somewhere, ways lead back, and doors have two sides.

Pure. Reports problems and changes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from wyld_world.areas.problems import Where, did_you_mean
from wyld_world.areas.reading import Links
from wyld_world.model.prototypes import DoorKey, ExitPrototype, Placement, RoomKey


def check(links: Links) -> None:
    for where, room in links.room_references:
        _check_known(where, "room", room, links.rooms)
    for where, placement in links.placements:
        _check_placement(where, placement, links)
    _check_exits(links)
    _check_doors(links)


def _check_known(where: Where, what: str, key: str, known: Collection[str]) -> bool:
    if key in known:
        return True
    where.report(f"there is no {what} '{key}'{did_you_mean(key, known)}")
    return False


def _check_placement(where: Where, placement: Placement, links: Links) -> None:
    if not _check_known(where, "item", placement.item, links.items):
        return
    item = links.items[placement.item]
    if placement.count > 1 and not item.plural:
        where.report(f"{item.key} is not counted; give it a 'plural', or name it several times")
    if len(placement.holds) > item.capacity:
        where.report(
            f"{item.key} has room for {item.capacity} things, and {len(placement.holds)} are put in it"
        )
    for inside in placement.holds:
        _check_placement(where, inside, links)
        held = links.items.get(inside.item)
        if held is not None and (held.capacity or held.fixed):
            where.report(
                f"{held.key} cannot be put in {item.key}: it is {'fixed' if held.fixed else 'a container'}"
            )


def _check_exits(links: Links) -> None:
    leads = {(room, exit_.to) for _, room, exit_, _ in links.exits}
    for where, room, exit_, one_way in links.exits:
        known = _check_known(where, "room", exit_.to, links.rooms)
        if known and not one_way and (exit_.to, room) not in leads:
            where.report(
                f"no way leads back from {exit_.to} to {room}; make one, or mark this one 'one_way = true'"
            )
        if exit_.door is not None:
            _check_known(where, "door", exit_.door, links.doors)


def _check_doors(links: Links) -> None:
    sides: dict[DoorKey, list[tuple[RoomKey, ExitPrototype]]] = defaultdict(list)
    for _, room, exit_, _ in links.exits:
        if exit_.door is not None:
            sides[exit_.door].append((room, exit_))
    for key, (where, _) in links.doors.items():
        match sides[key]:
            case [_]:
                pass
            case [(room, exit_), (other, back)] if (room, exit_.to) == (back.to, other):
                pass
            case []:
                where.report(f"no way has the door {key}")
            case _:
                where.report(f"the door {key} must be on one way, or on a way and the way back")

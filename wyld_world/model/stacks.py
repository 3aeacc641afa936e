"""Moving items so that equal counted ones lie in one pile.

Of a counted kind, no holder gets a second pile: what arrives joins the first. Pure; every change goes through the journal.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from wyld_rpc.messages import EntityId
from wyld_world.model.things import Holder, Item

if TYPE_CHECKING:
    from wyld_world.model.journal import Journal


def lay(journal: Journal, item: Item, destination: Holder) -> None:
    """Move an item, or a whole pile, taking it off first if it is worn."""
    if item.worn:
        journal.set(item, "worn", False)
    pile = _pile_like(item, destination)
    if pile is None:
        journal.move(item, destination)
    else:
        journal.set(pile, "count", pile.count + item.count)
        journal.remove(item)


def split(journal: Journal, item: Item, count: int, random: random.Random) -> Item:
    """`count` of a pile as an item of its own, which is nowhere yet; the item itself if that is all of it.

    Raises `ValueError` if the pile has fewer.
    """
    if not 1 <= count <= item.count:
        raise ValueError(f"cannot take {count} of {item.count}")
    if count == item.count:
        return item
    part = Item(EntityId(random.randbytes(16)), item.prototype, count=count)
    journal.set(item, "count", item.count - count)
    journal.add(part)
    return part


def _pile_like(item: Item, holder: Holder) -> Item | None:
    if not item.prototype.plural:
        return None
    for other in holder.items:
        if other.prototype is item.prototype and other is not item:
            return other
    return None

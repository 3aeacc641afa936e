"""What is done to a running game, one thing after the other, at random moments."""

from __future__ import annotations

import enum
import random as random_module
import signal
from collections.abc import Callable, Sequence
from typing import Final, NoReturn

import trio

from wyld.bench.game import Game, end_at_once

PAUSE: Final = (0.2, 5.0)
"""Seconds between the end of one fault and the next one: from the middle of recovery to calm."""

FREEZE: Final = (0.1, 12.0, 1.0)
"""Seconds for which something stands still: least, most, and most likely. The most is longer than the link's patience."""


class Fault(enum.Enum):
    """One kind of fault, by its name on the command line."""

    WORLD_KILL = "world-kill"
    WORLD_RESTART = "world-restart"
    WORLD_FREEZE = "world-freeze"
    LINK_CUT = "link-cut"
    LINK_FREEZE = "link-freeze"
    GATEWAY_KILL = "gateway-kill"


UNNOTICED: Final = tuple(fault for fault in Fault if fault is not Fault.GATEWAY_KILL)
"""Those that no player's connection may notice."""


async def disturb(
    game: Game, faults: Sequence[Fault], random: random_module.Random, note: Callable[[Fault], None]
) -> NoReturn:
    """Inflict faults for ever; `note` is called with each as it begins. Cancelled, it leaves nothing frozen."""
    while True:
        await trio.sleep(random.uniform(*PAUSE))
        fault = random.choice(faults)
        note(fault)
        await _inflict(fault, game, random)


async def _inflict(fault: Fault, game: Game, random: random_module.Random) -> None:
    match fault:
        case Fault.WORLD_KILL:
            end_at_once(game.world)
        case Fault.WORLD_RESTART:
            game.world.restart()
        case Fault.WORLD_FREEZE:
            game.world.send_signal(signal.SIGSTOP)
            try:
                await trio.sleep(random.triangular(*FREEZE))
            finally:
                game.world.send_signal(signal.SIGCONT)
        case Fault.LINK_CUT:
            game.link.cut()
        case Fault.LINK_FREEZE:
            game.link.freeze()
            try:
                await trio.sleep(random.triangular(*FREEZE))
            finally:
                game.link.thaw()
        case Fault.GATEWAY_KILL:
            end_at_once(random.choice(game.gateways).child)

"""What the world needs of whoever carries its words to the players, and all that a command gets to work with.

The world never knows a session or a connection: it speaks to characters. The engine implements `Outlet`: it numbers outputs, holds
back what one command sends until that command has succeeded, and drops it where it has not.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Protocol

import attrs

from wyld_rpc.messages import DisconnectReason, EntityStateUpdate, GameOutput
from wyld_world.model.journal import Journal
from wyld_world.model.things import Character
from wyld_world.model.world import World


class Outlet(Protocol):
    """Carries outputs, states and goodbyes to the sessions of characters. No method blocks or calls back.

    What cannot be sent, because it is larger than the link allows, raises: that is a defect of whoever said it, and its
    command is undone.
    """

    def send(self, recipients: Iterable[Character], output: GameOutput) -> None:
        """One output to everyone in `recipients`, once each. The iterable is read before the call returns."""

    def state(self, character: Character, update: EntityStateUpdate) -> None:
        """What is now true of `character`, for its own client. Only the last of each kind and name counts."""

    def disconnect(self, character: Character, reason: DisconnectReason, text: str) -> None:
        """End the character's session; `text` is the last thing its player reads."""


@attrs.define
class Context:
    """All that a command may use. `now` is in seconds since 1970, UTC; `random` is its only source of chance."""

    world: World
    journal: Journal
    outlet: Outlet
    actor: Character
    now: float
    random: random.Random

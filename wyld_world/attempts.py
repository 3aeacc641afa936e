"""Running code of the game so that a mistake in it costs nothing: it succeeds and is heard, or it has never happened.

No I/O but its log lines. This is the one place besides a link's task where any exception is caught: a mistake in one command must not end the game of
everybody else.
"""

from __future__ import annotations

import random as random_module
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from wyld_rpc.messages import CallError
from wyld_service.log import Event, get_logger
from wyld_world.errors import Undone
from wyld_world.model.journal import Journal
from wyld_world.model.outlet import Context
from wyld_world.model.things import Character
from wyld_world.model.world import World
from wyld_world.outlet import CommandOutlet
from wyld_world.sessions import Sessions

P = ParamSpec("P")
T = TypeVar("T")

_log = get_logger()


class Attempts:
    """What all code of the game works on, and the way to run it.

    Attributes:
        now: Seconds of the engine's clock; set by the engine for each turn.
        wall: Seconds since 1970, likewise.
        failures: What raised because of a mistake, ever.
    """

    def __init__(
        self, world: World, journal: Journal, sessions: Sessions, random: random_module.Random
    ) -> None:
        self.world = world
        self.journal = journal
        self.outlet = CommandOutlet(sessions)
        self.random = random
        self.now = 0.0
        self.wall = 0.0
        self.failures = 0

    def attempt(self, who: str, action: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Do something to the model and let what it said be heard, or undo it.

        Raises:
            CallError: As `action` did; it is undone. That is an answer, no mistake.
            Undone: `action` raised anything else; it is undone and logged with `who`.
        """
        mark = self.journal.mark()
        try:
            result = action(*args, **kwargs)
        except Exception as error:
            self.journal.undo_to(mark)
            self.outlet.discard()
            if isinstance(error, CallError):
                raise
            self.failures += 1
            _log.error(Event.CMD_FAILED, who=who, exc_info=error)
            raise Undone from error
        self.outlet.release(self.now)
        return result

    def act(
        self,
        character: Character,
        action: Callable[Concatenate[Context, P], None],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """`attempt` something in the name of a character."""
        context = Context(self.world, self.journal, self.outlet, character, self.wall, self.random)
        self.attempt(character.name, action, context, *args, **kwargs)

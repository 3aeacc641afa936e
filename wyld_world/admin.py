"""What an operator can ask of a world over its control socket: `status` at any time, `restart` while it runs the game."""

from __future__ import annotations

import secrets

import trio

from wyld_service.control import Arguments, Json, Verb
from wyld_service.errors import ControlRefused
from wyld_service.status import STATUS, Phase, ThisProcess, WorldStatus
from wyld_world.restart import LONGEST_NOTICE, PlannedRestart
from wyld_world.running import RunningWorld

MAX_REASON = 200
"""Characters. It is read out to every player."""


class Admin:
    """The operator's side of one world's process, from its start to its end.

    Attributes:
        world: None until it runs the game.
        lock_trouble: As in `WorldStatus`.
    """

    def __init__(self, stop: trio.Event) -> None:
        self.world: RunningWorld | None = None
        self.lock_trouble = "The lock has not been asked for yet."
        self.restart = PlannedRestart(stop)
        self._stop = stop
        self._process = ThisProcess()
        self._life = secrets.token_hex(8)

    def verbs(self) -> dict[str, Verb]:
        """For `serve_control`."""
        return {
            STATUS: Verb(self._tell_status, changes=False),
            "restart": Verb(self._plan_restart, takes=frozenset({"seconds", "reason"})),
        }

    def note_lock(self, trouble: str) -> None:
        """The lock is held if `trouble` is empty, and else it is not, for this reason."""
        self.lock_trouble = trouble

    def _tell_status(self, _: Arguments) -> Json:
        world = self.world
        detached = (
            [] if world is None else [session.detached_at for session in world.sessions.detached.values()]
        )
        unprotected = None if world is None else world.committer.unprotected_since
        return WorldStatus(
            **self._process.facts(),
            life=self._life,
            phase=self._phase(),
            lock_trouble=self.lock_trouble,
            gateways=0 if world is None else len(tuple(world.gateways)),
            sessions={
                "attached": 0 if world is None else len(world.sessions.by_id) - len(detached),
                "detached": len(detached),
            },
            # Those who wait longest come first.
            oldest_detached_seconds=_age(detached[0] if detached else None),
            unprotected_seconds=_age(unprotected),
            restart_in_seconds=self.restart.seconds_left,
        ).to_json()

    def _phase(self) -> Phase:
        if self._stop.is_set():
            return Phase.STOPPING
        return Phase.WAITING if self.world is None else Phase.RUNNING

    def _plan_restart(self, arguments: Arguments) -> Json:
        if self.world is None:
            raise ControlRefused(f"This world does not run the game yet. {self.lock_trouble}".rstrip())
        seconds = arguments.number("seconds", 0.0, low=0.0, high=LONGEST_NOTICE)
        self.restart.plan(seconds, arguments.text("reason", "", limit=MAX_REASON))
        return {"seconds": seconds}


def _age(since: float | None) -> float | None:
    return None if since is None else round(trio.current_time() - since, 1)

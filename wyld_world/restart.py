"""A restart that an operator has asked for: announced to the players, counted down, carried out by a graceful stop.

The world only ends. Whoever keeps its process running (`wyld up`, systemd, a container engine) starts the next one, and the
gateways hold the players meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import trio

from wyld_service.errors import ControlRefused
from wyld_service.log import Event, get_logger

REMINDERS: Final = (60.0, 10.0)
"""Seconds before the restart at which players hear of it again."""

LONGEST_NOTICE: Final = 3600.0
"""Seconds ahead that a restart can be announced; for tomorrow's there is a calendar."""

_log = get_logger()


class PlannedRestart:
    """At most one in the life of a world. One task runs `run`; any task of the event loop may call the rest.

    Args:
        stop: Set when the time has come.
    """

    def __init__(self, stop: trio.Event) -> None:
        self.reason = ""
        self._stop = stop
        self._at: float | None = None
        self._planned = trio.Event()

    @property
    def seconds_left(self) -> float | None:
        """Until the restart; None while none is planned."""
        return None if self._at is None else max(0.0, self._at - trio.current_time())

    def plan(self, seconds: float, reason: str) -> None:
        """Restart in `seconds`. Raises `ControlRefused` if that is decided already, or the world stops anyway."""
        if self._stop.is_set():
            raise ControlRefused("The world is stopping already.")
        if self.seconds_left is not None:
            raise ControlRefused(f"The world restarts already, in {self.seconds_left:.0f} s.")
        _log.warning(Event.WORLD_RESTART, seconds=seconds, reason=reason)
        self.reason = reason
        self._at = trio.current_time() + seconds
        self._planned.set()

    async def run(self, warn: Callable[[float, str], None]) -> None:
        """Wait for a plan; then call `warn` with the seconds that are left and the reason, when it is time to, and stop.

        Cancellation: nobody is warned any more, and nothing stops.
        """
        await self._planned.wait()
        assert self._at is not None
        for left in _moments(self._at - trio.current_time()):
            await trio.sleep_until(self._at - left)
            warn(left, self.reason)
        await trio.sleep_until(self._at)
        self._stop.set()


def _moments(seconds: float) -> Iterator[float]:
    """How many seconds before the end players are told: at once, and at each reminder. At the end itself the stop tells."""
    if seconds > 0:
        yield seconds
    yield from (moment for moment in REMINDERS if moment < seconds)

"""What each process says of itself when an operator asks for its status: the answer of the verb `status`.

The classes are the contract between the processes, which fill them in, and `wyld status`, which reads them; the two may be
of different releases for a while, so a field that is added needs a default. Times are seconds.
"""

from __future__ import annotations

import enum
import os
from importlib.metadata import version
from typing import Any, Final, Self

import attrs
import cattrs
import trio

STATUS: Final = "status"
"""The verb."""

_converter = cattrs.Converter(detailed_validation=False)


@attrs.frozen(kw_only=True)
class ProcessStatus:
    """What every process says."""

    pid: int
    version: str
    uptime_seconds: float

    def to_json(self) -> dict[str, Any]:
        """As it goes over the control socket."""
        return dict(_converter.unstructure(self))

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """From what came over the control socket.

        Raises:
            ValueError: It is something else; the process is of another release.
        """
        try:
            return _converter.structure(value, cls)
        except Exception as error:  # cattrs raises whatever the conversion of a field raises
            raise ValueError(f"this is not the status of a {cls.__name__}") from error


@attrs.frozen(kw_only=True)
class GatewayStatus(ProcessStatus):
    """One gateway.

    Attributes:
        link_up: Whether there is a link to the world; else `link_away_seconds` tells since when not.
        database_ok: Whether the database answered the last time.
        connections: By protocol.
        sessions: Those that this gateway holds, by state.
        oldest_detached_seconds: How long the session has waited that waits longest for its player.
    """

    link_up: bool
    link_away_seconds: float
    database_ok: bool
    connections: dict[str, int]
    sessions: dict[str, int]
    oldest_detached_seconds: float | None


class Phase(enum.Enum):
    WAITING = "waiting"
    """For the database, or for another world to end."""
    RUNNING = "running"
    STOPPING = "stopping"


@attrs.frozen(kw_only=True)
class WorldStatus(ProcessStatus):
    """One world.

    Attributes:
        life: Random; another one after a restart.
        lock_trouble: Why the lock that makes it the only world of its database is not held, in words: the database is away,
            or another world has it. A world that waits waits for this; one that runs goes on. Empty while the lock is held.
        gateways: Those that are linked.
        sessions: Those in play, `attached` and `detached`.
        oldest_detached_seconds: As of a gateway.
        unprotected_seconds: How long play has gone on without being saved; None while it is saved.
        restart_in_seconds: Until the restart that was announced, if one was.
    """

    life: str
    phase: Phase
    lock_trouble: str
    gateways: int
    sessions: dict[str, int]
    oldest_detached_seconds: float | None
    unprotected_seconds: float | None
    restart_in_seconds: float | None


@attrs.frozen
class ThisProcess:
    """What is the same in every answer of this process; made when it starts, in the event loop."""

    started: float = attrs.field(factory=trio.current_time)

    def facts(self) -> dict[str, Any]:
        """The fields of `ProcessStatus`."""
        return {
            "pid": os.getpid(),
            "version": version("wyld"),
            "uptime_seconds": round(trio.current_time() - self.started, 1),
        }

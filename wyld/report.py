"""What `wyld status` concludes from what the processes say: the health of each part, the counts, the exit status.  (pure)

Of several processes some may run on other machines, where their sockets cannot be reached from here. So each part is judged by
whoever here knows of it: a world that is linked runs, wherever it is.
"""

import enum
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import attrs

from wyld.processes import Running
from wyld_gateway.wording import for_how_long
from wyld_service.status import GatewayStatus, Phase, ProcessStatus, WorldStatus


class Health(enum.IntEnum):
    """How a part is; the value is the exit status."""

    OK = 0
    DEGRADED = 1
    """People play; somebody must look at it."""
    DOWN = 2
    """Nobody can play."""


@attrs.frozen
class PartReport:
    """One part, how it is, and how so."""

    name: str
    health: Health
    detail: str


@attrs.frozen
class Report:
    """Everything that `wyld status` shows; see `docs/operating.md` for the keys of `to_json`."""

    parts: tuple[PartReport, ...]
    connections: dict[str, int]
    sessions: dict[str, int]
    oldest_detached_seconds: float | None
    unprotected_seconds: float | None
    restart_in_seconds: float | None
    gateways: tuple[GatewayStatus, ...]
    worlds: tuple[WorldStatus, ...]

    @property
    def health(self) -> Health:
        """That of the part that is worst."""
        return max(part.health for part in self.parts)

    def to_json(self) -> dict[str, Any]:
        """For programs. The keys are part of what we promise to operators."""
        return {
            "status": _word(self.health),
            "parts": {
                part.name: {"status": _word(part.health), "detail": part.detail} for part in self.parts
            },
            "connections": self.connections,
            "sessions": self.sessions,
            "oldest_detached_seconds": self.oldest_detached_seconds,
            "unprotected_seconds": self.unprotected_seconds,
            "restart_in_seconds": self.restart_in_seconds,
            "gateways": [gateway.to_json() for gateway in self.gateways],
            "worlds": [world.to_json() for world in self.worlds],
        }

    def rows(self) -> list[tuple[str, str, str]]:
        """For people: what, how it is, how so; where there is nothing to judge the second is empty."""
        detached = self.oldest_detached_seconds
        return [
            *((part.name, _word(part.health), part.detail) for part in self.parts),
            ("connections", "", _counts(self.connections)),
            ("sessions", "", _counts(self.sessions)),
            ("oldest detached", "", "none" if detached is None else f"for {for_how_long(detached)}"),
        ]


def make_report(running: Running) -> Report:
    """Conclude; `running` holds at least one process."""
    gateways, worlds = tuple(running.gateways.values()), tuple(running.worlds.values())
    world = next((world for world in worlds if world.phase is Phase.RUNNING), None)
    linked = any(gateway.link_up for gateway in gateways)
    silent = {
        kind: [each.reason for each in running.silent if each.kind == kind] for kind in ("gateway", "world")
    }
    return Report(
        (
            PartReport("gateway", *_judge_gateways(gateways, world, silent["gateway"])),
            PartReport("link", *_judge_link(gateways, world)),
            PartReport("world", *_judge_worlds(worlds, linked, silent["world"])),
            PartReport("database", *_judge_database(gateways, world)),
        ),
        _sum(gateway.connections for gateway in gateways),
        _sessions(gateways, world),
        _oldest_detached(gateways, worlds),
        None if world is None else world.unprotected_seconds,
        None if world is None else world.restart_in_seconds,
        gateways,
        worlds,
    )


_Judgement = tuple[Health, str]


def _judge_gateways(
    gateways: Sequence[GatewayStatus], world: WorldStatus | None, silent: list[str]
) -> _Judgement:
    if silent:
        return (Health.DEGRADED if gateways else Health.DOWN), " ".join(silent)
    if gateways:
        return Health.OK, _processes(gateways)
    if world is not None and world.gateways:
        return Health.OK, f"{world.gateways} linked, none on this machine"
    return Health.DOWN, "none runs here"


def _judge_link(gateways: Sequence[GatewayStatus], world: WorldStatus | None) -> _Judgement:
    away = [gateway.link_away_seconds for gateway in gateways if not gateway.link_up]
    if away:
        words = f"{len(away)} of {len(gateways)} away for {for_how_long(max(away))}"
        return (Health.DOWN if len(away) == len(gateways) else Health.DEGRADED), words
    if gateways or (world is not None and world.gateways):
        return Health.OK, "up"
    return Health.DOWN, "no gateway is linked"


def _judge_worlds(worlds: Sequence[WorldStatus], linked: bool, silent: list[str]) -> _Judgement:
    running = [world for world in worlds if world.phase is Phase.RUNNING]
    idle = [_describe_idle(world) for world in worlds if world.phase is not Phase.RUNNING]
    if running:
        health, words = _judge_running(running)
    elif linked and not silent:
        health, words = Health.OK, "linked, not on this machine"
    else:
        health, words = Health.DOWN, "" if idle or silent else "none runs here"
    return health, "; ".join(filter(None, [words, *idle, *silent]))


def _judge_running(worlds: Sequence[WorldStatus]) -> _Judgement:
    health, words = Health.OK, _processes(worlds)
    for world in worlds:
        if world.unprotected_seconds is not None:
            health = Health.DEGRADED
            words += f"; unprotected: nothing has been saved for {for_how_long(world.unprotected_seconds)}"
        if world.restart_in_seconds is not None:
            words += f"; restarts in {for_how_long(world.restart_in_seconds)}"
    return health, words


def _describe_idle(world: WorldStatus) -> str:
    if world.phase is Phase.STOPPING:
        return f"process {world.pid} is stopping"
    return f"process {world.pid} waits: {world.lock_trouble}"


def _judge_database(gateways: Sequence[GatewayStatus], world: WorldStatus | None) -> _Judgement:
    if world is not None and world.lock_trouble:
        return Health.DEGRADED, world.lock_trouble
    if (world is not None and world.unprotected_seconds is not None) or not all(
        gateway.database_ok for gateway in gateways
    ):
        return Health.DEGRADED, "does not answer"
    if gateways or world is not None:
        return Health.OK, "answers"
    return Health.DOWN, "nobody here uses it"


def _sessions(gateways: Sequence[GatewayStatus], world: WorldStatus | None) -> dict[str, int]:
    """By state, as gateways know them; from a world alone, those in play."""
    if gateways or world is None:
        return _sum(gateway.sessions for gateway in gateways)
    return {"Playing": world.sessions["attached"], "Disconnected": world.sessions["detached"]}


def _oldest_detached(gateways: Sequence[GatewayStatus], worlds: Sequence[WorldStatus]) -> float | None:
    ages = [each.oldest_detached_seconds for each in gateways]
    ages += [each.oldest_detached_seconds for each in worlds]
    return max((age for age in ages if age is not None), default=None)


def _sum(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return dict(total)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "none"


def _processes(processes: Sequence[ProcessStatus]) -> str:
    return ", ".join(f"process {each.pid} up {for_how_long(each.uptime_seconds)}" for each in processes)


def _word(health: Health) -> str:
    return health.name.lower()

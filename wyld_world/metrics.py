"""What an operator sees of a world: numbers and health, read when somebody asks.

The numbers are plain ints of whoever counts them; nothing here costs anything while nobody looks.
"""

from __future__ import annotations

from collections.abc import Iterable

import trio

from wyld_service.metrics import Health, Part, Reading
from wyld_world.running import RunningWorld


def readings(world: RunningWorld) -> list[Reading]:
    """Everything that `/metrics` shows of a world."""
    engine, committer, sessions, gateways = world.engine, world.committer, world.sessions, world.gateways

    def by_attachment() -> dict[tuple[str, ...], float]:
        detached = len(sessions.detached)
        return {("attached",): len(sessions.by_id) - detached, ("detached",): detached}

    return [
        Reading(
            "wyld_world_gateways",
            "Gateways that are linked.",
            lambda: sum(each.link is not None for each in gateways),
        ),
        Reading("wyld_world_sessions", "Sessions in play.", by_attachment, labels=("client",)),
        Reading("wyld_world_commands", "Commands that have run.", lambda: engine.commands, kind="counter"),
        Reading("wyld_world_turns", "Turns of the engine.", lambda: engine.turns, kind="counter"),
        Reading(
            "wyld_world_failures",
            "Commands that raised because of a mistake and were undone.",
            lambda: world.attempts.failures,
            kind="counter",
        ),
        Reading("wyld_world_commits", "Commits that have landed.", lambda: committer.commits, kind="counter"),
        Reading(
            "wyld_world_unprotected",
            "Whether play goes on without being saved.",
            lambda: committer.unprotected_since is not None,
        ),
        Reading(
            "wyld_world_unacked_bytes",
            "Ticks that gateways have not acknowledged.",
            lambda: sum(gateway.unacked.size for gateway in gateways),
        ),
        Reading(
            "wyld_world_kept_outputs",
            "Outputs that clients have not confirmed.",
            lambda: sum(len(session.outputs) for session in sessions.by_id.values()),
        ),
    ]


def health(world: RunningWorld) -> Health:
    """What `/healthz` and `/readyz` say of a world. Play goes on while it is unprotected, but somebody must look."""

    def ready() -> Iterable[Part]:
        since = world.committer.unprotected_since
        saved = "commits land" if since is None else f"nothing saved for {trio.current_time() - since:.0f} s"
        yield Part("store", since is None, saved)

    return Health(ready=ready)

"""What `wyld status` concludes: every part from whoever here knows of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest

from wyld.processes import Running, Silent
from wyld.report import Health, Report, make_report
from wyld_service.status import GatewayStatus, Phase, WorldStatus

GATEWAY = GatewayStatus(
    pid=7,
    version="1.0",
    uptime_seconds=192.0,
    link_up=True,
    link_away_seconds=0.0,
    database_ok=True,
    connections={"telnet": 2, "websocket": 0},
    sessions={"Playing": 1, "Disconnected": 1},
    oldest_detached_seconds=12.0,
)
WORLD = WorldStatus(
    pid=8,
    version="1.0",
    uptime_seconds=40.0,
    life="a1",
    phase=Phase.RUNNING,
    lock_trouble="",
    gateways=1,
    sessions={"attached": 3, "detached": 4},
    oldest_detached_seconds=90.0,
    unprotected_seconds=None,
    restart_in_seconds=None,
)
AWAY = attrs.evolve(GATEWAY, link_up=False, link_away_seconds=5.0)
LOCKED = "Another process works with this database and holds its lock."
WAITING = attrs.evolve(WORLD, pid=9, phase=Phase.WAITING, lock_trouble=LOCKED, gateways=0)


def report(*processes: GatewayStatus | WorldStatus, silent: tuple[Silent, ...] = ()) -> Report:
    running = Running(Path("run"), silent=list(silent))
    for number, process in enumerate(processes):
        kind: dict[Path, Any] = (
            running.gateways if isinstance(process, GatewayStatus) else running.worlds  # type: ignore[assignment]
        )
        kind[Path(str(number))] = process
    return make_report(running)


def parts(made: Report) -> dict[str, tuple[Health, str]]:
    return {part.name: (part.health, part.detail) for part in made.parts}


def test_all_is_well() -> None:
    made = report(GATEWAY, WORLD)

    assert made.health is Health.OK
    assert made.rows() == [
        ("gateway", "ok", "process 7 up 3 min 12 s"),
        ("link", "ok", "up"),
        ("world", "ok", "process 8 up 40 s"),
        ("database", "ok", "answers"),
        ("connections", "", "2 telnet"),
        ("sessions", "", "1 Playing, 1 Disconnected"),
        ("oldest detached", "", "for 1 min 30 s"),
    ]


def test_keys_of_the_json_form_are_those_of_the_manual() -> None:
    value = report(GATEWAY, WORLD).to_json()

    assert list(value) == [
        "status",
        "parts",
        "connections",
        "sessions",
        "oldest_detached_seconds",
        "unprotected_seconds",
        "restart_in_seconds",
        "gateways",
        "worlds",
    ]
    assert value["status"] == "ok"
    assert list(value["parts"]) == ["gateway", "link", "world", "database"]
    assert value["parts"]["link"] == {"status": "ok", "detail": "up"}
    assert value["gateways"] == [GATEWAY.to_json()]
    assert value["worlds"] == [WORLD.to_json()]
    manual = Path(__file__).parents[2].joinpath("docs", "operating.md").read_text()
    named = [*value, *value["gateways"][0], *value["worlds"][0]]
    assert [key for key in named if f"`{key}`" not in manual] == []


def test_world_that_is_gone_is_down_and_its_players_are_still_counted() -> None:
    made = report(AWAY)

    assert made.health is Health.DOWN
    assert parts(made)["link"] == (Health.DOWN, "1 of 1 away for 5 s")
    assert parts(made)["world"] == (Health.DOWN, "none runs here")
    assert parts(made)["gateway"][0] is Health.OK
    assert made.sessions == GATEWAY.sessions


def test_gateway_that_is_gone_is_down() -> None:
    made = report(attrs.evolve(WORLD, gateways=0))

    assert made.health is Health.DOWN
    assert parts(made)["gateway"] == (Health.DOWN, "none runs here")
    assert parts(made)["link"] == (Health.DOWN, "no gateway is linked")
    assert parts(made)["world"][0] is Health.OK


def test_gateways_on_other_machines_are_known_to_the_world() -> None:
    made = report(attrs.evolve(WORLD, gateways=2))

    assert made.health is Health.OK
    assert parts(made)["gateway"] == (Health.OK, "2 linked, none on this machine")
    assert made.sessions == {"Playing": 3, "Disconnected": 4}
    assert made.connections == {}


def test_world_on_another_machine_is_known_to_the_gateway() -> None:
    made = report(GATEWAY)

    assert made.health is Health.OK
    assert parts(made)["world"] == (Health.OK, "linked, not on this machine")
    assert made.unprotected_seconds is None


def test_several_gateways_are_added_up() -> None:
    made = report(GATEWAY, AWAY, WORLD)

    assert made.health is Health.DEGRADED
    assert parts(made)["link"] == (Health.DEGRADED, "1 of 2 away for 5 s")
    assert made.connections == {"telnet": 4, "websocket": 0}
    assert made.sessions == {"Playing": 2, "Disconnected": 2}


def test_unprotected_play_and_an_announced_restart_are_told() -> None:
    made = report(GATEWAY, attrs.evolve(WORLD, unprotected_seconds=12.0, restart_in_seconds=30.0))

    assert made.health is Health.DEGRADED
    words = "process 8 up 40 s; unprotected: nothing has been saved for 12 s; restarts in 30 s"
    assert parts(made)["world"] == (Health.DEGRADED, words)
    assert parts(made)["database"] == (Health.DEGRADED, "does not answer")
    assert (made.unprotected_seconds, made.restart_in_seconds) == (12.0, 30.0)


@pytest.mark.parametrize(
    ("processes", "detail"),
    [
        ((attrs.evolve(GATEWAY, database_ok=False), WORLD), "does not answer"),
        ((GATEWAY, attrs.evolve(WORLD, lock_trouble="The database is gone.")), "The database is gone."),
    ],
)
def test_database_that_is_away_degrades(
    processes: tuple[GatewayStatus | WorldStatus, ...], detail: str
) -> None:
    made = report(*processes)

    assert made.health is Health.DEGRADED
    assert parts(made)["database"] == (Health.DEGRADED, detail)


def test_world_that_waits_to_take_over_is_told_and_harms_nobody() -> None:
    made = report(GATEWAY, WAITING, WORLD)

    assert made.health is Health.OK
    assert parts(made)["world"] == (Health.OK, f"process 8 up 40 s; process 9 waits: {LOCKED}")


def test_world_that_only_waits_is_down() -> None:
    made = report(WAITING)

    assert parts(made)["world"] == (Health.DOWN, f"process 9 waits: {LOCKED}")
    assert parts(made)["database"] == (Health.DOWN, "nobody here uses it")


def test_world_that_stops_is_down() -> None:
    made = report(AWAY, attrs.evolve(WORLD, phase=Phase.STOPPING))

    assert parts(made)["world"] == (Health.DOWN, "process 8 is stopping")


@pytest.mark.parametrize(
    ("others", "kind", "health"),
    [
        ((GATEWAY, WORLD), "gateway", Health.DEGRADED),
        ((WORLD,), "gateway", Health.DOWN),
        ((GATEWAY,), "world", Health.DOWN),
        ((GATEWAY, WORLD), "world", Health.OK),
    ],
)
def test_process_that_says_nothing_is_told(
    others: tuple[GatewayStatus | WorldStatus, ...], kind: str, health: Health
) -> None:
    made = report(*others, silent=(Silent(kind, "Process 5 may be stuck."),))

    assert parts(made)[kind][0] is health
    assert "Process 5 may be stuck." in parts(made)[kind][1]

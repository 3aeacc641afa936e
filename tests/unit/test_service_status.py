"""What a process says of itself, there and back, between releases that differ."""

from __future__ import annotations

import json

import attrs
import pytest

from wyld_service.status import GatewayStatus, Phase, WorldStatus

GATEWAY = GatewayStatus(
    pid=7,
    version="1.0",
    uptime_seconds=3.5,
    link_up=True,
    link_away_seconds=0.0,
    database_ok=True,
    connections={"telnet": 1},
    sessions={"Playing": 1},
    oldest_detached_seconds=None,
)
WORLD = WorldStatus(
    pid=8,
    version="1.0",
    uptime_seconds=3.5,
    life="a1",
    phase=Phase.RUNNING,
    lock_trouble="",
    gateways=1,
    sessions={"attached": 1, "detached": 2},
    oldest_detached_seconds=4.0,
    unprotected_seconds=None,
    restart_in_seconds=60.0,
)


@pytest.mark.parametrize("status", [GATEWAY, WORLD], ids=["gateway", "world"])
def test_status_survives_the_socket(status: GatewayStatus | WorldStatus) -> None:
    over_the_socket = json.loads(json.dumps(status.to_json()))

    assert type(status).from_json(over_the_socket) == status


def test_what_a_newer_release_adds_is_ignored() -> None:
    assert WorldStatus.from_json(WORLD.to_json() | {"weather": "fog"}) == WORLD


@pytest.mark.parametrize("missing", [field.name for field in attrs.fields(WorldStatus)])
def test_what_is_missing_or_unknown_is_one_error(missing: str) -> None:
    value = WORLD.to_json()
    del value[missing]
    with pytest.raises(ValueError, match="WorldStatus"):
        WorldStatus.from_json(value)


def test_phase_that_nobody_knows_is_the_same_error() -> None:
    with pytest.raises(ValueError, match="WorldStatus"):
        WorldStatus.from_json(WORLD.to_json() | {"phase": "dreaming"})

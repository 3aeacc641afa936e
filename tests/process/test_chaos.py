"""`wyld bench chaos` as its user runs it: a whole game, played, disturbed and judged."""

from __future__ import annotations

import json
import signal
from typing import Any

import psycopg
import pytest
from wyld_process import open_wyld

pytestmark = pytest.mark.process

LOSSES = ("lost", "repeated", "lines_missing", "lines_repeated", "out_of_order")
OTHERS = ("crossed", "unknown", "misplaced", "dropped")


async def judge(*arguments: str, interrupt: bool = False) -> tuple[int, dict[str, Any]]:
    """Exit status and verdict of one run."""
    async with open_wyld("bench", "chaos", "--json", *arguments) as wyld:
        if interrupt:
            await wyld.stderr.wait_for(r" [\d,]{3,} lines")  # a hundred, or more
            wyld.send_signal(signal.SIGINT)
        status = await wyld.wait()
    assert wyld.stderr.lines[0].startswith("Seed ")
    (line,) = wyld.stdout.lines
    return status, json.loads(line)


def assert_clean(status: int, verdict: dict[str, Any]) -> None:
    assert verdict["findings"] == []
    assert {count: verdict[count] for count in (*LOSSES, *OTHERS)} == dict.fromkeys((*LOSSES, *OTHERS), 0)
    assert verdict["applied"] == verdict["sent"] > 0
    assert verdict["seen"] == verdict["expected"] > verdict["sent"]
    assert verdict["clean"] is True
    assert status == 0


async def test_an_undisturbed_game_loses_and_repeats_nothing(database_url: str) -> None:
    game = ("--database", database_url, "--players", "6", "--rate", "6")

    status, verdict = await judge(*game, "--seconds", "3", "--seed", "1", "--faults", "none")

    assert_clean(status, verdict)
    assert verdict["faults"] == {}
    assert verdict["seed"] == 1


async def test_an_interrupted_run_judges_what_there_is(database_url: str) -> None:
    arguments = (
        "--database",
        database_url,
        "--seconds",
        "3600",
        "--players",
        "4",
        "--gateways",
        "1",
        "--seed",
        "1",
    )

    status, verdict = await judge(*arguments, "--faults", "none", interrupt=True)

    assert_clean(status, verdict)
    assert verdict["seconds"] < 60


async def test_a_database_that_somebody_plays_in_is_refused(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "insert into accounts (id, name, password_hash) values (gen_random_uuid(), 'ann', '')"
        )

    async with open_wyld("bench", "chaos", "--database", database_url) as wyld:
        assert await wyld.wait() == 2

    assert "The database is in use by a game." in wyld.stderr.lines[-1]


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("fault", ["world-kill", "world-restart", "world-freeze", "link-cut", "link-freeze"])
async def test_no_fault_behind_the_gateway_is_noticed(database_url: str, fault: str, seed: int) -> None:
    arguments = ("--database", database_url, "--seconds", "60", "--players", "20", "--seed", str(seed))

    status, verdict = await judge(*arguments, "--faults", fault)

    assert verdict["faults"][fault] > 0
    assert_clean(status, verdict)


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [3, 4, 5])
async def test_no_mixture_of_faults_behind_the_gateway_is_noticed(seed: int) -> None:
    status, verdict = await judge("--seconds", "90", "--players", "30", "--seed", str(seed))

    assert len(verdict["faults"]) > 1
    assert_clean(status, verdict)

"""`wyld bench`: instruments that look at a running Wyld from outside."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import click

from wyld.console import Console

if TYPE_CHECKING:
    from wyld.bench.faults import Fault


@click.group("bench", epilog="Example: wyld bench chaos --seconds 60 --seed 7")
def command() -> None:
    """Put Wyld to the test, from outside."""


class _Faults(click.ParamType["tuple[Fault, ...]"]):
    """Names with commas between them, or "none"."""

    name = "NAMES"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[Fault, ...]:
        from wyld.bench.faults import Fault

        names = [] if value == "none" else str(value).split(",")
        try:
            return tuple(Fault(name.strip()) for name in names)
        except ValueError as error:
            known = ", ".join(fault.value for fault in Fault)
            self.fail(f"{error}. There are {known}; or none.", param, ctx)


@command.command(epilog="Example: wyld bench chaos --seconds 60 --seed 7 --faults world-kill,link-cut")
@click.option(
    "--seconds",
    metavar="N",
    type=click.FloatRange(1),
    default=60,
    show_default=True,
    help="How long they play.",
)
@click.option("--seed", metavar="N", type=int, help="Decides who does what, and when.  [default: random]")
@click.option("--players", metavar="N", type=click.IntRange(1, 200), default=20, show_default=True)
@click.option("--gateways", metavar="N", type=click.IntRange(1, 8), default=2, show_default=True)
@click.option(
    "--rate",
    metavar="N",
    type=click.FloatRange(0.1, 50),
    default=2,
    show_default=True,
    help="Commands a second and player.",
)
@click.option(
    "--faults",
    type=_Faults(),
    show_default="all but gateway-kill",
    help="world-kill, world-restart, world-freeze, link-cut, link-freeze, gateway-kill; or none.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as one JSON object.")
@click.option("--database", metavar="URL", help="An empty database to use instead of making one.")
def chaos(
    seconds: float,
    seed: int | None,
    players: int,
    gateways: int,
    rate: float,
    faults: tuple[Fault, ...] | None,
    as_json: bool,
    database: str | None,
) -> None:
    """Play a game of its own, disturb it at random, and judge whether anything
    was lost, repeated or shown to the wrong player.

    Ctrl-C ends it early and judges what there is. Exit status 1: not clean.
    """
    from wyld.bench.chaos import ChaosOptions
    from wyld.bench.chaos import chaos as run
    from wyld.bench.faults import UNNOTICED
    from wyld.bench.report import Progress

    console = Console()
    seed = random.randrange(2**32) if seed is None else seed
    console.notice(f"Seed {seed}.")
    faults = UNNOTICED if faults is None else faults
    options = ChaosOptions(seconds, seed, players, gateways, rate, faults, database)
    outcome = run(options, console, Progress(seconds))
    for line in [outcome.json()] if as_json else outcome.sentences():
        console.result(line)
    if not outcome.verdict.clean:
        raise SystemExit(1)

"""One run: a game of its own is played and disturbed for a while, and then judged from outside.

    start -> everybody enters -> type and disturb for `seconds` -> mend everything -> drain -> judge -> stop

While it drains nobody types, and what is under way may arrive: it is over when every line has come, or when nothing has come for `QUIET`. A
first SIGINT or SIGTERM ends the typing early, and what there is is judged; a second one ends everything at once.

The seed decides who plays, what they type and when, and what is done to the game and when. How the processes take turns stays the machine's.
"""

from __future__ import annotations

import random as random_module
import signal
import tempfile
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final, NoReturn

import attrs
import click
import trio

from wyld.bench import arena
from wyld.bench.faults import Fault, disturb
from wyld.bench.game import Game, Gateway, Setting, open_game
from wyld.bench.ledger import Ledger
from wyld.bench.load import Load, Seat
from wyld.bench.report import Outcome, Progress
from wyld.bench.wires import TelnetWire, WebWire
from wyld.console import Console
from wyld.data_folder import open_data_folder
from wyld.embedded import require_installed
from wyld.errors import CannotStart

QUIET: Final = 8.0
"""Seconds without a line after which no more is expected: longer than a world needs to come back."""

LATE: Final = 1.0
"""Seconds after the last awaited line in which lines that come twice may show themselves."""

TICK: Final = 0.25
"""Seconds between two looks at how it goes."""

ENTERING_LIMIT: Final = 30.0
ENTERING_LIMIT_EACH: Final = 1.0
"""Seconds for everybody to enter: so many, and so many more for each player."""


@attrs.frozen
class ChaosOptions:
    """What the user asked for. `rate` is in commands a second and player; without `database` a PostgreSQL is started."""

    seconds: float
    seed: int
    players: int
    gateways: int
    rate: float
    faults: tuple[Fault, ...]
    database: str | None


def chaos(options: ChaosOptions, console: Console, progress: Progress) -> Outcome:
    """Do one run; its files are gone afterwards.

    Raises `CannotStart`, or `click.Abort` if it was told twice to end, with nothing left running.
    """
    if options.database is None:
        require_installed()
    # Not below a folder of ours: as root, PostgreSQL runs as a user who may not enter that.
    with tempfile.TemporaryDirectory(prefix="wyld-chaos-", ignore_cleanup_errors=True) as temporary:
        run = _Run(options, console, progress, Path(temporary))
        found: list[CannotStart] = []
        try:
            trio.run(run.run)
        except* CannotStart as group:
            found += _leaves(group)
    if found:
        raise found[0]
    if run.outcome is None:
        raise click.Abort
    return run.outcome


class _Run:
    """The parts of one run, and its course."""

    def __init__(self, options: ChaosOptions, console: Console, progress: Progress, folder: Path) -> None:
        self._options = options
        self._console = console
        self._progress = progress
        self._folder = folder
        self._random = random_module.Random(options.seed)
        self._roles = arena.cast(options.players, self._random)
        self._ledger = Ledger(arena.coins_at_start(self._roles))
        self._faults: Counter[str] = Counter()
        self._typing = trio.CancelScope()
        self._has_begun = False
        self.outcome: Outcome | None = None

    async def run(self) -> None:
        areas = self._folder / "areas"
        areas.mkdir()
        for name, content in arena.area_files(self._roles).items():
            (areas / name).write_text(content, "utf-8")
        with open_data_folder(self._folder / "data") as folder:
            # Of its own, because it is asked whenever the network carries something, and the others must not depend on that.
            network = random_module.Random(self._random.random())
            setting = Setting(folder, areas, self._options.gateways, self._options.database)
            async with trio.open_nursery() as nursery:
                await nursery.start(self._obey_signals, nursery.cancel_scope)
                async with open_game(setting, network, self._console) as game:
                    self.outcome = await self._play(game)
                nursery.cancel_scope.cancel()

    async def _play(self, game: Game) -> Outcome:
        load = Load(
            self._seats(game.gateways),
            self._ledger,
            self._random,
            rate=self._options.rate,
            drops_expected=Fault.GATEWAY_KILL in self._options.faults,
        )
        async with trio.open_nursery() as nursery:
            await self._enter(load, nursery)
            load.typing = self._has_begun = True
            seconds = await self._disturb(game)
            load.typing = False
            await self._drain()
            coins = self._holdings(await game.coins())
            nursery.cancel_scope.cancel()
        return Outcome(self._options.seed, seconds, self._faults, self._ledger.judge(coins))

    def _seats(self, gateways: Sequence[Gateway]) -> list[Seat]:
        """Spread the players of every hall over the protocols and the gateways."""
        halls = len({role.hall for role in self._roles})
        seats = []
        for index, role in enumerate(self._roles):
            place = index // halls
            gateway = gateways[place // 2 % len(gateways)]
            if place % 2:
                address = gateway.web
                seats.append(Seat(role, address.host, address.port, partial(WebWire, str(address))))
            else:
                seats.append(Seat(role, gateway.telnet.host, gateway.telnet.port, TelnetWire))
        return seats

    async def _enter(self, load: Load, nursery: trio.Nursery) -> None:
        limit = ENTERING_LIMIT + ENTERING_LIMIT_EACH * self._options.players
        with self._console.progress("Players enter"), trio.move_on_after(limit) as entering:
            await nursery.start(load.run)
        if entering.cancelled_caught:
            missing = load.missing()
            raise CannotStart(f"{len(missing)} players did not get in within {limit:g} s; {missing[0]}.")

    async def _disturb(self, game: Game) -> float:
        """Inflict faults until the time is over, or somebody says so; returns how many seconds that was."""
        began = trio.current_time()
        with self._typing, trio.move_on_after(self._options.seconds), self._progress.shown():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._tick, began)
                if self._options.faults:
                    await disturb(game, self._options.faults, self._random, self._note)
        return trio.current_time() - began

    async def _tick(self, began: float) -> NoReturn:
        while True:
            self._progress.tick(trio.current_time() - began, self._ledger)
            await trio.sleep(TICK)

    def _note(self, fault: Fault) -> None:
        self._faults[fault.value] += 1
        self._progress.fault(fault.value)

    async def _drain(self) -> None:
        ledger, patience = self._ledger, trio.current_time() + QUIET
        with self._console.progress("Waiting for what is under way"):
            seen = ledger.seen
            while ledger.awaited and trio.current_time() < patience:
                await trio.sleep(0.05)
                if ledger.seen > seen:
                    seen, patience = ledger.seen, trio.current_time() + QUIET
            await trio.sleep(LATE)

    def _holdings(self, coins: list[tuple[str, str, int]]) -> dict[tuple[str, str], int]:
        roles = {role.name: role for role in self._roles}
        found: Counter[tuple[str, str]] = Counter()
        for owner, place, count in coins:
            found[owner, arena.holder_in(roles[owner], place)] += count
        return dict(found)

    async def _obey_signals(
        self, everything: trio.CancelScope, *, task_status: trio.TaskStatus[None]
    ) -> None:
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            task_status.started()
            async for _ in signals:
                if self._typing.cancel_called or not self._has_begun:
                    everything.cancel()
                self._typing.cancel()


def _leaves(group: BaseExceptionGroup[CannotStart]) -> list[CannotStart]:
    found: list[CannotStart] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found

"""What the person at the terminal sees of a run: how it goes, and what came of it as sentences or as JSON.

How it goes is said to stderr: on a terminal as a bar with the figures of the moment, elsewhere as a plain line from time to time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import attrs
from rich.console import Console as RichConsole
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from wyld.bench.ledger import Ledger, Verdict

LINE_EVERY: Final = 5.0
"""Seconds between two plain lines."""


@attrs.frozen
class Outcome:
    """What came of a run: its seed, for how many seconds players typed, how often each fault was inflicted, and the judgement."""

    seed: int
    seconds: float
    faults: Mapping[str, int]
    verdict: Verdict

    def sentences(self) -> list[str]:
        """For a person; the last one, or the last few, say what is wrong."""
        v = self.verdict
        faults = ", ".join(f"{count} {fault}" for fault, count in self.faults.items()) or "none"
        return [
            f"Faults in {self.seconds:.0f} s: {faults}.",
            f"Commands: {v.sent:,} sent, {v.applied:,} applied, {v.doubtful:,} doubtful, {v.lost:,} lost, {v.repeated:,} repeated.",
            f"Lines: {v.expected:,} expected, {v.seen:,} seen, {v.lines_missing:,} missing, {v.lines_repeated:,} repeated, "
            f"{v.out_of_order:,} out of order, {v.unknown:,} unknown.",
            f"Coins misplaced: {v.misplaced:,}. Sessions crossed: {v.crossed:,}. Connections dropped: {v.dropped:,}.",
            *v.findings,
            "Clean."
            if v.clean
            else f"Not clean. Seed {self.seed} makes the same players do the same things.",
        ]

    def json(self) -> str:
        """For a program: one object; `clean` is the verdict in one word."""
        return json.dumps(
            {
                "seed": self.seed,
                "seconds": round(self.seconds, 1),
                "clean": self.verdict.clean,
                "faults": dict(self.faults),
                **attrs.asdict(self.verdict),
            }
        )


class Progress:
    """Shows how a run of `seconds` goes. Not for several threads."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._console = RichConsole(stderr=True, highlight=False, soft_wrap=True)
        columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        self._bars = Bars(*columns, console=self._console, transient=True)
        self._bar = self._bars.add_task("", total=seconds)
        self._next_line = 0.0
        self._elapsed = 0.0

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show the bar, where there is a terminal, as long as the block lasts."""
        if self._console.is_terminal:
            with self._bars:
                yield
        else:
            yield

    def tick(self, elapsed: float, ledger: Ledger) -> None:
        """Say how it is after so many seconds; to be called a few times a second."""
        self._elapsed = elapsed
        figures = f"{ledger.sent:,} commands, {ledger.seen:,} lines, {ledger.awaited:,} on their way"
        if self._console.is_terminal:
            self._bars.update(self._bar, completed=elapsed, description=figures)
        elif ledger.sent and elapsed >= self._next_line:
            self._next_line = elapsed + LINE_EVERY
            self._console.print(f"{elapsed:6.1f} s  {figures}", markup=False)

    def fault(self, fault: str) -> None:
        """Say that a fault begins."""
        self._console.print(f"{self._elapsed:6.1f} s  {fault}", markup=False)

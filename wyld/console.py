"""What a command says and where: results to stdout, progress and notices to stderr.

On a terminal a long step shows a spinner (rich), and a table is drawn; elsewhere they are plain lines, so that a log file or a script
reads the same facts without control codes. rich honours `NO_COLOR` and `TERM=dumb`.

Everything here is synchronous and short; it may be called from any task of the one thread that runs Trio.
"""

import contextlib
import sys
from collections.abc import Iterable, Iterator

from rich.console import Console as RichConsole
from rich.table import Table
from rich.text import Text

# The word says it; the colour only helps to find it.
STYLES = {"ok": "green", "degraded": "yellow", "down": "bold red"}


class Console:
    """The two streams of one command."""

    def __init__(self) -> None:
        self._stderr = RichConsole(stderr=True, highlight=False, soft_wrap=True)

    def result(self, line: str) -> None:
        """Print one line to stdout at once, so that a program at the other end of a pipe can act on it."""
        with contextlib.suppress(BrokenPipeError):
            print(line, file=sys.stdout, flush=True)

    def table(self, rows: Iterable[tuple[str, str, str]]) -> None:
        """Print rows of what, how it is, and how so to stdout: a table on a terminal, elsewhere one line each."""
        stdout = RichConsole(highlight=False, soft_wrap=True)
        if not stdout.is_terminal:
            for name, state, detail in rows:
                self.result(f"{name}: " + " - ".join(filter(None, (state, detail))))
            return
        table = Table(show_header=False, box=None, pad_edge=False)
        for name, state, detail in rows:
            table.add_row(name, Text(state, STYLES.get(state, "")), Text(detail))
        stdout.print(table)

    def notice(self, line: str) -> None:
        """Print one line about the course of things to stderr."""
        self._stderr.print(line, markup=False)

    @contextlib.contextmanager
    def progress(self, step: str) -> Iterator[None]:
        """Show that `step` is under way for as long as the block lasts."""
        if self._stderr.is_terminal:
            with self._stderr.status(step):
                yield
        else:
            self.notice(f"{step} ...")
            yield

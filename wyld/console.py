"""What `wyld up` says and where: results to stdout, progress and notices to stderr.

On a terminal a long step shows a spinner (rich); elsewhere it is one plain line, so that a log file or a script
reads the same facts without control codes. rich honours `NO_COLOR` and `TERM=dumb`.

Everything here is synchronous and short; it may be called from any task of the one thread that runs Trio.
"""

import contextlib
import sys
from collections.abc import Iterator

from rich.console import Console as RichConsole


class Console:
    """The two streams of one command."""

    def __init__(self) -> None:
        self._stderr = RichConsole(stderr=True, highlight=False, soft_wrap=True)

    def result(self, line: str) -> None:
        """Print one line to stdout at once, so that a program at the other end of a pipe can act on it."""
        with contextlib.suppress(BrokenPipeError):
            print(line, file=sys.stdout, flush=True)

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

"""What the command line says when it cannot do what it was asked, and the exit status that goes with it.

Exit statuses, the same for every command: 0 done, 1 a problem was found, 2 wrong usage or cannot start,
3 the running process cannot be reached. Each error below is one sentence for whoever typed the command; click
prints it to stderr after "Error: " and ends the process with the class's status. A traceback is a bug.
"""

from typing import IO, Any

import click


class CannotStart(click.ClickException):
    """Something outside is missing, broken or in use: mend it and start again. Exit status 2."""

    exit_code = 2


class CannotStartAlreadyTold(CannotStart):
    """A child process could not start and has said why on the shared stderr: add nothing. Exit status 2."""

    def show(self, file: IO[Any] | None = None) -> None:
        """Print nothing: the child's sentence is the one sentence."""


class ProblemFound(click.ClickException):
    """It was done, or asked for, and the result is not what it should be. Exit status 1."""

    exit_code = 1


class CannotReach(click.ClickException):
    """The process that should do it does not run, or does not answer. Exit status 3."""

    exit_code = 3

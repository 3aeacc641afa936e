"""A family of commands: the functions of one file, with the words by which players reach them and the help that they read.

Pure. A command is a plain function of a `Context` and of what followed its name on the line, stripped. It looks, refuses, changes, tells,
in that order: whatever can be wrong is found out before anything is changed, so that `Refused` never leaves half a command behind.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import attrs

from wyld_world.model.outlet import Context

Run: TypeAlias = Callable[[Context, str], None]


class Refused(Exception):
    """The player asked for what cannot be. The text is for the player: one or two whole sentences.

    Raise it before the command has changed or sent anything.
    """


@attrs.frozen
class Command:
    """One command. `help` is its text, first a line on how to type it; `aliases` reach it as if they were its name."""

    name: str
    run: Run
    usage: str
    summary: str
    details: str = ""
    aliases: tuple[str, ...] = ()
    whole: bool = False
    """Only its full name reaches it, because doing it by accident would hurt."""


@attrs.define
class Family:
    """Commands that belong together, in the order in which abbreviations choose among them."""

    topic: str
    summary: str
    commands: list[Command] = attrs.field(factory=list)

    def command(
        self,
        name: str,
        *,
        usage: str,
        summary: str,
        details: str = "",
        aliases: tuple[str, ...] = (),
        whole: bool = False,
    ) -> Callable[[Run], Run]:
        """Decorator: the function below is that command."""

        def register(run: Run) -> Run:
            self.commands.append(Command(name, run, usage, summary, details, aliases, whole))
            return run

        return register

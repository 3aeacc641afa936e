"""From a line of text to a command: the table of all commands, and `perform`.

A line is a command's name and what it is about. The first word is looked up in this order: the exact name or alias of a
command; the name of a way out of the room, which may have several words; the beginning of a command's name, where the families
below and the commands within a family stand in the order in which they win. The punctuation marks of `_MARKS` need no blank after them.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from wyld_rpc.messages import System
from wyld_world.commands import bodily, carrying, doors, helping, looking, moving, talking, yourself
from wyld_world.commands.family import Command, Family, Refused
from wyld_world.model import states
from wyld_world.model.outlet import Context
from wyld_world.model.wording import LINE_LIMIT, clean, listing

_OTHERS = (
    moving.FAMILY,
    looking.FAMILY,
    talking.FAMILY,
    carrying.FAMILY,
    doors.FAMILY,
    bodily.FAMILY,
    yourself.FAMILY,
)
FAMILIES: tuple[Family, ...] = (*_OTHERS, helping.family(_OTHERS))

_MARKS = {"'": "say", ":": "emote"}
_UNKNOWN_LIMIT = 30
"""Characters of an unknown word that are worth repeating, or comparing with the commands."""


def perform(context: Context, line: str) -> None:
    """Run one line of `context.actor`. Whatever the line says, its player gets an answer and nothing is raised.

    An exception is a defect in a command; the caller undoes what the journal noted and drops what was sent. An empty line, and any
    line of a character that is not in play, does nothing.
    """
    if context.actor.location is None:
        return
    mark = context.journal.mark()
    try:
        _run(context, line)
    except Refused as refusal:
        context.outlet.send((context.actor,), System(str(refusal)))
    else:
        states.refresh(context.journal, mark, context.outlet)


def _run(context: Context, line: str) -> None:
    if not line.isprintable():
        line = clean(line)
    line = line.strip()
    if len(line) > LINE_LIMIT:
        raise Refused(f"That line is too long: {len(line):,} characters, and {LINE_LIMIT:,} are the limit.")
    if not line:
        return
    if line[0] in _MARKS:
        line = f"{_MARKS[line[0]]} {line[1:]}"
    word, _, argument = line.partition(" ")
    command = _EXACT.get(word) or _find(context, word.lower(), line)
    if command is not None:
        command.run(context, argument.strip())


def _find(context: Context, word: str, line: str) -> Command | None:
    """The command that a word means which is no exact name; None if the line was a way out, and has been taken."""
    exact = _EXACT.get(word)
    if exact is not None:
        return exact
    exit_ = context.actor.here.exits.get(" ".join(line.lower().split()))
    if exit_ is not None:
        moving.leave_by(context, exit_)
        return None
    if word in _BEGINNINGS:
        return _BEGINNINGS[word]
    raise Refused(_unknown(context, word))


def _unknown(context: Context, word: str) -> str:
    if len(word) > _UNKNOWN_LIMIT:
        return "There is no such command. Type 'help topics' for those that there are."
    known = [*_EXACT, *context.actor.here.exits]
    near = difflib.get_close_matches(word, [name for name in known if len(name) > 1], n=3)
    hint = f"Did you mean {listing(near, 'or')}?" if near else "Type 'help topics' for those that there are."
    return f"There is no command '{word}'. {hint}"


def _exact_names(families: Iterable[Family]) -> dict[str, Command]:
    """Every name and alias; a defect in the tables, one name for two commands, ends the start."""
    exact: dict[str, Command] = {}
    for family in families:
        for command in family.commands:
            for name in (command.name, *command.aliases):
                if name in exact:
                    raise ValueError(f"two commands are called {name}")
                exact[name] = command
    return exact


def _beginnings(families: Iterable[Family]) -> dict[str, Command]:
    """Every beginning of every command's name, but of those that must be typed whole."""
    beginnings: dict[str, Command] = {}
    for family in families:
        for command in family.commands:
            if not command.whole:
                for length in range(1, len(command.name)):
                    beginnings.setdefault(command.name[:length], command)
    return beginnings


_EXACT = _exact_names(FAMILIES)
_BEGINNINGS = _beginnings(FAMILIES)

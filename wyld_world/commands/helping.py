"""Help: made from what the commands say of themselves, and a few pages of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wyld_rpc.messages import Text
from wyld_world.commands.family import Command, Family, Refused
from wyld_world.model.outlet import Context
from wyld_world.model.wording import capital

_OVERVIEW = """\
Type 'look' to see where you are, and a direction such as 'north', or just 'n', to walk.
Type 'say hello' to speak to those around you, and 'ooc hello' to speak to all players.
Type 'help topics' for all commands, 'help' and a command for that one, 'help targets' for how to name things."""

_PAGES: Mapping[str, str] = {
    "targets": """\
A thing goes by any word of its name: 'get rope'. The beginning of a word is enough.
Of several, '2.rope' is the second.
Of a pile, '5 coins' is five of it; 'coins' is all of it.
'all' is everything, 'all.rope' is every rope.""",
    "abbreviations": """\
A command may be cut short as far as you like: 'inv' is inventory. Where several fit, the commoner one is taken.
The directions are n, s, e, w, ne, nw, se, sw, u and d.
'l' is look, 'i' is inventory, 'x' is examine.
A quote mark at the beginning of a line is say, a colon is emote.""",
}


def family(others: Sequence[Family]) -> Family:
    """The family of `help`, which knows all `others` and itself."""
    this = Family("help", "learning how things are done")
    families = (*others, this)

    @this.command(
        "help", usage="help, help <command>, help topics", summary="learn how things are done", aliases=("?",)
    )
    def help_(context: Context, argument: str) -> None:
        context.outlet.send((context.actor,), Text(help_text(families, argument.lower())))

    return this


def help_text(families: Sequence[Family], subject: str) -> str:
    """The page on a command, a topic, or "topics"; the overview for no subject. Raises `Refused` for an unknown one."""
    if not subject:
        return _OVERVIEW
    if subject == "topics":
        return "\n".join(["Help has these topics:", *(_topic_line(family) for family in families), *_pages()])
    for family in families:
        if family.topic == subject:
            return "\n".join([f"{capital(family.topic)}: {family.summary}", *map(_line, family.commands)])
    if subject in _PAGES:
        return _PAGES[subject]
    commands = [command for family in families for command in family.commands]
    for command in commands:
        if subject == command.name or subject in command.aliases:
            return _page(command)
    for command in commands:
        if command.name.startswith(subject):
            return _page(command)
    raise Refused(f"There is no help on '{subject}'. Type 'help topics' for what there is.")


def _topic_line(family: Family) -> str:
    return f"{family.topic}: {family.summary}: {', '.join(command.name for command in family.commands)}"


def _pages() -> list[str]:
    return [f"{name}: a page of its own" for name in _PAGES]


def _line(command: Command) -> str:
    return f"{command.usage}: {command.summary}"


def _page(command: Command) -> str:
    lines = [f"{capital(command.name)}: {command.summary}.", f"Type: {command.usage}"]
    if command.details:
        lines.append(command.details)
    return "\n".join(lines)

"""Verbs that the gateway answers by itself, whatever became of the world: lines that begin with `//`.

They work at every prompt but one for a password, and in play. A verb that its client numbered goes on to the world as an empty
command, so that the numbering has no gap (`connection`).

A verb that sets something says what counts now; without an argument it only says it; `auto` goes back to what the client told.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NoReturn

import attrs

from wyld_gateway.client import Client, ConnectionEnded
from wyld_gateway.close import Close
from wyld_gateway.preferences import (
    MAX_KEEPALIVE,
    MAX_WIDTH,
    MIN_KEEPALIVE,
    MIN_WIDTH,
    NEVER,
    SUBJECTS,
    UNWRAPPED,
    PromptStyle,
)
from wyld_gateway.telnet.charsets import codec_of
from wyld_gateway.terminal import Colours, strip_controls

PREFIX: Final = "//"

GOODBYE: Final = "Goodbye."
STAYS: Final = "Your character stays in the world. Goodbye."
NOT_HERE: Final = "Your client decides that by itself."
AUTO: Final = "auto"

SHOWN: Final = 20
"""Characters of a wrong word that are repeated to whoever typed it."""

_COLOURS: Final = {
    "off": Colours.NONE,
    "16": Colours.ANSI_16,
    "256": Colours.ANSI_256,
    "true": Colours.TRUECOLOR,
}
_SWITCH: Final = {"on": True, "off": False}
_PROMPTS: Final = {style.value: style for style in PromptStyle}
_ALIASES: Final = {"color": "colour"}


def is_verb(line: str) -> bool:
    """Whether a line is for the gateway."""
    return line.lstrip().startswith(PREFIX)


def answer(client: Client, line: str) -> None:
    """Carry out the verb in `line` and tell the client.

    Raises:
        ConnectionEnded: It was one that ends the connection.
    """
    name, *arguments = line.strip().removeprefix(PREFIX).lower().split() or [""]
    verb = VERBS.get(_ALIASES.get(name, name))
    if verb is None:
        client.notice(f"There is no {PREFIX}{_shown(name)}. {PREFIX}help lists what there is.")
    else:
        client.notice(verb.act(client, " ".join(arguments)))
    client.flush()


def answer_waiting(client: Client) -> None:
    """Take the verbs out of what was typed and not looked at yet, and answer them. Raises what `answer` raises."""
    waiting = [message for message in client.lines if message.number is None and is_verb(message.line)]
    for message in waiting:
        client.lines.remove(message)
        answer(client, message.line)


@attrs.frozen
class Verb:
    """One verb: how it is used, what it does, and the function that does it and returns what is said about it."""

    usage: str
    about: str
    act: Callable[[Client, str], str]


def _help(client: Client, argument: str) -> str:  # noqa: ARG001 - every verb has them
    """For eyes in columns, for ears a sentence on each line."""
    calls = {f"{PREFIX}{name} {verb.usage}".strip(): verb.about for name, verb in VERBS.items()}
    width = max(map(len, calls))
    if client.adapter.metadata.screen_reader:
        lines = [f"{call}: {about}." for call, about in calls.items()]
    else:
        lines = [f"  {call:<{width}}  {about}" for call, about in calls.items()]
    return "\n".join(["The gateway itself answers:", *lines, f'The value "{AUTO}" is what your client says.'])


def _options(client: Client, argument: str) -> str:  # noqa: ARG001
    return "\n".join(f"{subject}: {words}." for subject, words in client.adapter.describe().items())


def _detach(client: Client, argument: str) -> NoReturn:  # noqa: ARG001
    if client.session is not None and client.session.in_play:
        raise ConnectionEnded(Close.DETACHED, STAYS)
    raise ConnectionEnded(Close.QUIT, GOODBYE)


def _quit(client: Client, argument: str) -> NoReturn:  # noqa: ARG001
    raise ConnectionEnded(Close.QUIT, GOODBYE)


def _setting(field: str, usage: str, about: str, read: Callable[[str], Any]) -> Verb:
    """A verb that sets a field of the preferences to what `read` makes of its argument; None where that is no value."""
    subject = SUBJECTS[field]

    def act(client: Client, argument: str) -> str:
        adapter = client.adapter
        if field not in adapter.adjustable:
            return NOT_HERE
        value = None if argument == AUTO else read(argument)
        wrong = ""
        if value is not None or argument == AUTO:
            adapter.prefer(attrs.evolve(adapter.preferences, **{field: value}))
            client.negotiated = True
        elif argument:
            wrong = f'"{_shown(argument)}" is none of {usage}. '
        return f"{wrong}{subject}: {adapter.describe()[subject]}."

    return Verb(usage, about, act)


def _number(low: int, high: int, off: int) -> Callable[[str], int | None]:
    def read(argument: str) -> int | None:
        if argument == "off":
            return off
        if argument.isascii() and argument.isdecimal() and low <= int(argument[:9]) <= high:
            return int(argument[:9])
        return None

    return read


def _shown(word: str) -> str:
    return strip_controls(word)[:SHOWN]


VERBS: Final = {
    "help": Verb("", "this list", _help),
    "options": Verb("", "what was agreed with your client, and what counts", _options),
    "charset": _setting("charset", "utf-8|latin-1|cp437|...", "the character set of your terminal", codec_of),
    "colour": _setting("colours", "off|16|256|true", "how many colours you see", _COLOURS.get),
    "width": _setting(
        "width",
        f"{MIN_WIDTH}..{MAX_WIDTH}|off",
        "where lines are broken",
        _number(MIN_WIDTH, MAX_WIDTH, UNWRAPPED),
    ),
    "screenreader": _setting("screen_reader", "on|off", "text to be read aloud", _SWITCH.get),
    "keepalive": _setting(
        "keepalive",
        f"{MIN_KEEPALIVE}..{MAX_KEEPALIVE}|off",
        "seconds of silence after which a byte keeps the line open",
        _number(MIN_KEEPALIVE, MAX_KEEPALIVE, NEVER),
    ),
    "prompt": _setting("prompt", "on|newline|off", "how prompts are shown", _PROMPTS.get),
    "detach": Verb("", "leave, and let your character stay in the world", _detach),
    "quit": Verb("", "leave the game", _quit),
}

"""One output of the game for one kind of terminal: the words, their order, their lines and their colours.

For eyes, the people and things of a room are lists, so that a crowd does not fill the screen. For ears there is
one fact on a line with the important word first, nothing is wrapped, and drawings are left out.

Control characters in what the world says never reach a terminal: only the escape sequences that are made here
do, and in formatted text the colours that its author chose: what players type has lost its own on the way in. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from wyld_gateway.terminal.profile import ClientProfile
from wyld_gateway.terminal.sgr import adapt_colours
from wyld_gateway.terminal.strip import strip_controls
from wyld_gateway.terminal.styles import paint
from wyld_gateway.terminal.wrap import wrap
from wyld_rpc.messages import Combat, FormattedText, GameOutput, RoomDescription, Text

#: Channels whose lines are what somebody says to those who hear it, rather than to everybody in the game.
_SPOKEN = frozenset({"say", "tell"})


def render(output: GameOutput, profile: ClientProfile) -> str:
    """The lines that show `output`, each ended by LF; empty where this client is shown nothing.

    Plain text that fits the window is passed on as it is.
    """
    text = _text(output, profile)
    if not text:
        return ""
    width = profile.wrap_width
    if width is not None:
        text = wrap(text, width)
    return text if text.endswith("\n") else text + "\n"


def _text(output: GameOutput, profile: ClientProfile) -> str:
    match output:
        case Text(text, channel):
            style = "" if channel is None else "speech" if channel in _SPOKEN else "channel"
            return paint(strip_controls(text), style, profile.colours)
        case FormattedText(spans, decor):
            if decor and profile.screen_reader:
                return ""
            return "".join(
                [
                    paint(adapt_colours(span.text, profile.colours), span.style, profile.colours)
                    for span in spans
                ]
            )
        case RoomDescription():
            return "\n".join(_room(output, profile))
        case Combat():
            return paint(strip_controls(_blow(output)), "damage", profile.colours)
        case _:
            return strip_controls(output.text)


def _room(room: RoomDescription, profile: ClientProfile) -> Iterator[str]:
    def painted(names: Iterable[str], style: str) -> list[str]:
        return [paint(strip_controls(name), style, profile.colours) for name in names]

    yield from painted([room.name], "title")
    if room.description:
        yield strip_controls(room.description)
    yield f"Exits: {_listing(painted(room.exits, 'exit')) or 'none'}."
    if profile.screen_reader:
        yield from [f"{name}." for name in painted(map(_capitalised, room.entities), "npc")]
        yield from [f"{name}, on the ground." for name in painted(map(_capitalised, room.items), "item")]
        return
    if room.entities:
        yield f"Here: {_listing(painted(room.entities, 'npc'))}."
    if room.items:
        yield f"On the ground: {_listing(painted(room.items, 'item'))}."


def _listing(names: list[str]) -> str:
    return ("; " if any("," in name for name in names) else ", ").join(names)


def _blow(blow: Combat) -> str:
    """`Critical! You strike the straw dummy: 5 damage.`"""
    sentence = _capitalised(f"{blow.attacker} {blow.action} {blow.defender}")
    effect = f"{blow.damage} damage" if blow.damage else "no damage"
    return f"{'Critical! ' if blow.critical else ''}{sentence}: {effect}."


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]

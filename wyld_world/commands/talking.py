"""Talking: to those around, to one, to many, and to everyone."""

from __future__ import annotations

from wyld_rpc.messages import Structured, Text
from wyld_world.commands.family import Family, Refused
from wyld_world.commands.targets import choose, parse
from wyld_world.model import residents, views
from wyld_world.model.channels import Channel
from wyld_world.model.outlet import Context
from wyld_world.model.things import Npc
from wyld_world.model.wording import capital, counted

FAMILY = Family("talking", "being heard")

WHO_LIMIT = 200
"""Names that `who` lists before it only counts: the answer must fit a frame of the link, and a patience."""


@FAMILY.command(
    "say",
    usage="say <words>, or '<words>",
    summary="speak to everyone in the same place",
    details="The people of the house hear you too, and some answer.",
)
def say(context: Context, words: str) -> None:
    if not words:
        raise Refused("Say what?")
    actor = context.actor
    room = actor.here
    context.outlet.send((actor,), Channel.SAY.line(actor.name, f"You say, '{words}'"))
    if len(room.characters) > 1:
        others = views.others(room, actor)
        context.outlet.send(others, Channel.SAY.line(actor.name, f"{actor.name} says, '{words}'"))
    if room.npcs:
        residents.hear(context, words)


@FAMILY.command(
    "tell",
    usage="tell <name> <words>",
    summary="speak to one person, wherever they are",
    details="People of the house must be in the same place as you.",
)
def tell(context: Context, argument: str) -> None:
    name, _, words = argument.partition(" ")
    words = words.strip()
    if not words:
        raise Refused("Tell whom what? For example: tell ann good evening.")
    actor = context.actor
    listener = context.world.playing.get(name.lower())
    if listener is None:
        npc = choose(actor.here.npcs, parse(name))
        if npc is None:
            raise Refused(f"Nobody called '{name}' is here now.")
        _tell_resident(context, npc, words)
        return
    if listener is actor:
        raise Refused("You already know that.")
    context.outlet.send((listener,), Channel.TELL.line(actor.name, f"[tell] {actor.name} to you: {words}"))
    away = f"\n{listener.name} is staring into nothing and may not hear you." if listener.linkdead else ""
    context.outlet.send(
        (actor,), Channel.TELL.line(actor.name, f"[tell] You to {listener.name}: {words}{away}")
    )


def _tell_resident(context: Context, npc: Npc, words: str) -> None:
    name, actor = views.title(npc), context.actor
    context.outlet.send(
        (actor,), Channel.TELL.line(actor.name, f"[tell] You to {views.called(npc)}: {words}")
    )
    reply = residents.answer(npc, words)
    text = f"[tell] {name} to you: {reply}" if reply else f"{name} has nothing to say to that."
    context.outlet.send((actor,), Channel.TELL.line(name, text))


@FAMILY.command(
    "emote",
    usage="emote <what you do>, or :<what you do>",
    summary="do something that everyone in the same place sees",
    details="':waves' shows everyone, you too, 'Ann waves'.",
)
def emote(context: Context, action: str) -> None:
    if not action:
        raise Refused("Emote what? For example: emote waves.")
    context.outlet.send(context.actor.here.characters, Text(f"{context.actor.name} {action}"))


@FAMILY.command("shout", usage="shout <words>", summary="speak to everyone in the same part of the world")
def shout(context: Context, words: str) -> None:
    if not words:
        raise Refused("Shout what?")
    actor = context.actor
    listeners = [other for room in actor.here.area.rooms for other in room.characters if other is not actor]
    context.outlet.send((actor,), Channel.SHOUT.line(actor.name, f"You shout, '{words}'"))
    if listeners:
        context.outlet.send(listeners, Channel.SHOUT.line(actor.name, f"{actor.name} shouts, '{words}'"))


@FAMILY.command(
    "ooc",
    usage="ooc <words>",
    summary="speak as a player, to all players everywhere",
    details="Out of character: for questions about the game, and for greetings across the world.",
)
def ooc(context: Context, words: str) -> None:
    if not words:
        raise Refused("Say what to all players?")
    name = context.actor.name
    context.outlet.send(context.world.playing.values(), Channel.OOC.line(name, f"[ooc] {name}: {words}"))


@FAMILY.command("who", usage="who", summary="list the players who are here now")
def who(context: Context, _: str) -> None:
    everyone = sorted(context.world.playing.values(), key=lambda character: character.name)
    shown = everyone[:WHO_LIMIT]
    lines = [f"{counted(len(everyone), 'player is', 'players are')} here now:"]
    for character in shown:
        away = ", staring into nothing" if character.linkdead else ""
        lines.append(f"{character.name}, {character.race}, {character.character_class}{away}")
    if len(everyone) > len(shown):
        lines.append(capital(f"and {len(everyone) - len(shown):,} more."))
    players = [
        {"name": c.name, "race": c.race, "class": c.character_class, "away": c.linkdead} for c in shown
    ]
    data = {"count": len(everyone), "players": players}
    context.outlet.send((context.actor,), Structured("who", data, "\n".join(lines)))

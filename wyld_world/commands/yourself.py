"""Yourself: how you are, and leaving."""

from __future__ import annotations

from wyld_rpc.messages import DisconnectReason, StateUpdateType, Structured, System
from wyld_world.commands.family import Family
from wyld_world.model import presence, states
from wyld_world.model.outlet import Context
from wyld_world.model.wording import capital

FAMILY = Family("yourself", "how you are, and leaving")


@FAMILY.command("score", usage="score", summary="see how you are")
def score(context: Context, _: str) -> None:
    actor = context.actor
    lines = [
        f"{actor.name}, {actor.race}, {actor.character_class}",
        f"Hit points: {actor.hp} of {actor.max_hp}",
        *(f"{capital(name)}: {value}" for name, value in actor.attributes.items()),
        *(f"You are {effect.name}." for effect in actor.effects),
    ]
    data = {
        "name": actor.name,
        "race": actor.race,
        "class": actor.character_class,
        "hp": actor.hp,
        "maxhp": actor.max_hp,
        "attributes": dict(actor.attributes),
        "effects": [effect.name for effect in actor.effects],
    }
    context.outlet.send((actor,), Structured("score", data, "\n".join(lines)))
    states.send(context.outlet, actor, StateUpdateType.STATS)


@FAMILY.command("save", usage="save", summary="learn that saving is automatic")
def save(context: Context, _: str) -> None:
    text = "Saving is automatic: where you are and what you have is kept as soon as you see it happen."
    context.outlet.send((context.actor,), System(text))


@FAMILY.command(
    "quit",
    usage="quit",
    summary="leave the game",
    details="You keep what you carry, and wake where you left. The whole word must be typed.",
    whole=True,
)
def quit_(context: Context, _: str) -> None:
    actor = context.actor
    presence.leave(context, DisconnectReason.CLIENT_DISCONNECT)
    context.outlet.disconnect(
        actor, DisconnectReason.CLIENT_DISCONNECT, f"Good night, {actor.name}. The harbour will be here."
    )

"""A character's life in play: it enters, its connection may be lost and found again, it leaves.

    asleep --enter--> in play --leave--> asleep
                      in play --lose_link--> in play, linkdead --regain_link--> in play

Each function speaks of `context.actor`. `lose_link` is for whoever has waited long enough to be sure (the engine waits some seconds, so
that a short gap in someone's network is nobody else's business); `regain_link` is for every attach after the first, whether
or not the loss was announced.
"""

from __future__ import annotations

from wyld_rpc.messages import DisconnectReason, Text
from wyld_world.model import states, views
from wyld_world.model.outlet import Context

_LEAVING = {
    DisconnectReason.CLIENT_DISCONNECT: "heads home for the night",
    DisconnectReason.TIMEOUT: "drifts off to sleep and is carried home",
    DisconnectReason.KICKED: "is escorted away by the harbour watch",
}
_LEAVING_OTHERWISE = "is gone between one wave and the next"


def enter(context: Context) -> None:
    """The actor wakes where it slept: others see it, it looks around, and its client learns every state.

    Raises `ValueError` if it is in play already.
    """
    actor = context.actor
    if actor.location is not None:
        raise ValueError(f"{actor.name} is in play already")
    room = actor.room
    if room.characters:
        context.outlet.send(room.characters, Text(f"{actor.name} wakes and looks around."))
    context.journal.move(actor, room)
    context.journal.set(actor, "sleeps_in", None)
    context.journal.set(actor, "last_played", context.now)
    context.outlet.send((actor,), Text(f"You wake in {room.area.name}, {actor.name}."))
    _look_again(context)


def lose_link(context: Context) -> None:
    """The actor stays where it is, and those around see that nobody is behind its eyes. Nothing if they know already."""
    actor = context.actor
    if actor.linkdead:
        return
    context.journal.set(actor, "linkdead", True)
    _tell_others(context, "stares into nothing")


def regain_link(context: Context) -> None:
    """The actor's client is back, or another: it looks around and learns every state, for it may know none."""
    find_link_again(context)
    _look_again(context)


def find_link_again(context: Context) -> None:
    """As `regain_link`, for a client that has missed nothing: only those see something who saw the loss."""
    actor = context.actor
    if actor.linkdead:
        context.journal.set(actor, "linkdead", False)
        _tell_others(context, "blinks and looks around")


def learn_states(context: Context) -> None:
    """The actor's client learns every state, for nobody knows which ones it has."""
    states.send_all(context.journal, context.outlet, context.actor)


def leave(context: Context, reason: DisconnectReason) -> None:
    """The actor falls asleep where it stands. Nothing if it is not in play."""
    actor = context.actor
    if actor.location is None:
        return
    _tell_others(context, _LEAVING.get(reason, _LEAVING_OTHERWISE))
    context.journal.set(actor, "linkdead", False)
    context.journal.set(actor, "effects", ())
    room = actor.location
    context.journal.set(actor, "sleeps_in", room)
    context.journal.move(actor, None)
    states.refresh_room(context.journal, context.outlet, room)


def _look_again(context: Context) -> None:
    actor = context.actor
    context.outlet.send((actor,), views.describe(actor.here, actor))
    states.send_all(context.journal, context.outlet, actor)


def _tell_others(context: Context, what: str) -> None:
    actor = context.actor
    others = views.others(actor.here, actor)
    if others:
        context.outlet.send(others, Text(f"{actor.name} {what}."))

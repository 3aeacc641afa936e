"""The last step of a login: a session takes a character into play.

Three parties have to agree, in this order: the logins of this gateway (`sessions.claims`), the database, which closes every other live
session of the character and gives out a higher generation, and the world, which binds the character to the session and tells whoever
had it. If anything interrupts this after the world was asked, the world may have done it: it is told that the player has gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from wyld_gateway import verbs
from wyld_gateway.asking import Asking
from wyld_gateway.client import Client
from wyld_gateway.close import Close
from wyld_gateway.dialogue import Dialogue
from wyld_gateway.errors import NoAnswer, WorldAway
from wyld_gateway.gateway import Gateway
from wyld_gateway.sessions.lifecycle import Move
from wyld_gateway.sessions.session import Session
from wyld_gateway.sessions.store import Displaced, Entry
from wyld_gateway.submissions import Submission
from wyld_gateway.wording import for_how_long, masked
from wyld_rpc.messages import (
    CallError,
    CharacterSelected,
    CharacterSummary,
    DisconnectReason,
    SelectCharacter,
)
from wyld_service.log import Event, get_logger

REPLACED: Final = "This character is now played from another connection. Goodbye."

_log = get_logger()


async def enter_play(
    gateway: Gateway,
    client: Client,
    asking: Asking,
    dialogue: Dialogue,
    session: Session,
    character: CharacterSummary,
) -> None:
    """Until the session plays the character and its client knows.

    Raises:
        CallError: The world refused. The session stays where it was.
        NoAnswer: The world or the database did not answer. The session stays where it was.
        ConnectionEnded: The client is gone.
    """
    session.character_id, session.character = character.id, character.name
    session.metadata = client.adapter.metadata
    evict = partial(client.end, Close.REPLACED, REPLACED)
    try:
        async with gateway.claims.claim(character.id, evict):
            entry: Entry = await asking.store(
                partial(gateway.store.begin_play, session.row(), gateway.clock())
            )
            session.generation = entry.generation
            selected = await _select(gateway, client, asking, dialogue, session, character)
    except (CallError, NoAnswer):
        gateway.rows.note(session.row())  # the database believes that it plays
        client.release()
        raise
    session.number_from(selected.positions.epoch, selected.positions.applied)
    gateway.registry.move(session, Move.SELECT)
    client.login_deadline = None
    _begin_with_what_was_typed(gateway, client, session)
    _greet(client, session, _about(entry.displaced, gateway.clock()))
    _log.info(Event.SESS_ATTACH, sid=session.short_id, peer=client.adapter.peer, character=session.character)


async def _select(
    gateway: Gateway,
    client: Client,
    asking: Asking,
    dialogue: Dialogue,
    session: Session,
    character: CharacterSummary,
) -> CharacterSelected:
    """The world's consent. What it sends from then on is held back until the client has been told that it plays."""
    assert session.account_id is not None
    request = SelectCharacter(
        session.id, session.generation, session.account_id, character.id, session.metadata.screen_reader
    )
    try:
        while True:
            await asking.until_world_is_up()
            session.client, session.received = client, 0
            client.hold()
            try:
                return await dialogue.meanwhile(partial(gateway.link.call, request))
            except WorldAway:
                session.client = (
                    None  # what comes again of this try is not for somebody who waits for the next one
                )
                client.release()
    except CallError:
        raise
    except BaseException:
        gateway.link.session_disconnected(session, DisconnectReason.NETWORK_ERROR)
        raise


def _begin_with_what_was_typed(gateway: Gateway, client: Client, session: Session) -> None:
    """Lines that came before play, behind a login on one line or while the world was away, are the first commands. A client that
    numbers its commands begins behind them; what it had numbered for an older session was not carried out, and it knows."""
    verbs.answer_waiting(client)
    while client.lines:
        message = client.lines[0]
        if message.number is None and gateway.link.submit(session, message.line) is Submission.FULL:
            return  # whoever reads the rest tells the player
        client.lines.popleft()


def _greet(client: Client, session: Session, about: str) -> None:
    """Tell the client that it plays, before anything that the world has said to it meanwhile."""
    attached = client.adapter.encode_attached(session.epoch, session.commands.next)
    client.numbers_lines = bool(attached)
    client.release(attached + (client.adapter.encode_notice(about) if about else b""))


def _about(displaced: Sequence[Displaced], now: float) -> str:
    """What became of the session that had the character until now."""
    if not displaced:
        return ""
    if displaced[-1].detached_at is None:
        return f"You took over from {masked(displaced[-1].client_addr)}."
    return f"Reconnected after {for_how_long(now - displaced[-1].detached_at)}."

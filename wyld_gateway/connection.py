"""One connection's lifetime: everything that it owns lives in the nursery of `serve_connection`.

    open -> log in -> play -> (the world was lost: come back) -> play -> ... -> end

The connection's own task reads and answers; a writer is started beside it only while the client does not take its output at once
(`client`). Three things end a connection, and all of them come out at the same place: the client goes, the conversation says so
(`ConnectionEnded`), or somebody else ends it (`Client.end`, which cancels the conversation). Then the session is detached or closed,
synchronously, so that nobody ever finds a session with a client that is gone; what is queued gets its time to leave; and the
transport is closed.
"""

from __future__ import annotations

from typing import Final

import trio

from wyld_gateway import limits, verbs
from wyld_gateway.adapter import ProtocolAdapter, TextMessage
from wyld_gateway.client import NO_LAST_WORDS, Client, ConnectionEnded
from wyld_gateway.close import Close
from wyld_gateway.errors import HandshakeFailed
from wyld_gateway.gateway import Gateway
from wyld_gateway.login import Login
from wyld_gateway.sessions.lifecycle import Move, State
from wyld_gateway.sessions.session import Session
from wyld_gateway.wording import quoted
from wyld_gateway.world_link import Submission
from wyld_rpc.messages import DisconnectReason
from wyld_service.log import Event, get_logger

FULL: Final = "There is no room on this server for one more connection. Please try again in a few minutes."
BROKEN: Final = "Something broke here, and has been noted. Please connect again."
TOO_MUCH_WAITS: Final = "Not carried out, because too much is waiting already: "
TOO_EARLY: Final = "Not carried out, because it was typed before the game had begun: "
PERHAPS_LOST: Final = "Perhaps not carried out: "

_log = get_logger()


async def serve_connection(gateway: Gateway, adapter: ProtocolAdapter) -> None:
    """Serve a client from its first byte to its last; any number at once.

    Raises nothing for what a client or the world does. Cancelled, it detaches the session and closes the transport at once.
    """
    with gateway.pool.presence():
        await _serve(gateway, adapter)


async def _serve(gateway: Gateway, adapter: ProtocolAdapter) -> None:
    close = Close.INTERNAL
    try:
        async with trio.open_nursery() as nursery:
            client = Client(adapter, nursery, queue_limit=gateway.limits.output_queue)
            gateway.pool.register(client)
            try:
                await _converse(gateway, client)
            finally:
                close = client.close or Close.DRAIN
                gateway.pool.unregister(client)
                _part(gateway, client, close)
            # Leaving the nursery waits for the writer, but not for long.
            nursery.cancel_scope.deadline = trio.current_time() + (
                0 if close in NO_LAST_WORDS else limits.FLUSH
            )
    except Exception:
        _log.error(Event.CONN_ERROR, peer=adapter.peer, exc_info=True)
    finally:
        await adapter.aclose(close)


async def _converse(gateway: Gateway, client: Client) -> None:
    """The whole conversation; afterwards `client.close` says how it ended, unless the task itself was cancelled."""
    with client.conversation:
        try:
            await _talk(gateway, client)
        except ConnectionEnded as end:
            client.end(end.close, end.text)
        except HandshakeFailed as error:
            client.end(Close.PROTOCOL, str(error))
        except Exception:
            _log.error(Event.CONN_ERROR, peer=client.adapter.peer, exc_info=True)
            client.end(Close.INTERNAL, BROKEN)


async def _talk(gateway: Gateway, client: Client) -> None:
    adapter = client.adapter
    _log.debug(Event.CONN_OPEN, peer=adapter.peer, protocol=adapter.protocol.value)
    if len(gateway.pool.clients) > gateway.limits.max_connections:
        _log.warning(Event.LIMIT_HIT, limit="max_connections", peer=adapter.peer)
        raise ConnectionEnded(Close.LIMIT, FULL)
    await adapter.open()
    client.session = gateway.new_session(adapter)
    client.session.client = client
    _log.debug(
        Event.NEG_DONE, sid=client.session.short_id, peer=adapter.peer, client=adapter.metadata.client_name
    )
    login = Login(gateway, client)
    await login.authenticate()
    while True:
        await login.choose()
        await _play(gateway, client, client.session)
        await login.come_back(client.session)


async def _play(gateway: Gateway, client: Client, session: Session) -> None:
    """Give every line to the world, until the session is over because the world was lost."""
    with trio.CancelScope() as client.playing:
        while session.in_play:
            while client.lines:
                _take_line(gateway, client, session, client.lines.popleft())
            if client.negotiated:
                _take_note(gateway, client, session)
            await client.receive()
    _tell_what_was_lost(client, session)


def _take_line(gateway: Gateway, client: Client, session: Session, message: TextMessage) -> None:
    """Give a line to the world, or answer it here; a numbered one then leaves its number to the world, and is answered once."""
    if not verbs.is_verb(message.line):
        _submit(gateway, client, session, message)
    elif message.number is None or _submit(gateway, client, session, TextMessage("", message.number)):
        verbs.answer(client, message.line)


def _submit(gateway: Gateway, client: Client, session: Session, message: TextMessage) -> bool:
    """Whether the line is on its way to the world; if not, the client has been told why."""
    if client.numbers_lines and message.number is None:
        client.notice(TOO_EARLY + quoted([message.line]))
        client.flush()
        return False
    match gateway.link.submit(session, message.line, message.number):
        case Submission.DUPLICATE:
            client.stage(client.adapter.encode_ack(session.commands.acked))
            client.flush()
        case Submission.FULL if message.number is None:
            client.notice(TOO_MUCH_WAITS + quoted([message.line]))
            client.flush()
        case Submission.FULL:
            raise ConnectionEnded(
                Close.LIMIT, "Your client sends more than it may before it hears an answer."
            )
        case Submission.GAP:
            raise ConnectionEnded(Close.PROTOCOL, "Your client left out the number of a command.")
        case Submission.TAKEN:
            return True
    return False


def _take_note(gateway: Gateway, client: Client, session: Session) -> None:
    """The client told something about itself."""
    client.negotiated = False
    before, session.metadata = session.metadata, client.adapter.metadata
    if session.metadata.screen_reader != before.screen_reader:
        gateway.link.client_changed(session)


def _tell_what_was_lost(client: Client, session: Session) -> None:
    """After the loss of the world. A client that numbers its lines knows by itself which ones were not confirmed; for any other,
    what never left for the world is still to be carried out, and what did leave may or may not have been."""
    unconfirmed = session.commands.replay(session.commands.acked).items
    client.stage(client.adapter.encode_detached())
    if not client.numbers_lines:
        client.lines.extendleft(
            TextMessage(text) for number, text in reversed(unconfirmed) if number > session.sent
        )
        perhaps = [text for number, text in unconfirmed if number <= session.sent and text]
        if perhaps:
            client.notice(PERHAPS_LOST + quoted(perhaps) + ".")
    client.set_prompt(None)
    client.flush()


def _part(gateway: Gateway, client: Client, close: Close) -> None:
    """Undo the bond between a client that has gone and its session. Synchronous: nobody sees half of it."""
    session = client.session
    known = session is not None and session.account_id is not None
    if session is not None:
        session.client = None
        if session.in_play and close is Close.QUIT:
            gateway.link.session_disconnected(session, DisconnectReason.CLIENT_DISCONNECT)
            gateway.link.forget(session)
            gateway.registry.move(session, Move.CLOSE, close.value)
        elif session.in_play:
            gateway.registry.move(session, Move.DETACH)
            gateway.link.session_disconnected(session, DisconnectReason.NETWORK_ERROR)
            _log.info(Event.SESS_DETACH, sid=session.short_id, reason=close.value)
        elif session.state is not State.CLOSED:
            gateway.registry.move(session, Move.CLOSE, close.value)
    seconds = round(trio.current_time() - client.opened_at, 1)
    log = _log.info if known else _log.debug  # somebody who only looked at the door is not worth a line
    log(Event.CONN_CLOSE, peer=client.adapter.peer, reason=close.value, seconds=seconds, sent=client.written)

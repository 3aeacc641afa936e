"""One connection of a gateway: from the opening to the end, with all that comes in put where it belongs.

The reader of the peer calls `on_request` and `on_event` in the order of the wire. Nothing here waits: commands, departures and most
requests go into the gateway's inbox for the engine, the two that need a password go to the accounts, and acknowledgements take effect
at once, because they only let go of what is kept.

The first thing on a link are the gateway's positions (`messages.Positions`); whatever else comes before them breaks the protocol.
"""

from __future__ import annotations

from typing import Any, Final

import attrs
import trio

from wyld_rpc import wire
from wyld_rpc.errors import LinkError, LocalProtocolError, RemoteProtocolError, UnknownEvent
from wyld_rpc.frames import Event as WireEvent
from wyld_rpc.frames import Request
from wyld_rpc.messages import (
    MAX_REPORTS,
    METHODS,
    Acks,
    Authenticate,
    AuthError,
    AuthErrorCode,
    CallError,
    ClientChanged,
    Commands,
    CreateAccount,
    Positions,
    SessionDisconnected,
    SessionReport,
)
from wyld_rpc.numbering import Epoch
from wyld_rpc.peer import UNKNOWN_METHOD, Peer, open_world_side
from wyld_service.log import Event, get_logger
from wyld_world.accounts import Accounts
from wyld_world.engine import Engine
from wyld_world.gateways import Asked, Gateway, Reported
from wyld_world.sessions import Sessions

MAX_COMMAND: Final = 64 * 1024
"""Characters of one command: the longest line that a gateway may be set to accept."""

_SERVER_ERROR: Final = "server_error"

_log = get_logger()


@attrs.frozen
class LinkServices:
    """What every link of this world shares."""

    key: bytes
    world_epoch: Epoch
    engine: Engine
    sessions: Sessions
    accounts: Accounts


async def serve_link(stream: trio.abc.Stream, services: LinkServices) -> None:
    """Serve one gateway until its link ends, whatever the reason; one log line tells it. Closes the stream.

    This is the link's task boundary: what goes wrong here ends this link and nothing else.

    Cancellation: closes the stream at once.
    """
    link = GatewayLink(services)
    try:
        async with open_world_side(
            stream, key=services.key, world_epoch=services.world_epoch, handler=link
        ) as peer:
            link.open(peer)
            await link.ended.wait()
    except (LinkError, RemoteProtocolError) as error:
        link.end(str(error))
    except Exception as error:
        link.end("a mistake in the world's code")
        _log.error(Event.CONN_ERROR, listener="link", exc_info=error)
    finally:
        link.close()


class GatewayLink:
    """The peer's handler, and a `gateways.Link`.

    Attributes:
        ended: Set when the link must end, or has ended; `reason` tells why.
    """

    def __init__(self, services: LinkServices) -> None:
        self.ended = trio.Event()
        self.reason = "the world stops"
        self._services = services
        self._reported_all = False
        self._peer: Peer | None = None
        self._gateway: Gateway | None = None

    def open(self, peer: Peer) -> None:
        """The opening has succeeded; from now on requests and events may come."""
        self._peer = peer
        life = peer.opened.gateway_id, peer.opened.gateway_epoch
        self._gateway = self._services.engine.gateway_linked(life, self)
        _log.info(Event.LINK_UP, gateway=peer.opened.gateway_id.hex())

    def close(self) -> None:
        """The link has ended."""
        gateway = None if self._gateway is None else self._gateway.id.hex()
        if self._gateway is not None:
            self._services.engine.link_lost(self._gateway, self, self.reason)
        _log.warning(Event.LINK_DOWN, gateway=gateway, reason=self.reason)

    # ------------------------------------------------------------------------------- for the engine

    def send(self, kind: str, body: bytes) -> None:
        assert self._peer is not None
        self._peer.notify_packed(kind, body)

    def answer(self, request_id: int, result: object) -> None:
        assert self._peer is not None
        try:
            if isinstance(result, CallError):
                self._peer.respond_error(request_id, *wire.error_to_wire(result))
            else:
                self._peer.respond(request_id, wire.unstructure(result))
        except LocalProtocolError as error:  # too long for a frame; the caller must hear something
            _log.error(Event.LIMIT_HIT, what="answer", reason=str(error))
            self._peer.respond_error(request_id, _SERVER_ERROR, "The answer is too long.")

    def end(self, reason: str) -> None:
        if not self.ended.is_set():
            self.reason = reason
            self.ended.set()

    # ------------------------------------------------------------------------------ for the reader

    def on_request(self, request: Request) -> None:
        assert self._gateway is not None
        method = METHODS.get(request.method)
        if method is None:
            assert self._peer is not None
            self._peer.respond_error(request.id, UNKNOWN_METHOD, f"there is no method {request.method!r}")
            return
        params: Any = wire.structure(method[0], request.params)
        if isinstance(params, Positions):
            self._take_positions(request.id, params)
            return
        self._check_settled()
        if isinstance(params, Authenticate | CreateAccount):
            self._check_password(request.id, params)
        else:
            self._services.engine.put(self._gateway, Asked(self, request.id, params))

    def _check_settled(self) -> Gateway:
        assert self._gateway is not None
        if not self._gateway.settled:
            raise RemoteProtocolError("something came before the positions")
        return self._gateway

    def _take_positions(self, request_id: int, positions: Positions) -> None:
        assert self._gateway is not None
        if self._reported_all or len(positions.sessions) > MAX_REPORTS:
            raise RemoteProtocolError("more positions than there may be")
        for report in positions.sessions:
            _check_report(report)
        if not self._gateway.settled:
            self._gateway.settle(positions.tick)
        self._reported_all = not positions.more
        self._services.engine.report(self._gateway, Reported(self, request_id, positions))

    def _check_password(self, request_id: int, params: Authenticate | CreateAccount) -> None:
        if params.session in self._services.sessions.by_id:
            error = AuthError(AuthErrorCode.ALREADY_AUTHENTICATED, "This session is in play already.")
            self.answer(request_id, error)
        else:
            self._services.accounts.submit(params, lambda result: self.answer(request_id, result))

    def on_event(self, event: WireEvent) -> None:
        gateway = self._check_settled()
        message = wire.unpack_event(event.kind, event.body)
        match message:
            case Commands():
                self._take_commands(gateway, message)
            case Acks():
                self._acknowledge(gateway, message)
            case SessionDisconnected():
                self._services.engine.put(gateway, message)
            case ClientChanged():
                pass  # the world words everything so that it can be read aloud; nothing depends on the client yet
            case _:
                raise UnknownEvent(event.kind)

    def _take_commands(self, gateway: Gateway, commands: Commands) -> None:
        sessions = self._services.sessions.by_id
        for command in commands.commands:
            if len(command.text) > MAX_COMMAND:
                raise RemoteProtocolError(f"a command of {len(command.text)} characters")
            session = sessions.get(command.session)
            if session is not None and session.awaits_report and session.generation == command.generation:
                raise RemoteProtocolError("a command came before the report of its session")
            self._services.engine.put(gateway, command)

    def _acknowledge(self, gateway: Gateway, acks: Acks) -> None:
        gateway.unacked.ack(acks.tick)
        sessions = self._services.sessions.by_id
        for session_id, number in acks.outputs:
            session = sessions.get(session_id)
            if session is not None and session.gateway is gateway:
                session.outputs.ack(number)


def _check_report(report: SessionReport) -> None:
    if not report.confirmed <= report.received - len(report.kept):
        raise RemoteProtocolError("a report contradicts itself")
    for kept in report.kept:
        wire.decode_output(kept)

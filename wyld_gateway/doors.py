"""Where players come in: the listeners of a gateway, and what is done with a connection that one of them has accepted.

    telnet                  \\
    telnet-screen-reader     }-> telnet adapter  \\
    telnet-tls -> handshake /                     }-> serve_connection
    web                     \\                    /
    web-tls -> handshake     }-> HTTP, WebSocket /
"""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Final

import attrs
import trio

from wyld_gateway.close import Close
from wyld_gateway.connection import serve_connection
from wyld_gateway.errors import HandshakeFailed
from wyld_gateway.gateway import Gateway
from wyld_gateway.player_socket import PlayerListener, PlayerSocket, open_player_listeners
from wyld_gateway.preferences import Preferences
from wyld_gateway.telnet.adapter import TelnetAdapter
from wyld_gateway.telnet.limits import Limits
from wyld_gateway.tls import Certificate, TlsStream
from wyld_gateway.websocket.front import serve_http
from wyld_gateway.websocket.pages import Pages
from wyld_service.log import Event, get_logger
from wyld_service.metrics import Health
from wyld_service.settings import LimitsSettings, Settings
from wyld_service.units import Address

_log = get_logger()


class Door(enum.Enum):
    """The values are announced with the addresses."""

    TELNET = "telnet"
    TELNET_TLS = "telnet-tls"
    TELNET_SCREEN_READER = "telnet-screen-reader"
    WEB = "web"
    WEB_TLS = "web-tls"


_ENCRYPTED: Final = frozenset({Door.TELNET_TLS, Door.WEB_TLS})
_WEB: Final = frozenset({Door.WEB, Door.WEB_TLS})


@attrs.frozen
class Doors:
    """All listening sockets of a gateway.

    Attributes:
        listeners: Those of each door; a door without an address is left out.
        certificate: For the encrypted ones; None if there are none.
    """

    listeners: Mapping[Door, Sequence[PlayerListener]]
    certificate: Certificate | None

    def ports(self, door: Door) -> list[int]:
        """Where a door is; a port that it has on several addresses counts once."""
        addresses = [Address.parse(listener.address) for listener in self.listeners.get(door, ())]
        return list(dict.fromkeys(address.port for address in addresses))


@asynccontextmanager
async def open_doors(settings: Settings) -> AsyncIterator[Doors]:
    """Listen everywhere, or nowhere; all is closed when the block is left.

    Raises:
        CannotListen: With the address and the reason.
        SettingsError: The certificate cannot be used.
    """
    addresses: dict[Door, Sequence[Address]] = {
        Door.TELNET: settings.telnet.listeners,
        Door.TELNET_TLS: settings.telnet.tls_listeners,
        Door.TELNET_SCREEN_READER: settings.telnet.screen_reader_listeners,
        Door.WEB: settings.web.listeners,
        Door.WEB_TLS: settings.web.tls_listeners,
    }
    certificate = None
    if any(addresses[door] for door in _ENCRYPTED):
        assert settings.tls.certificate_file is not None  # the settings were checked together
        assert settings.tls.key_file is not None
        certificate = Certificate(settings.tls.certificate_file, settings.tls.key_file)
    async with AsyncExitStack() as undo:
        listeners: dict[Door, Sequence[PlayerListener]] = {}
        for door, wanted in addresses.items():
            if wanted:
                listeners[door] = await open_player_listeners(wanted)
                for listener in listeners[door]:
                    undo.push_async_callback(listener.aclose)
        yield Doors(listeners, certificate)


class Reception:
    """What becomes of accepted connections. Any number of tasks may use it.

    Args:
        gateway: Ours.
        settings: All of them.
        certificate: Of the encrypted doors, if there are any.
        pages, health: What the web shows.
    """

    def __init__(
        self,
        gateway: Gateway,
        settings: Settings,
        certificate: Certificate | None,
        *,
        pages: Pages,
        health: Health,
    ) -> None:
        self._gateway = gateway
        self._certificate = certificate
        self._pages = pages
        self._health = health
        self._max_text = settings.limits.line_length
        self._compress_tls = settings.telnet.compress_tls
        self._telnet_limits = _telnet_limits(settings.limits)

    async def receive(self, door: Door, stream: PlayerSocket) -> None:
        """Serve a connection until it ends. Raises nothing for what a client does; if cancelled, the transport is closed."""
        peer = stream.peer
        if door not in _ENCRYPTED:
            await self._serve(door, stream, peer)
            return
        assert self._certificate is not None
        try:
            encrypted = await self._certificate.shake_hands(stream)
        except HandshakeFailed as error:
            _log.debug(Event.CONN_CLOSE, peer=peer, reason=Close.TLS_FAILED.value, detail=str(error))
        else:
            await self._serve(door, encrypted, peer)

    async def _serve(self, door: Door, stream: PlayerSocket | TlsStream, peer: str) -> None:
        if door in _WEB:
            await self._serve_web(stream, peer)
            return
        encryption = stream.version if isinstance(stream, TlsStream) else ""
        adapter = TelnetAdapter(
            stream,
            peer,
            self._telnet_limits,
            self._gateway.listing,
            encryption=encryption,
            compression=self._compress_tls or not encryption,
        )
        if door is Door.TELNET_SCREEN_READER:
            adapter.prefer(Preferences(screen_reader=True))
        await serve_connection(self._gateway, adapter)

    async def _serve_web(self, stream: trio.abc.Stream, peer: str) -> None:
        try:
            await serve_http(
                stream,
                peer=peer,
                pages=self._pages,
                health=self._health,
                on_connection=partial(serve_connection, self._gateway),
                max_text=self._max_text,
            )
        except Exception:
            _log.error(Event.CONN_ERROR, peer=peer, exc_info=True)


def _telnet_limits(settings: LimitsSettings) -> Limits:
    return Limits(
        line=settings.line_length,
        subnegotiation=settings.subnegotiation,
        inflation=settings.inflation,
        variable=settings.client_variable,
        answers_per_option=settings.answers_per_option,
    )

"""The opening of a WebSocket (RFC 6455, 4.2) as a decision about one parsed HTTP request.

Pure. `check_upgrade` says yes, or no with a status and a sentence; `accept_upgrade` gives the answer to send and the connection that
goes on from there. The request has been read by `front.py`, which serves pages on the same port.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

import attrs
import h11
import wsproto
import wsproto.events

from wyld_gateway.errors import RemoteError
from wyld_gateway.websocket.protocol import SUBPROTOCOL

VERSION: Final = b"13"

_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}


class UpgradeRefused(RemoteError):
    """Answer with `status` and `str(error)`; `headers` belong to the answer."""

    def __init__(self, status: int, text: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(text)
        self.status = status
        self.headers = headers


def check_upgrade(request: h11.Request, origins: Collection[str]) -> None:
    """Raises `UpgradeRefused` unless this is a WebSocket request that we want.

    `origins` are those from which pages may connect, beside the one that the page itself was served from. A request without an
    Origin comes from a program, not from a page, and is let in.
    """
    headers = _Headers.of(request)
    if "upgrade" not in headers.tokens(b"connection") or "websocket" not in headers.tokens(b"upgrade"):
        raise UpgradeRefused(
            426,
            "This address is for WebSocket connections.",
            (("Upgrade", "websocket"), ("Connection", "Upgrade")),
        )
    if headers.one(b"sec-websocket-version") != VERSION:
        raise UpgradeRefused(
            426, "Only WebSocket version 13 is spoken here.", (("Sec-WebSocket-Version", VERSION.decode()),)
        )
    if not _is_key(headers.one(b"sec-websocket-key")):
        raise UpgradeRefused(400, "The Sec-WebSocket-Key must be 16 bytes in base64.")
    if not _is_welcome(headers.one(b"origin"), headers.one(b"host"), origins):
        raise UpgradeRefused(403, "Pages of that origin may not connect here.")
    if SUBPROTOCOL not in headers.tokens(b"sec-websocket-protocol"):
        raise UpgradeRefused(400, f'The subprotocol must be "{SUBPROTOCOL}".')


def accept_upgrade(request: h11.Request, read_ahead: bytes) -> tuple[wsproto.WSConnection, bytes]:
    """The connection, and the response that opens it. `read_ahead` is what came behind the request."""
    connection = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
    connection.initiate_upgrade_connection(_needed_headers(request), "/ws")
    next(connection.events())
    response = connection.send(wsproto.events.AcceptConnection(subprotocol=SUBPROTOCOL))
    connection.receive_data(read_ahead)
    return connection, response


def _needed_headers(request: h11.Request) -> list[tuple[bytes, bytes]]:
    """The request again with nothing in it that was not checked: wsproto would decode the others."""
    key = _Headers.of(request).one(b"sec-websocket-key") or b""
    return [
        (b"Host", b"localhost"),
        (b"Connection", b"Upgrade"),
        (b"Upgrade", b"websocket"),
        (b"Sec-WebSocket-Version", VERSION),
        (b"Sec-WebSocket-Key", key),
        (b"Sec-WebSocket-Protocol", SUBPROTOCOL.encode()),
    ]


@attrs.frozen
class _Headers:
    _fields: tuple[tuple[bytes, bytes], ...]

    @classmethod
    def of(cls, request: h11.Request) -> _Headers:
        return cls(tuple((bytes(name), bytes(value)) for name, value in request.headers))

    def one(self, name: bytes) -> bytes | None:
        """The value of a header that comes once, None where it is missing. Raises `UpgradeRefused` where it comes more often."""
        values = [value for each, value in self._fields if each == name]
        if len(values) > 1:
            raise UpgradeRefused(400, f"The header {name.decode('latin-1')} came more than once.")
        return values[0] if values else None

    def tokens(self, name: bytes) -> set[str]:
        """The lower-case members of a header that is a list (RFC 9110, 5.6.1)."""
        joined = b",".join(value for each, value in self._fields if each == name)
        return {token.strip().lower() for token in joined.decode("latin-1").split(",")}


def _is_key(value: bytes | None) -> bool:
    try:
        return value is not None and len(base64.b64decode(value, validate=True)) == 16
    except binascii.Error:
        return False


def _is_welcome(origin: bytes | None, host: bytes | None, origins: Collection[str]) -> bool:
    if origin is None:
        return True
    text = origin.decode("latin-1").lower()
    if text in origins:
        return True
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    default_port = _DEFAULT_PORTS.get(parts.scheme)
    if default_port is None or host is None:
        return False
    return parts.netloc.removesuffix(default_port) == host.decode("latin-1").lower().removesuffix(
        default_port
    )

"""One HTTP connection: the web terminal's page, the health of the process, and the upgrade to a WebSocket.

    GET /, /terminal.js, ...     the pages, with an ETag and a strict Content-Security-Policy
    GET /healthz, /readyz        200 or 503, plain text, one line per part
    GET /ws                      a WebSocket with the subprotocol wyld.v1, or a refusal in words

h11 parses (RFC 9112); whatever a client sends, the answer is a page, a status with a sentence, or a closed connection, and `serve_http`
returns. Requests have no bodies here. A header is bounded by `MAX_HEADER`, the time for it by `REQUEST_DEADLINE`, the requests of one
connection by `MAX_REQUESTS`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable
from email.utils import formatdate
from http import HTTPStatus
from typing import Final, TypeAlias

import h11
import trio

from wyld_gateway.adapter import ProtocolAdapter
from wyld_gateway.errors import TransportBroken
from wyld_gateway.websocket.adapter import WebSocketAdapter
from wyld_gateway.websocket.handshake import UpgradeRefused, accept_upgrade, check_upgrade
from wyld_gateway.websocket.pages import Page, Pages
from wyld_gateway.websocket.protocol import ServerProtocol
from wyld_gateway.websocket.transport import EventSocket
from wyld_service.metrics import Health

MAX_HEADER: Final = 16 * 1024
"""Bytes of a request line with its header. Browsers send one or two KiB; cookies of other services on the host may add some."""

REQUEST_DEADLINE: Final = 10.0
"""Seconds for a request to arrive, from the connection's start or the answer before, and for its answer to be taken."""

MAX_REQUESTS: Final = 100
"""Requests of one connection: many times what the page needs, and no connection lives on for ever."""

RECEIVE_SIZE: Final = 4096

Header: TypeAlias = tuple[str, str]

_PAGE_HEADERS: Final = (
    (
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
)


async def serve_http(
    stream: trio.abc.Stream,
    *,
    peer: str,
    pages: Pages,
    health: Health,
    on_connection: Callable[[ProtocolAdapter], Awaitable[None]],
    max_text: int = 4096,
    origins: Collection[str] = (),
) -> None:
    """Serve one connection until it ends; the stream is closed on return, also if cancelled.

    Args:
        peer: The client's address, for `ProtocolAdapter.peer`.
        pages: What `load_pages` gave.
        health: What "/healthz" and "/readyz" report.
        on_connection: Runs for as long as a WebSocket is played on; the adapter it gets is not open yet.
        max_text: Bytes of one line or command of a WebSocket client.
        origins: Origins besides our own whose pages may connect, "https://play.example.org".

    Raises nothing for what the client does; what `on_connection` raises comes out in an exception group.
    """
    try:
        front = _Front(stream, pages, health, origins)
        request = await front.run()
        if request is not None:
            connection, response = accept_upgrade(request, front.read_ahead)
            await front.send(response)
            socket = EventSocket(stream, connection, ServerProtocol(max_text))
            async with trio.open_nursery() as nursery:
                nursery.start_soon(socket.run)
                await on_connection(WebSocketAdapter(socket, peer, max_text))
                nursery.cancel_scope.cancel()
    except TransportBroken:
        pass
    finally:
        # Nothing is waited for: a WebSocket has shaken hands by now, and an answer is in the kernel's hands.
        await trio.aclose_forcefully(stream)


class _Front:
    """Requests and answers on one connection, up to an upgrade. Raises `TransportBroken` where the client is gone."""

    def __init__(
        self, stream: trio.abc.Stream, pages: Pages, health: Health, origins: Collection[str]
    ) -> None:
        self._stream = stream
        self._pages = pages
        self._health = {"/healthz": health.live, "/readyz": health.ready}
        self._origins = origins
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEADER)
        self._requests_left = MAX_REQUESTS

    @property
    def read_ahead(self) -> bytes:
        """What came behind the last request."""
        return bytes(self._http.trailing_data[0])

    async def run(self) -> h11.Request | None:
        """Answer requests. The one that wants a WebSocket, and may have it, is returned; None when the connection is over."""
        while True:
            self._requests_left -= 1
            with trio.move_on_after(REQUEST_DEADLINE) as deadline:
                upgrade = await self._serve_one()
                if upgrade is not None:
                    return upgrade
            states = {self._http.our_state, self._http.their_state}
            if deadline.cancelled_caught or states != {h11.DONE}:
                return None
            self._http.start_next_cycle()

    async def send(self, data: bytes) -> None:
        try:
            await self._stream.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise TransportBroken(str(error)) from None

    async def _serve_one(self) -> h11.Request | None:
        """One request and its answer, except for an upgrade, which is returned unanswered."""
        try:
            request = await self._next_request()
        except h11.RemoteProtocolError as error:
            await self._respond(
                None,
                error.error_status_hint,
                "text/plain; charset=utf-8",
                b"This is no request of HTTP/1.1.\n",
            )
            return None
        if request is None:
            return None
        path = request.target.split(b"?")[0].decode("latin-1")
        if path == "/ws" and request.method == b"GET":
            try:
                check_upgrade(request, self._origins)
            except UpgradeRefused as refusal:
                await self._say(request, refusal.status, str(refusal), refusal.headers)
                return None
            return request
        await self._answer(request, path)
        return None

    async def _next_request(self) -> h11.Request | None:
        """None when the client has no more. A body that follows is not read, and so ends the connection."""
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                self._http.receive_data(await self._receive())
            elif isinstance(event, h11.Request):
                self._http.next_event()
                return event
            else:
                return None

    async def _receive(self) -> bytes:
        try:
            return bytes(await self._stream.receive_some(RECEIVE_SIZE))
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise TransportBroken(str(error)) from None

    async def _answer(self, request: h11.Request, path: str) -> None:
        allowed = "GET" if path == "/ws" else "GET, HEAD"
        if request.method.decode("latin-1") not in allowed.split(", "):
            refusal = f"Only {allowed} can be asked for."
            await self._say(request, HTTPStatus.METHOD_NOT_ALLOWED, refusal, [("Allow", allowed)])
        elif path in self._pages:
            await self._answer_page(request, self._pages[path])
        elif path in self._health:
            parts = tuple(self._health[path]())
            status = HTTPStatus.OK if all(part.ok for part in parts) else HTTPStatus.SERVICE_UNAVAILABLE
            await self._say(request, status, "\n".join(map(str, parts)))
        else:
            await self._say(request, HTTPStatus.NOT_FOUND, "There is no such page here. The game is at /.")

    async def _answer_page(self, request: h11.Request, page: Page) -> None:
        headers = [*_PAGE_HEADERS, ("ETag", page.etag), ("Cache-Control", "no-cache")]
        known = b",".join(value for name, value in request.headers if name == b"if-none-match").decode(
            "latin-1"
        )
        if page.etag in (tag.strip().removeprefix("W/") for tag in known.split(",")):
            await self._respond(request, HTTPStatus.NOT_MODIFIED, page.content_type, b"", headers)
        else:
            await self._respond(request, HTTPStatus.OK, page.content_type, page.body, headers)

    async def _say(
        self, request: h11.Request, status: int, text: str, headers: Iterable[Header] = ()
    ) -> None:
        body = text.encode("utf-8", "replace").rstrip(b"\n") + b"\n"
        await self._respond(
            request, status, "text/plain; charset=utf-8", body, [*headers, ("Cache-Control", "no-store")]
        )

    async def _respond(
        self,
        request: h11.Request | None,
        status: int,
        content_type: str,
        body: bytes,
        headers: Iterable[Header] = (),
    ) -> None:
        fields = [("Date", formatdate(usegmt=True)), *headers]
        if status != HTTPStatus.NOT_MODIFIED:
            fields += [("Content-Type", content_type), ("Content-Length", str(len(body)))]
        if not self._requests_left or self._http.their_state is not h11.DONE:
            fields.append(("Connection", "close"))
        response = h11.Response(status_code=status, reason=HTTPStatus(status).phrase, headers=fields)
        data = self._http.send(response) or b""
        if body and not (request and request.method == b"HEAD"):
            data += self._http.send(h11.Data(data=body)) or b""
        data += self._http.send(h11.EndOfMessage()) or b""
        await self.send(data)

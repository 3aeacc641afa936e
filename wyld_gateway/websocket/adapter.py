"""A wyld.v1 client as a `ProtocolAdapter`.

The pure core is `protocol.py`, the transport `transport.py`; this joins them. Three things to know:

- The body of an output is the same for every client, so all of them share one `rendering_key`; what is for a screen reader, the
  page decides.
- Acknowledgements of outputs are checked for their form and go no further: an output counts as delivered when the connection's queue
  has taken it.
- `send_now` takes nothing: frames go through the library's lock, which may wait.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import ClassVar, Final

import attrs
import trio

from wyld_gateway.adapter import (
    ClientMetadata,
    DisconnectedMessage,
    ErrorMessage,
    Incoming,
    NegotiationMessage,
    PingMessage,
    PongMessage,
    Protocol,
    ProtocolAdapter,
    TextMessage,
)
from wyld_gateway.close import Close
from wyld_gateway.errors import HandshakeFailed, TransportBroken
from wyld_gateway.websocket import protocol
from wyld_gateway.websocket.protocol import (
    SUBPROTOCOL,
    Capabilities,
    CapabilitiesChanged,
    Event,
    Hello,
    Line,
    NumberedCommand,
    Ping,
    Pong,
)
from wyld_gateway.websocket.transport import EventSocket
from wyld_rpc.messages import PROMPT, EntityStateUpdate, GameOutput, StateUpdateType

HELLO_DEADLINE: Final = 10.0
"""Seconds until `hello` must have come and `welcome` must have gone."""


class WebSocketAdapter(ProtocolAdapter):
    protocol: ClassVar[Protocol] = Protocol.WEBSOCKET
    adjustable: ClassVar[frozenset[str]] = frozenset({"screen_reader"})

    def __init__(self, socket: EventSocket, peer: str, max_text: int) -> None:
        """`max_text` is told to the client in `welcome`; the socket's own protocol enforces it."""
        self.peer = peer
        self._socket = socket
        self._max_text = max_text
        self._metadata = ClientMetadata(capabilities=(SUBPROTOCOL,))
        self._unread: list[Event] = []
        self._refusal_told = False

    @property
    def metadata(self) -> ClientMetadata:
        by_hand = self.preferences.screen_reader
        return self._metadata if by_hand is None else attrs.evolve(self._metadata, screen_reader=by_hand)

    def describe(self) -> Mapping[str, str]:
        return {"Protocol": f"{SUBPROTOCOL} over WebSocket", **super().describe()}

    @property
    def rendering_key(self) -> Hashable:
        return SUBPROTOCOL

    # ------------------------------------------------------------------------------------------ in

    async def open(self) -> None:
        with trio.move_on_after(HELLO_DEADLINE):
            events = await self._socket.receive_events()
            # The protocol lets nothing pass before hello, so the first event is one.
            if not events or not isinstance(hello := events[0], Hello):
                raise HandshakeFailed(str(self._socket.refusal or "The client left before it said hello."))
            self._unread = events[1:]
            self._metadata = _metadata(self._metadata, hello.capabilities, hello)
            try:
                await self.send_all(protocol.encode_welcome(self._max_text))
            except TransportBroken as error:
                raise HandshakeFailed(str(error)) from None
            return
        raise HandshakeFailed("No hello came in time, or its answer could not be sent.")

    async def receive(self) -> Sequence[Incoming]:
        while True:
            events = self._unread or await self._socket.receive_events()
            self._unread = []
            if not events:
                return [self._end()]
            messages = [message for event in events if (message := self._message(event)) is not None]
            if messages:
                return messages

    def _end(self) -> Incoming:
        refusal = self._socket.refusal
        if refusal is not None and not self._refusal_told:
            self._refusal_told = True
            return ErrorMessage(str(refusal), refusal.close)
        return DisconnectedMessage(self._socket.ending)

    def _message(self, event: Event) -> Incoming | None:
        match event:
            case NumberedCommand(number, text):
                return TextMessage(text, number)
            case Line(text):
                return TextMessage(text)
            case CapabilitiesChanged(capabilities):
                self._metadata = _metadata(self._metadata, capabilities)
                return NegotiationMessage()
            case Ping():
                return PingMessage()
            case Pong():
                return PongMessage()
            case _:
                return None

    # ----------------------------------------------------------------------------------------- out

    def render(self, output: GameOutput) -> bytes:
        return protocol.encode_output_body(output)

    def numbered(self, rendered: bytes, number: int) -> bytes:
        return protocol.number_output(rendered, number)

    def encode_state(self, update: EntityStateUpdate) -> bytes:
        if update.kind is StateUpdateType.CUSTOM and update.name == PROMPT:
            return b""
        return protocol.encode_state(update)

    def encode_notice(self, text: str) -> bytes:
        return protocol.encode_notice(text)

    def encode_echo(self, on: bool) -> bytes:
        return protocol.encode_echo(on)

    def encode_attached(self, epoch: bytes, next_number: int) -> bytes:
        return protocol.encode_attached(epoch, next_number)

    def encode_detached(self) -> bytes:
        return protocol.DETACHED

    def encode_ping(self) -> bytes:
        return protocol.PING

    def encode_ack(self, number: int) -> bytes:
        return protocol.encode_ack(number)

    def encode_bye(self, close: Close, text: str) -> bytes:
        return protocol.encode_bye(close, text)

    def compose(self, parts: Sequence[bytes], prompt: str | None, *, prompt_changed: bool) -> bytes:
        data = b"".join(parts)
        return data + protocol.encode_prompt(prompt or "") if prompt_changed else data

    def send_now(self, data: bytes) -> int:  # noqa: ARG002
        return 0

    async def send_all(self, data: bytes) -> None:
        if data:
            await self._socket.send_messages(data)

    async def aclose(self, close: Close) -> None:
        await self._socket.shut(close)


def _metadata(known: ClientMetadata, screen: Capabilities, hello: Hello | None = None) -> ClientMetadata:
    return ClientMetadata(
        client_name=hello.client_name if hello else known.client_name,
        client_version=hello.client_version if hello else known.client_version,
        width=screen.width,
        height=screen.height,
        screen_reader=screen.screen_reader,
        capabilities=known.capabilities,
    )

"""What a connection looks like to the rest of the gateway, whatever protocol it speaks.

An adapter joins a pure protocol core (telnet, wyld.v1) to one transport. Inwards it yields `Incoming` messages; outwards it turns what
the game says into bytes. The rest of the gateway never sees an option, a frame or an escape sequence.

Encoding and sending are apart on purpose. The `render` and `encode_` methods are synchronous, do no I/O and return bytes that may be
joined; whoever owns the connection's order (`connection.py`) joins all that one tick made with `compose` and writes it once.
`render` is also separate from `numbered`, so that a line for a thousand players is rendered once per kind of client: its result is
cached under `rendering_key` and only the number is added for each of them.
"""

from __future__ import annotations

import abc
import enum
from collections.abc import Hashable, Mapping, Sequence
from typing import ClassVar, TypeAlias

import attrs

from wyld_gateway.close import Close
from wyld_gateway.preferences import SUBJECTS, Preferences
from wyld_rpc.messages import EntityStateUpdate, GameOutput


class Protocol(enum.Enum):
    TELNET = "telnet"
    WEBSOCKET = "websocket"


@attrs.frozen
class TextMessage:
    """One complete line that the client typed. `number` is the client's own, or None where its protocol has none."""

    line: str
    number: int | None = None


@attrs.frozen
class CredentialsMessage:
    """The client signs its player in by itself, beside the dialogue. `account` may be followed by a space and the character."""

    account: str
    password: str = attrs.field(repr=False)


@attrs.frozen
class BinaryMessage:
    """Data that is no line: it is ignored unless a protocol extension wants it."""

    data: bytes


@attrs.frozen
class PingMessage:
    """A sign of life that the adapter has answered already (telnet AYT, a WebSocket ping)."""


@attrs.frozen
class PongMessage:
    """The answer to a ping of ours."""


@attrs.frozen
class NegotiationMessage:
    """The client told something about itself: `profile` or `metadata` changed."""


@attrs.frozen
class DisconnectedMessage:
    """The transport has ended. Always the last message."""

    close: Close


@attrs.frozen
class ErrorMessage:
    """The client broke its protocol or a limit. If `close` is set the connection cannot go on; otherwise `text` is for its player."""

    text: str
    close: Close | None = None


Incoming: TypeAlias = (
    TextMessage
    | CredentialsMessage
    | BinaryMessage
    | PingMessage
    | PongMessage
    | NegotiationMessage
    | DisconnectedMessage
    | ErrorMessage
)


@attrs.frozen
class ClientMetadata:
    """What is known of the client program; kept in the session's row. Empty strings and zeros mean unknown."""

    client_name: str = ""
    client_version: str = ""
    terminal_type: str = ""
    width: int = 0
    height: int = 0
    screen_reader: bool = False
    capabilities: tuple[str, ...] = ()
    """Agreed options and features, in words: "ttype", "naws", "eor", "wyld.v1"."""


class ProtocolAdapter(abc.ABC):
    """One connection. `receive` belongs to the connection's own task, `send_all` to its writer; the rest may be called by both."""

    protocol: ClassVar[Protocol]
    adjustable: ClassVar[frozenset[str]] = frozenset()
    """The fields of `Preferences` that mean something to this protocol."""
    peer: str
    """The client's address, "192.0.2.7:53124" or "[2001:db8::7]:53124"."""
    preferences: Preferences = Preferences()
    """What the player set by hand; changed by `prefer`."""

    @property
    @abc.abstractmethod
    def metadata(self) -> ClientMetadata: ...

    @property
    @abc.abstractmethod
    def rendering_key(self) -> Hashable:
        """Equal for two clients exactly when `render` gives the same bytes for both."""

    def prefer(self, preferences: Preferences) -> None:
        """Follow `preferences` from the next rendering on; `metadata` and `rendering_key` may change with it."""
        self.preferences = preferences

    def describe(self) -> Mapping[str, str]:
        """What was agreed with the client and what counts for it, in words for its player, by what each is about: "Window",
        `preferences.SUBJECTS`."""
        known = self.metadata
        return {
            "Client": f"{known.client_name} {known.client_version}".strip() or "unknown",
            "Window": f"{known.width or '?'} columns, {known.height or '?'} rows",
            "Agreed": ", ".join(known.capabilities) or "nothing",
            SUBJECTS["screen_reader"]: "on" if known.screen_reader else "off",
        }

    # ------------------------------------------------------------------------------------------ in

    @abc.abstractmethod
    async def open(self) -> None:
        """Shake hands as far as the protocol wants it before anything is shown: telnet's short wait for negotiation, hello and
        welcome. Lines that arrive meanwhile are kept for `receive`. Raises `HandshakeFailed` if the client is not one of ours."""

    @abc.abstractmethod
    async def receive(self) -> Sequence[Incoming]:
        """The next messages, at least one. Ends with a `DisconnectedMessage`; never raises for anything that the client did.

        Cancellation loses nothing that has been received.
        """

    @property
    def owes(self) -> bool:
        """Whether the protocol itself has something to say: an answer to a negotiation, to telnet's AYT. It waits for the next
        `compose`, which puts it before everything else; whoever calls `receive` sees to it that one comes."""
        return False

    # ----------------------------------------------------------------------------------------- out

    @abc.abstractmethod
    def render(self, output: GameOutput) -> bytes:
        """An output for this kind of client, without its number."""

    @abc.abstractmethod
    def numbered(self, rendered: bytes, number: int) -> bytes:
        """A rendered output with its number, where the protocol has numbers. Costs no more than a copy."""

    @abc.abstractmethod
    def encode_state(self, update: EntityStateUpdate) -> bytes:
        """A state, or b"" where this client has no use for it. Prompts come through `compose`, never here."""

    @abc.abstractmethod
    def encode_notice(self, text: str) -> bytes:
        """A line (or lines) of the gateway itself: the login dialogue, the connection notices."""

    @abc.abstractmethod
    def encode_echo(self, on: bool) -> bytes:
        """Hide what is typed (`on` false, before a password is asked for) or show it again."""

    def encode_login_result(self, success: bool, text: str) -> bytes:  # noqa: ARG002
        """A login succeeded, or failed for the reason `text`, whoever typed or sent it. b"" where the client does not wait to be
        told beside the words."""
        return b""

    @abc.abstractmethod
    def encode_attached(self, epoch: bytes, next_number: int) -> bytes:
        """The session is in play; the client's numbering starts at `next_number`. b"" where the protocol has no numbers."""

    def encode_detached(self) -> bytes:
        """The session is no longer in play and its numbering is over (the world was lost): nobody knows what became of commands
        that the client has heard no ack for, and lines are unnumbered again. b"" where the protocol has no numbers."""
        return b""

    def encode_ping(self) -> bytes:
        """A question that the client answers by itself, as a sign of life; `receive` then gives a `PongMessage`, or at least some
        traffic. b"" where the transport is probed by other means."""
        return b""

    @property
    def keepalive(self) -> int:
        """Seconds of silence after which something is to be sent so that the routers on the way keep the connection; 0 for
        never."""
        return 0

    def encode_keepalive(self) -> bytes:
        """The something: it changes nothing at the client and asks for no answer."""
        return b""

    @abc.abstractmethod
    def encode_ack(self, number: int) -> bytes:
        """All commands up to `number` are safe. b"" where the protocol has no numbers."""

    @abc.abstractmethod
    def encode_bye(self, close: Close, text: str) -> bytes:
        """The last words before `aclose`."""

    @abc.abstractmethod
    def compose(self, parts: Sequence[bytes], prompt: str | None, *, prompt_changed: bool) -> bytes:
        """All that one tick (or one step of the login) made, joined, with the prompt behind it as this client wants it.

        `prompt` None means that there is none. The telnet form repeats an unchanged prompt with its mark after every output and
        keeps text from sticking to a prompt that stands unanswered; the WebSocket form sends a prompt only if it changed.
        """

    @abc.abstractmethod
    def send_now(self, data: bytes) -> int:
        """How many bytes the kernel took at once: 0 if it would block, or where bytes must pass a layer that may wait (TLS,
        WebSocket). Never waits, never raises: a broken transport takes nothing and shows in `receive`."""

    @abc.abstractmethod
    async def send_all(self, data: bytes) -> None:
        """Write everything, waiting as long as it takes. Raises `TransportBroken`. If cancelled, the transport must be closed."""

    @abc.abstractmethod
    async def aclose(self, close: Close) -> None:
        """Close the transport within 2 s whatever the client does. If cancelled, it closes at once."""

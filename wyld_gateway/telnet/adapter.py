"""A telnet client as the gateway sees it: the codec on a stream. The only module of this package that knows
Trio.

States: *opening* (the burst is sent, answers are awaited for a moment), *open*, *closed*. Whatever the codec
owes the client, answers to its negotiation and to AYT, waits in the codec until the connection composes its
next output, because a connection has one order of bytes and this is not the place that decides it; `owes`
says that something waits.

A prompt stands on its line without an end. The adapter knows whether one stands unanswered, and begins the
next text on a line of its own: a client that shows what is typed has ended the line by itself, one that hides
a password has not.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from typing import Protocol as StructuralProtocol

import attrs
import trio

from wyld_gateway.adapter import (
    ClientMetadata,
    CredentialsMessage,
    DisconnectedMessage,
    ErrorMessage,
    Incoming,
    NegotiationMessage,
    PingMessage,
    Protocol,
    ProtocolAdapter,
    TextMessage,
)
from wyld_gateway.close import Close
from wyld_gateway.errors import HandshakeFailed, TransportBroken
from wyld_gateway.preferences import SUBJECTS, Preferences, PromptStyle
from wyld_gateway.telnet import gmcp_login
from wyld_gateway.telnet.capabilities import Evidence, preferred
from wyld_gateway.telnet.connection import COMPRESSION, OPTIONS, TelnetConnection
from wyld_gateway.telnet.constants import DOUBLED_IAC, IAC, Command, OptionCode, option_name
from wyld_gateway.telnet.encode import encode_text, subnegotiation
from wyld_gateway.telnet.events import (
    AreYouThere,
    CharacterSet,
    CompressedInputBroken,
    EnvironmentChanged,
    Event,
    ForeignProtocol,
    GmcpMessage,
    Line,
    LineTooLong,
    MsdpMessage,
    NotTelnet,
    OptionChanged,
    Side,
    TerminalType,
    TimingMark,
    WindowSize,
)
from wyld_gateway.telnet.facts import settings_in_words
from wyld_gateway.telnet.gmcp_login import read_credentials, read_hello
from wyld_gateway.telnet.limits import Limits
from wyld_gateway.telnet.lines import DEFAULT_ENCODING
from wyld_gateway.telnet.options.mssp import Status, encode_status
from wyld_gateway.telnet.subscriptions import Subscriptions
from wyld_gateway.terminal import render, strip_controls
from wyld_rpc.messages import EntityStateUpdate, GameOutput, System

NEGOTIATION_WAIT = 0.3
"""Seconds that the first screen waits for answers: longer than most round trips, shorter than a person
notices.
"""

KEEPALIVE = 30
"""Seconds of silence after which a NOP is sent, unless the player set another time: routers forget an idle
connection after one to five minutes.
"""

CLOSE_WAIT = 2.0
"""Seconds that a client has to take our last words and close its end."""

READ_SIZE = 4096
"""Bytes of one read: what the worst input of this size costs, a thousand negotiations, delays nobody else
noticeably.
"""

_LINE_END = b"\r\n"
_NOP = bytes([Command.IAC, Command.NOP])

_CANNOT_HIDE = "Your client will not hide what you type: mind who can see your screen."

_CANNOT_INFLATE = "What your client compressed cannot be read."

_ANSWERS = {
    ForeignProtocol.HTTP: "HTTP/1.0 400 This port is for telnet; the web page has its own",
    ForeignProtocol.TLS: "This port speaks telnet without TLS.",
}


class GameListing(StructuralProtocol):
    """What the game tells about itself."""

    @property
    def name(self) -> str: ...

    def status(self) -> Status:
        """For listing sites, as of now."""


class TelnetAdapter(ProtocolAdapter):
    """One telnet connection; see `ProtocolAdapter` for who may call what."""

    protocol = Protocol.TELNET
    adjustable = frozenset(SUBJECTS)

    def __init__(
        self,
        stream: trio.abc.HalfCloseableStream,
        peer: str,
        limits: Limits | None = None,
        listing: GameListing | None = None,
        *,
        encryption: str = "",
        compression: bool = True,
    ) -> None:
        """`stream` is a `PlayerSocket`, or any other byte stream, of which nothing is sent at once. `listing` is what the game
        tells about itself; without one it tells nothing. `encryption` names the one that the stream has: "TLSv1.3".
        Without `compression` it is neither offered nor agreed to.
        """
        self.peer = peer
        self._stream = stream
        self._encryption = encryption
        self._send_now: Callable[[bytes], int] = getattr(stream, "send_now", _takes_nothing)
        options = [option for option in OPTIONS if compression or option not in COMPRESSION]
        self._codec = TelnetConnection(limits, options)
        self._line_limit = (limits or Limits()).line
        self._listing = listing
        self._subscriptions = Subscriptions(listing.name if listing else "")
        self._signing_in = False
        self._unread: list[Incoming] = []
        self._evidence = Evidence()
        self._profile = self._evidence.profile
        self._metadata = ClientMetadata()
        self._hides_input = False
        self._in_play = False
        self._prompt_stands = False
        self._shown = False
        self._parting = False

    @property
    def metadata(self) -> ClientMetadata:
        return self._metadata

    @property
    def rendering_key(self) -> Hashable:
        wanted = self._subscriptions.wanted_outputs
        return (self._profile, wanted) if wanted else self._profile

    def prefer(self, preferences: Preferences) -> None:
        super().prefer(preferences)
        self._learn()

    def describe(self) -> Mapping[str, str]:
        return {
            "Protocol": f"telnet over {self._encryption}" if self._encryption else "telnet",
            "Terminal": self._metadata.terminal_type or "unknown",
            "Receipts": "by TIMING-MARK" if self._evidence.answers_timing_marks else "by TCP",
            **super().describe(),
            **settings_in_words(
                self._profile,
                self.preferences,
                prompt_mark=self._codec.prompt_mark,
                keepalive=self.keepalive,
            ),
        }

    @property
    def keepalive(self) -> int:
        wanted = self.preferences.keepalive
        return KEEPALIVE if wanted is None else wanted

    # ------------------------------------------------------------------------------------------ in

    async def open(self) -> None:
        """Send the opening burst and wait for its answers, at most `NEGOTIATION_WAIT` and not once the player
        has typed a line.

        Raises `HandshakeFailed` where the first bytes are those of another protocol. If cancelled, close the
        transport: a part of an answer may have been sent.
        """
        self._codec.start()
        deadline = trio.current_time() + NEGOTIATION_WAIT
        while await self._pay() and self._codec.negotiating and not any(map(_ends_the_wait, self._unread)):
            with trio.move_on_at(deadline) as patience:
                await self._read()
            if patience.cancelled_caught:
                break
        self._unread = [message for message in self._unread if _ends_the_wait(message)]
        for message in self._unread:
            if isinstance(message, ErrorMessage) and message.close:
                raise HandshakeFailed(message.text)

    async def receive(self) -> Sequence[Incoming]:
        while not self._unread:
            await self._read()
        messages, self._unread = self._unread, []
        return messages

    @property
    def owes(self) -> bool:
        return self._codec.owes

    async def _pay(self) -> bool:
        """Send what the codec owes; whether the transport is whole. Only while nobody else writes."""
        try:
            await self.send_all(self._codec.data_to_send())
        except TransportBroken:
            return False
        return True

    async def _read(self) -> None:
        """Wait for the next bytes and put what they mean into `_unread`. Cancellation loses nothing."""
        try:
            data = await self._stream.receive_some(READ_SIZE)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self._unread.append(DisconnectedMessage(Close.RESET))
            return
        if not data:
            self._unread.append(DisconnectedMessage(Close.EOF))
            return
        known = self._evidence
        for event in self._codec.receive_data(bytes(data)):
            self._take(event)
        if self._evidence is not known and self._learn():
            self._unread.append(NegotiationMessage())
        if self._codec.owes and not self._unread:
            self._unread.append(PingMessage())

    def _take(self, event: Event) -> None:
        """Put the message of one event into `_unread`, or what it tells about the client into `_evidence`."""
        match event:
            case Line(text):
                # A client that shows what is typed has also shown its line end.
                self._prompt_stands &= self._hides_input
                self._unread.append(TextMessage(strip_controls(text)))
            case LineTooLong():
                self._unread.append(
                    ErrorMessage(f"That line was longer than {self._line_limit} bytes, and was not read.")
                )
            case AreYouThere():
                # The codec's answer begins and ends a line.
                self._shown, self._prompt_stands = True, False
                self._unread.append(PingMessage())
            case NotTelnet(foreign):
                self._unread.append(ErrorMessage(_ANSWERS[foreign], Close.PROTOCOL))
            case OptionChanged(OptionCode.ECHO, Side.LOCAL, False) if self._hides_input:
                self._unread.append(ErrorMessage(_CANNOT_HIDE))
            case OptionChanged():
                self._take_switch(event)
                self._evidence = attrs.evolve(self._evidence, negotiates=bool(self._codec.agreed()))
            case TerminalType():
                self._evidence = attrs.evolve(self._evidence, terminal=event)
            case WindowSize():
                self._evidence = attrs.evolve(self._evidence, window=event)
            case EnvironmentChanged(variables):
                environment = {**self._evidence.environment, **variables}
                self._evidence = attrs.evolve(self._evidence, environment=environment)
            case GmcpMessage():
                self._take_gmcp(event)
            case MsdpMessage():
                self._codec.queue(self._subscriptions.msdp(event))
            case CompressedInputBroken():
                self._unread.append(ErrorMessage(_CANNOT_INFLATE, Close.PROTOCOL))
            case CharacterSet(codec):
                self._evidence = attrs.evolve(self._evidence, codec=codec)
            case TimingMark():
                reliable = self._codec.timing_marks_reliable
                self._evidence = attrs.evolve(self._evidence, answers_timing_marks=reliable)

    def _take_switch(self, event: OptionChanged) -> None:
        if event.option == OptionCode.MSSP and event.on and self._listing is not None:
            self._codec.queue(subnegotiation(OptionCode.MSSP, encode_status(self._listing.status())))
        elif event.option in (OptionCode.GMCP, OptionCode.MSDP) and not event.on:
            self._subscriptions.end(event.option)

    def _take_gmcp(self, message: GmcpMessage) -> None:
        """Learn who the client is, sign its player in, or answer what its scripts ask for."""
        hello, credentials = read_hello(message), read_credentials(message)
        if hello is not None:
            self._evidence = attrs.evolve(self._evidence, hello=hello)
        elif credentials is not None:
            self._signing_in = True
            self._unread.append(CredentialsMessage(credentials.account, credentials.password))
        else:
            listed = gmcp_login.PACKAGE in self._subscriptions.packages
            self._codec.queue(self._subscriptions.gmcp(message))
            if gmcp_login.PACKAGE in self._subscriptions.packages and not (listed or self._in_play):
                self._codec.queue(gmcp_login.OFFER)

    def _learn(self) -> bool:
        """Draw the conclusions from what the client told so far; whether they are new."""
        evidence = self._evidence
        profile = preferred(evidence.profile, self.preferences)
        self._codec.read_lines_as(self.preferences.charset or evidence.codec or DEFAULT_ENCODING)
        window = evidence.window or WindowSize(None, None)
        # ECHO comes and goes with each password and says nothing about the client.
        agreed = dict.fromkeys(code for code, _ in self._codec.agreed() if code != OptionCode.ECHO)
        if evidence.answers_timing_marks:  # no switch, and so never agreed on
            agreed[OptionCode.TIMING_MARK] = None
        metadata = ClientMetadata(
            client_name=strip_controls(evidence.client_name),
            client_version=strip_controls(evidence.client_version),
            terminal_type=strip_controls(evidence.terminal_type),
            width=window.width or 0,
            height=window.height or 0,
            screen_reader=profile.screen_reader,
            capabilities=tuple(option_name(code).lower() for code in agreed),
        )
        news = (profile, metadata) != (self._profile, self._metadata)
        self._profile, self._metadata = profile, metadata
        return news

    # ----------------------------------------------------------------------------------------- out

    def render(self, output: GameOutput) -> bytes:
        text = encode_text(render(output, self._profile), self._profile.encoding)
        return text + self._subscriptions.output(output)

    def numbered(self, rendered: bytes, number: int) -> bytes:  # noqa: ARG002 - telnet has no numbers
        return rendered

    def encode_state(self, update: EntityStateUpdate) -> bytes:
        return self._subscriptions.state(update)

    def encode_notice(self, text: str) -> bytes:
        return self.render(System(text))

    def encode_echo(self, on: bool) -> bytes:
        self._hides_input = not on
        return self._codec.set_echo(on)

    def encode_login_result(self, success: bool, text: str) -> bytes:
        asked, self._signing_in = self._signing_in, False
        return gmcp_login.encode_result(success, text) if asked else b""

    def encode_attached(self, epoch: bytes, next_number: int) -> bytes:  # noqa: ARG002 - telnet has no numbers
        self._in_play = True
        if self._evidence.negotiates:  # to any other a mark might be text on the screen
            self._codec.probe_timing_marks()
        return b""

    def encode_detached(self) -> bytes:
        self._in_play = False
        return b""

    def encode_keepalive(self) -> bytes:
        return _NOP

    def encode_ack(self, number: int) -> bytes:  # noqa: ARG002 - telnet has no numbers
        return b""

    def encode_bye(self, close: Close, text: str) -> bytes:  # noqa: ARG002 - the words say it all
        """The words, behind a WONT ECHO if input is hidden: some clients keep that for their next connection."""
        self._parting = True
        goodbye = gmcp_login.encode_goodbye(text) if self._codec.is_on(OptionCode.GMCP, Side.LOCAL) else b""
        return self.encode_echo(True) + self.encode_notice(text) + goodbye

    def compose(self, parts: Sequence[bytes], prompt: str | None, *, prompt_changed: bool) -> bytes:
        """What the codec owes, the parts, the prompt. A screen reader hears a prompt only when it changed."""
        text = b"".join(parts)
        shown = self._shown
        self._shown = False
        if not all(map(_is_command, parts)):
            shown = True
            if self._prompt_stands:
                text = _LINE_END + text
                self._prompt_stands = False
        if prompt and (prompt_changed or (shown and not self._profile.screen_reader)):
            text += self._show_prompt(prompt)
        data = self._codec.data_to_send(text)
        if self._parting:
            self._codec.end_compression()
            data += self._codec.data_to_send()
        return data

    def _show_prompt(self, prompt: str) -> bytes:
        style = self.preferences.prompt
        if style is PromptStyle.OFF and self._in_play:
            return b""
        before = _LINE_END if self._prompt_stands else b""
        self._prompt_stands = style is not PromptStyle.NEWLINE
        behind = b"" if self._prompt_stands else _LINE_END
        words = encode_text(strip_controls(prompt), self._profile.encoding)
        return before + words + behind + self._codec.prompt_mark

    def send_now(self, data: bytes) -> int:
        return self._send_now(data)

    async def send_all(self, data: bytes) -> None:
        try:
            await self._stream.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise TransportBroken(str(error)) from error

    async def aclose(self, close: Close) -> None:  # noqa: ARG002 - TCP has one way to close
        """End our side, wait until the client ended its own, close.

        Closing at once would throw away what the client has sent and we have not read, and with it, in the
        kernel's reset, our last words on their way to it (RFC 9293 section 3.6.1).
        """
        try:
            with trio.move_on_after(CLOSE_WAIT), suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                await self._stream.send_eof()
                while await self._stream.receive_some(READ_SIZE):
                    pass
        finally:
            await trio.aclose_forcefully(self._stream)


def _takes_nothing(data: bytes) -> int:  # noqa: ARG001 - the stand-in for a stream that cannot
    return 0


def _ends_the_wait(message: Incoming) -> bool:
    return not isinstance(message, NegotiationMessage | PingMessage)


def _is_command(part: bytes) -> bool:
    """Whether a part moves no cursor: it is empty, or telnet's own."""
    return not part or (part.startswith(IAC) and not part.startswith(DOUBLED_IAC))

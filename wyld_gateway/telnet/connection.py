"""One telnet connection without its socket: bytes in, events out; requests in, bytes out.

`TelnetConnection` ties the parts together and is the only class that knows them all: the parser cuts the
stream into tokens, the line assembler makes lines of the text, the negotiation table decides about options,
and each option's own class deals with its subnegotiations. What the peer is owed, and what we ask of it,
gathers in one buffer that `TelnetConnection.data_to_send` empties.

What is never negotiated has its answer here: AYT is answered with a visible line (RFC 854), EC and EL edit
the line being typed, every other command is ignored. The first bytes tell whether the peer speaks telnet at
all. LINEMODE (RFC 1184), as every option that is not listed, is refused.

Pure: no I/O, no clock. Hostile bytes raise nothing. Not for concurrent use: one task feeds it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import Enum

from wyld_gateway.telnet.compression import Inflater
from wyld_gateway.telnet.constants import Command, OptionCode
from wyld_gateway.telnet.errors import LocalProtocolError, RemoteProtocolError
from wyld_gateway.telnet.events import (
    AreYouThere,
    CharacterSet,
    CompressedInputBegins,
    CompressedInputBroken,
    Event,
    ForeignProtocol,
    Line,
    NotTelnet,
    OptionChanged,
    RejectReason,
    Side,
    SubnegotiationRejected,
)
from wyld_gateway.telnet.limits import Limits
from wyld_gateway.telnet.lines import LineAssembler
from wyld_gateway.telnet.negotiation import PEER_WORDS, NegotiationTable
from wyld_gateway.telnet.options.base import TelnetOption
from wyld_gateway.telnet.options.binary import BinaryTransmission
from wyld_gateway.telnet.options.charset import Charset
from wyld_gateway.telnet.options.echo import Echo
from wyld_gateway.telnet.options.end_of_record import EndOfRecord
from wyld_gateway.telnet.options.gmcp import Gmcp
from wyld_gateway.telnet.options.mccp2 import CompressedOutput
from wyld_gateway.telnet.options.mccp3 import CompressedInput
from wyld_gateway.telnet.options.msdp import Msdp
from wyld_gateway.telnet.options.mssp import Mssp
from wyld_gateway.telnet.options.new_environ import NewEnviron
from wyld_gateway.telnet.options.status import Status
from wyld_gateway.telnet.options.suppress_go_ahead import SuppressGoAhead
from wyld_gateway.telnet.options.terminal_type import TerminalTypes
from wyld_gateway.telnet.options.timing_mark import TimingMarks
from wyld_gateway.telnet.options.window_size import NegotiateAboutWindowSize
from wyld_gateway.telnet.outgoing import Outgoing
from wyld_gateway.telnet.parser import (
    BrokenSubnegotiationToken,
    ControlToken,
    NegotiationToken,
    SubnegotiationToken,
    TelnetParser,
)

#: What a connection leaves out that is encrypted: how well secrets are compressed with an attacker's text tells them.
COMPRESSION: tuple[type[TelnetOption], ...] = (CompressedOutput, CompressedInput)

#: Everything that is implemented, in the order in which the opening burst asks for it.
OPTIONS: tuple[type[TelnetOption], ...] = (
    TerminalTypes,
    NegotiateAboutWindowSize,
    NewEnviron,
    Charset,
    EndOfRecord,
    SuppressGoAhead,
    Mssp,
    Gmcp,
    Msdp,
    Echo,
    BinaryTransmission,
    Status,
    TimingMarks,
    # Last, because a client that compresses too early has been seen to miss the questions before it.
    *COMPRESSION,
)

#: The visible answer to AYT.
ARE_YOU_THERE_ANSWER = b"\r\n[Yes]\r\n"

GO_AHEAD = bytes([Command.IAC, Command.GA])
END_OF_RECORD = bytes([Command.IAC, Command.EOR])

#: The first byte of a TLS handshake record (RFC 8446 section 5.1); nobody types it.
_TLS_HANDSHAKE = b"\x16"
_HTTP_REQUEST = re.compile(r"[A-Z]{3,16} \S+ HTTP/\d(\.\d)?")


class _Phase(Enum):
    """How much is known about who speaks."""

    FIRST_BYTE = "nothing received"
    FIRST_LINE = "no TLS"
    TELNET = "no HTTP either"
    DEAF = "not telnet, or no longer; nothing is looked at any more"


class TelnetConnection:
    """The server's end of one telnet connection."""

    __slots__ = (
        "_inflater",
        "_inflation",
        "_late",
        "_lines",
        "_negotiation",
        "_options",
        "_outgoing",
        "_parser",
        "_phase",
        "_prompt_mark",
        "_started",
    )

    def __init__(self, limits: Limits | None = None, options: Iterable[type[TelnetOption]] = OPTIONS) -> None:
        """`options` are those that are agreed to or asked for, in the order of the opening burst; every other
        one is refused.
        """
        limits = limits or Limits()
        self._outgoing = Outgoing()
        self._parser = TelnetParser(limits.subnegotiation_body)
        self._lines = LineAssembler(limits.line)
        self._negotiation = NegotiationTable(limits.answers_per_option)
        self._options = {kind.code: kind(self._outgoing, self._negotiation, limits) for kind in options}
        self._late = tuple(option for option in self._options.values() if option.late)
        self._inflation = limits.inflation
        self._inflater: Inflater | None = None
        self._phase = _Phase.FIRST_BYTE
        self._started = False
        self._prompt_mark = b""

    # What comes in.

    def receive_data(self, data: bytes) -> list[Event]:
        """Take the next bytes of the stream, cut anywhere; give what they mean, in order. Raises nothing.

        Answers that telnet owes for them are in `data_to_send` afterwards. They are at most five times as
        long as `data`, but for the questions that follow on an agreement, whose number
        `Limits.answers_per_option` bounds.
        """
        if not data or self._phase is _Phase.DEAF:
            return []
        if self._phase is _Phase.FIRST_BYTE:
            if data.startswith(_TLS_HANDSHAKE):
                return [self._not_telnet(ForeignProtocol.TLS)]
            self._phase = _Phase.FIRST_LINE
        events: list[Event] = []
        while data and self._phase is not _Phase.DEAF:
            data = (
                self._parse(data, events)
                if self._inflater is None
                else self._inflate(self._inflater, data, events)
            )
        return events

    def _parse(self, data: bytes, events: list[Event]) -> bytes:
        """Add the events of plain bytes to `events`; give the bytes that turned out to be compressed."""
        self._parser.receive(data)
        inflater = self._inflater
        while self._phase is not _Phase.DEAF and (token := self._parser.next_token()) is not None:
            events += self._text(token) if isinstance(token, bytes) else self._control(token)
            if self._inflater is not inflater:
                return self._parser.take_rest()
        return b""

    def _inflate(self, inflater: Inflater, data: bytes, events: list[Event]) -> bytes:
        """Add the events of compressed bytes to `events`; give the bytes behind the end of the stream."""
        try:
            for piece in inflater.inflate(data):
                self._parse(piece, events)
        except RemoteProtocolError:
            self._phase = _Phase.DEAF
            events.append(CompressedInputBroken())
        if not inflater.ended:
            return b""
        self._inflater = None
        return inflater.rest

    def _text(self, run: bytes) -> Sequence[Event]:
        lines = self._lines.receive(run)
        if lines and self._phase is _Phase.FIRST_LINE:
            first = lines[0]
            if isinstance(first, Line) and _HTTP_REQUEST.fullmatch(first.text):
                return [self._not_telnet(ForeignProtocol.HTTP)]
            self._phase = _Phase.TELNET
        return lines

    def _not_telnet(self, protocol: ForeignProtocol) -> Event:
        self._phase = _Phase.DEAF
        return NotTelnet(protocol)

    def _control(self, token: ControlToken) -> Sequence[Event]:
        match token:
            case NegotiationToken(word, option):
                events = self._negotiated(word, option)
                self._offer_late()
                return events
            case SubnegotiationToken(option, body):
                events = self._subnegotiated(option, body)
                self._offer_late()
                return events
            case BrokenSubnegotiationToken(option, reason):
                return [SubnegotiationRejected(option, reason)]
            case _:
                return self._commanded(token.code)

    def _negotiated(self, word: Command, option: int) -> Sequence[Event]:
        side, _ = PEER_WORDS[word]
        known = self._options.get(option)
        if known is not None and (message := known.heard(word)) is not None:
            return message
        wanted = known is not None and side in known.accepted
        outcome = self._negotiation.peer_said(option, word, wanted=wanted)
        self._say(outcome.word, option)
        if known is None or outcome.settled is None:
            return []
        self._prompt_mark = self._mark()
        return [OptionChanged(option, side, outcome.settled), *known.settled(side, outcome.settled)]

    def _mark(self) -> bytes:
        if self.is_on(OptionCode.END_OF_RECORD, Side.LOCAL):
            return END_OF_RECORD
        if self.agreed() and not self.is_on(OptionCode.SUPPRESS_GO_AHEAD, Side.LOCAL):
            return GO_AHEAD
        return b""

    def _subnegotiated(self, option: int, body: bytes) -> Sequence[Event]:
        known = self._options.get(option)
        if known is None or not any(self._negotiation.is_on(option, side) for side in Side):
            return [SubnegotiationRejected(option, RejectReason.NOT_AGREED)]
        try:
            events = known.received(body)
        except RemoteProtocolError:
            return [SubnegotiationRejected(option, RejectReason.MALFORMED)]
        for event in events:
            match event:
                case CharacterSet(codec):
                    self._lines.encoding = codec
                case CompressedInputBegins() if self._inflater is None:
                    self._inflater = Inflater(self._inflation)
        return events

    def _commanded(self, code: int) -> Sequence[Event]:
        match code:
            case Command.AYT:
                self._outgoing.write(ARE_YOU_THERE_ANSWER)
                return [AreYouThere()]
            case Command.EC:
                return self._text(b"\x08")
            case Command.EL:
                self._lines.erase_line()
        return []

    # What we ask for.

    def start(self) -> None:
        """Queue the opening burst: who speaks first on telnet is the server. Raises LocalProtocolError the
        second time.

        It begins with WONT ECHO, which RFC 1143 has no need for: some clients keep a password's ECHO from the
        connection before.
        """
        if self._started:
            raise LocalProtocolError("the opening burst is sent once")
        self._started = True
        self._say(Command.WONT, OptionCode.ECHO)
        for code, option in self._options.items():
            if option.offered is not None and not option.late:
                self._say(self._negotiation.enable(code, option.offered).word, code)

    def _offer_late(self) -> None:
        """Ask for what is asked for when everything else is settled, in place of the opening burst."""
        if self._late and self._started and not self.negotiating and self.agreed():
            for option in self._late:
                assert option.offered is not None
                self._say(self._negotiation.enable(option.code, option.offered).word, option.code)
            self._late = ()

    def set_echo(self, on: bool) -> bytes:
        """Have the client show what is typed, or hide it for a password: gives the bytes that ask for it, to be put
        before the text of the prompt.

        Only a client that agrees hides it; one that refuses is known by `OptionChanged` for ECHO, off.
        """
        change = self._negotiation.disable if on else self._negotiation.enable
        word = change(OptionCode.ECHO, Side.LOCAL).word
        return b"" if word is None else bytes((Command.IAC, word, OptionCode.ECHO))

    def ask_timing_mark(self) -> None:
        """Queue a TIMING-MARK: a `TimingMark` event tells that the client has processed everything before it,
        if it answers at all.

        Raises `LocalProtocolError` where the option was left out of `options`.
        """
        self._timing_marks().ask()

    def probe_timing_marks(self) -> None:
        """Queue the first of the marks that tell whether the client answers every one; `timing_marks_reliable`
        has the result. Raises what `ask_timing_mark` raises.
        """
        self._timing_marks().probe()

    @property
    def timing_marks_reliable(self) -> bool:
        """Whether a mark is a receipt for everything before it with this client."""
        return self._timing_marks().reliable

    def _timing_marks(self) -> TimingMarks:
        marks = self._options.get(OptionCode.TIMING_MARK)
        if not isinstance(marks, TimingMarks):
            raise LocalProtocolError("this connection does not speak TIMING-MARK")
        return marks

    def queue(self, data: bytes) -> None:
        """Queue bytes that are telnet already: an answer to a message of the client, made by whoever knows what
        it means.
        """
        self._outgoing.write(data)

    @property
    def owes(self) -> bool:
        """Whether `data_to_send` has something."""
        return bool(self._outgoing)

    def data_to_send(self, text: bytes = b"") -> bytes:
        """Take everything that is queued for the peer, in order, with `text`, which is telnet already, behind it; empty where
        there is nothing. What this gives goes on the wire as it is and in the order in which it was taken: it may be part of a
        compressed stream.
        """
        return self._outgoing.take(text)

    def end_compression(self) -> None:
        """End the compressed stream behind what is queued, before the connection closes; whatever follows is plain. Without
        effect where there is none.
        """
        self._outgoing.end_compression()

    # What is known.

    @property
    def prompt_mark(self) -> bytes:
        """What ends a prompt: EOR where that was agreed; else GA for a client that negotiates and has not
        asked us to suppress it; else nothing. Once a client has seen a mark it waits for one: every prompt
        must have it.
        """
        return self._prompt_mark

    def read_lines_as(self, encoding: str) -> None:
        """Read lines in this encoding, a codec name that Python knows, from the next line end on; until CHARSET
        agrees on another.
        """
        self._lines.encoding = encoding

    @property
    def negotiating(self) -> bool:
        """Whether the client owes us an answer on which it depends what we show."""
        return any(self._options[code].awaited for code, _ in self._negotiation.waiting) or any(
            option.busy for option in self._options.values()
        )

    def is_on(self, option: int, side: Side) -> bool:
        """Whether one half of an option is agreed to be on."""
        return self._negotiation.is_on(option, side)

    def agreed(self) -> list[tuple[int, Side]]:
        """The halves of options that are on, in order of their numbers."""
        return self._negotiation.agreed()

    def _say(self, word: Command | None, option: int) -> None:
        if word is not None:
            self._outgoing.say(word, option)

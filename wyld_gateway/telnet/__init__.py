"""Telnet without I/O: a codec in which bytes go in and events come out.

General layout, each module imports only those above it: `constants` the numbers; `errors`; `limits`; `events`
what a connection can tell; `negotiation` the RFC 1143 machine as a table; `parser` bytes to tokens; `lines`
text to lines; `encode` text to bytes; `outgoing` what is owed to the peer; `charsets` their names; `options`
one module for each option; `connection` the class that joins them; `gmcp_login` and `subscriptions` what a
client's program and its scripts say and ask; `capabilities` what the answers say about a client. All of these
are pure. `adapter` alone knows Trio: it is the codec on a socket.
"""

from __future__ import annotations

from wyld_gateway.telnet.connection import OPTIONS, TelnetConnection
from wyld_gateway.telnet.constants import Command, OptionCode, option_name
from wyld_gateway.telnet.encode import encode_text
from wyld_gateway.telnet.errors import LocalProtocolError, RemoteProtocolError, TelnetError
from wyld_gateway.telnet.events import (
    AreYouThere,
    CharacterSet,
    CompressedInputBegins,
    CompressedInputBroken,
    EnvironmentChanged,
    Event,
    ForeignProtocol,
    GmcpMessage,
    Line,
    LineTooLong,
    MsdpMessage,
    MsdpValue,
    NotTelnet,
    OptionChanged,
    RejectReason,
    Side,
    SubnegotiationRejected,
    TerminalType,
    TimingMark,
    WindowSize,
)
from wyld_gateway.telnet.limits import Limits
from wyld_gateway.telnet.options.terminal_type import Mtts

__all__ = [
    "OPTIONS",
    "AreYouThere",
    "CharacterSet",
    "Command",
    "CompressedInputBegins",
    "CompressedInputBroken",
    "EnvironmentChanged",
    "Event",
    "ForeignProtocol",
    "GmcpMessage",
    "Limits",
    "Line",
    "LineTooLong",
    "LocalProtocolError",
    "MsdpMessage",
    "MsdpValue",
    "Mtts",
    "NotTelnet",
    "OptionChanged",
    "OptionCode",
    "RejectReason",
    "RemoteProtocolError",
    "Side",
    "SubnegotiationRejected",
    "TelnetConnection",
    "TelnetError",
    "TerminalType",
    "TimingMark",
    "WindowSize",
    "encode_text",
    "option_name",
]

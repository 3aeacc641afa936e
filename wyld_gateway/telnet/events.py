"""What a telnet connection can tell its owner: one frozen class per event.

`TelnetConnection.receive_data` returns these in the order in which their bytes arrived. How the bytes were
cut into reads makes no difference to the list. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, TypeAlias

import attrs

MsdpValue: TypeAlias = "str | Sequence[MsdpValue] | Mapping[str, MsdpValue]"
"""Text, an array or a table."""


class Side(Enum):
    """Whose half of an option: each side switches its own half, with the other's consent (RFC 854)."""

    LOCAL = "local"
    """Ours: we say WILL or WONT, the peer DO or DONT."""

    REMOTE = "remote"
    """The peer's: it says WILL or WONT, we DO or DONT."""


class ForeignProtocol(Enum):
    """What else talks to a telnet port."""

    HTTP = "http"
    TLS = "tls"


class RejectReason(Enum):
    """Why a subnegotiation had no effect."""

    TOO_LONG = "too long"
    INTERRUPTED = "interrupted"
    """An IAC command stood inside it."""

    NOT_AGREED = "not agreed"
    """The option is off, or is none that we know."""

    MALFORMED = "malformed"


@attrs.frozen
class Line:
    """The player ended a line: CR LF, LF, CR NUL, CR or LF CR. `text` is without the line end and may be
    empty (a bare Enter).

    Control characters that the player typed are still in it, NUL excepted; backspace and DEL have been
    carried out.
    """

    text: str


@attrs.frozen
class LineTooLong:
    """The line being typed passed `Limits.line`. It is discarded up to its line end; no `Line` follows for
    it.
    """


@attrs.frozen
class WindowSize:
    """The client's window, in characters (RFC 1073). `None` where the client left it open; values are clamped
    to a sane range.
    """

    width: int | None
    height: int | None


@attrs.frozen
class TerminalType:
    """What the client answered to TERMINAL-TYPE so far (RFC 1091 and the MTTS convention); fires with every
    new answer.

    `names` are the answers in order, client name first, upper case, the MTTS one left out. `mtts` is the bit
    field of the MTTS answer or None where the client gave none. `complete` is true in the last event of a
    cycle.
    """

    names: tuple[str, ...]
    mtts: int | None
    complete: bool


@attrs.frozen
class CharacterSet:
    """A character set was agreed on (RFC 2066): from here on both sides use it for text. `codec` is the name
    that Python knows.
    """

    codec: str


@attrs.frozen
class EnvironmentChanged:
    """The client told variables about itself (RFC 1572, MNES): only those that changed, names in upper case,
    values as they came.
    """

    variables: dict[str, str]


@attrs.frozen
class GmcpMessage:
    """The client sent a GMCP message. `name` is in lower case ("core.hello"); `data` is what its JSON said,
    unchecked, None where it had none.
    """

    name: str
    data: Any = None


@attrs.frozen
class MsdpMessage:
    """The client sent MSDP variables, which in this direction are commands and their arguments."""

    pairs: tuple[tuple[str, MsdpValue], ...]


@attrs.frozen
class TimingMark:
    """The client has processed everything that was sent before our oldest unanswered TIMING-MARK (RFC 860)."""


@attrs.frozen
class CompressedInputBegins:
    """What the client sends from here on is compressed; the codec inflates it."""


@attrs.frozen
class CompressedInputBroken:
    """What the client sends is not the stream that it began, or swells beyond measure. Nothing that it sends from
    here on is looked at: close.
    """


@attrs.frozen
class OptionChanged:
    """The state of one half of an option became known: it was agreed on, refused, or switched off."""

    option: int
    side: Side
    on: bool


@attrs.frozen
class SubnegotiationRejected:
    """A subnegotiation had no effect. For counting; the player is not told."""

    option: int
    reason: RejectReason


@attrs.frozen
class AreYouThere:
    """The client sent AYT. The codec has answered it already; it must not count as activity of the player."""


@attrs.frozen
class NotTelnet:
    """The peer speaks another protocol. Nothing that it sends from here on is looked at; answer one line if
    at all, and close.
    """

    protocol: ForeignProtocol


Event = (
    Line
    | LineTooLong
    | WindowSize
    | TerminalType
    | CharacterSet
    | EnvironmentChanged
    | GmcpMessage
    | MsdpMessage
    | TimingMark
    | CompressedInputBegins
    | CompressedInputBroken
    | OptionChanged
    | SubnegotiationRejected
    | AreYouThere
    | NotTelnet
)

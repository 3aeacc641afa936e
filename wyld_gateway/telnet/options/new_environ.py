"""NEW-ENVIRON (RFC 1572) with the MNES convention of MUD clients: variables in which a client tells about
itself.

We ask for the variables of `ASKED`, in one subnegotiation of under 256 bytes because some terminals have no
more room. Clients answer in one or in several, and may tell about a change at any time. VAR and USERVAR mean
the same here. A client's address is none of them: it would be believed only from a proxy that we know.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from wyld_gateway.telnet.constants import EnvironCode, EnvironItem, OptionCode
from wyld_gateway.telnet.errors import RemoteProtocolError
from wyld_gateway.telnet.events import EnvironmentChanged, Event, Side
from wyld_gateway.telnet.limits import Limits
from wyld_gateway.telnet.negotiation import NegotiationTable
from wyld_gateway.telnet.options.base import TelnetOption
from wyld_gateway.telnet.outgoing import Outgoing

#: What is asked for and kept; whatever else a client sends is dropped.
ASKED = ("CHARSET", "CLIENT_NAME", "CLIENT_VERSION", "MTTS", "SCREEN_READER", "TERMINAL_TYPE")

_IS, _SEND, _INFO = (bytes([code]) for code in EnvironCode)
_VAR, _VALUE, _ESC, _USERVAR = (bytes([code]) for code in EnvironItem)

_ITEM = re.compile(rb"([\x00\x01\x03])((?:[^\x00-\x03]|\x02.)*+)", re.DOTALL)
_ESCAPED = re.compile(rb"\x02(.)", re.DOTALL)
_NEEDS_ESCAPE = re.compile(rb"[\x00-\x03]")


class NewEnviron(TelnetOption):
    """The variables of one connection's client."""

    __slots__ = ("_asking",)

    code = OptionCode.NEW_ENVIRON
    offered = Side.REMOTE
    accepted = frozenset({Side.REMOTE})

    def __init__(self, outgoing: Outgoing, negotiation: NegotiationTable, limits: Limits) -> None:
        super().__init__(outgoing, negotiation, limits)
        self._asking = False

    @property
    def busy(self) -> bool:
        """Whether the first answer is due."""
        return self._asking

    def settled(self, side: Side, on: bool) -> Sequence[Event]:
        """Ask as soon as the client agrees."""
        self._asking = on and side is Side.REMOTE
        if self._asking:
            self.send(encode_question(ASKED))
        return ()

    def received(self, body: bytes) -> Sequence[Event]:
        """Take an answer, or a change; a variable without a value has none and is left out."""
        self._asking = False
        told = decode_variables(body)
        known = {name: value[: self.limits.variable] for name, value in told.items() if name in ASKED}
        return (EnvironmentChanged(known),) if known else ()


def encode_question(names: Iterable[str]) -> bytes:
    """The body that asks for `names`, well-known and user's own alike."""
    asked = [name.encode("ascii") for name in names]
    return _SEND + b"".join(kind + name for kind in (_VAR, _USERVAR) for name in asked)


def encode_variables(variables: dict[str, str], *, info: bool = False) -> bytes:
    """The body in which a client tells its variables, or with `info` a change."""
    body = _INFO if info else _IS
    for name, value in variables.items():
        body += _VAR + _escaped(name) + _VALUE + _escaped(value)
    return body


def decode_variables(body: bytes) -> dict[str, str]:
    """Names and values in the body of an answer or a change; names in upper case, of two values for one name
    the last.
    """
    if body[:1] not in (_IS, _INFO):
        raise RemoteProtocolError("neither IS nor INFO")
    variables = {}
    name = None
    for kind, text in _items(body[1:]):
        if kind != _VALUE:
            name = text.upper()
        elif name is None:
            raise RemoteProtocolError("a value without a name")
        else:
            variables[name] = text
            name = None
    return variables


def _items(data: bytes) -> Iterator[tuple[bytes, str]]:
    at = 0
    while at < len(data):
        match = _ITEM.match(data, at)
        if match is None:
            raise RemoteProtocolError("neither VAR, VALUE nor USERVAR")
        at = match.end()
        yield match[1], _ESCAPED.sub(rb"\1", match[2]).decode("utf-8", "replace")


def _escaped(text: str) -> bytes:
    return _NEEDS_ESCAPE.sub(lambda match: _ESC + match[0], text.encode("utf-8"))

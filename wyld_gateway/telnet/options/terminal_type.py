"""TERMINAL-TYPE (RFC 1091) with the MTTS convention of MUD clients.

We ask SEND until an answer repeats, an MTTS answer comes, or `MAX_ANSWERS` were given. MUD clients answer
their name, then their terminal, then `MTTS` and a bit field, then repeat that; others list every terminal
they can be and repeat the last one. A client cannot speak first: an answer that we did not ask for has no
effect.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import IntFlag

from wyld_gateway.telnet.constants import OptionCode, TerminalTypeCode
from wyld_gateway.telnet.errors import RemoteProtocolError
from wyld_gateway.telnet.events import Event, Side, TerminalType
from wyld_gateway.telnet.limits import Limits
from wyld_gateway.telnet.negotiation import NegotiationTable
from wyld_gateway.telnet.options.base import TelnetOption
from wyld_gateway.telnet.outgoing import Outgoing

#: RFC 1091 has clients list all their types; nobody of interest has more than four.
MAX_ANSWERS = 8

#: RFC 1010 limits the names to 40 characters.
MAX_NAME = 40

SEND = bytes([TerminalTypeCode.SEND])
"""The body of our question."""

_IS = bytes([TerminalTypeCode.IS])
_NAME = re.compile(rb"[\x20-\x7e]{1,%d}" % MAX_NAME)
_MTTS = re.compile(r"MTTS (\d{1,9})")


class Mtts(IntFlag):
    """The bits of the MTTS answer."""

    ANSI = 1
    VT100 = 2
    UTF_8 = 4
    COLOURS_256 = 8
    MOUSE = 16
    OSC_COLOUR_PALETTE = 32
    SCREEN_READER = 64
    PROXY = 128
    TRUECOLOR = 256
    MNES = 512
    MSLP = 1024
    TLS = 2048


class TerminalTypes(TelnetOption):
    """The cycle of questions and answers on one connection."""

    __slots__ = ("_asking", "_mtts", "_names")

    code = OptionCode.TERMINAL_TYPE
    offered = Side.REMOTE
    accepted = frozenset({Side.REMOTE})

    def __init__(self, outgoing: Outgoing, negotiation: NegotiationTable, limits: Limits) -> None:
        super().__init__(outgoing, negotiation, limits)
        self._names: tuple[str, ...] = ()
        self._mtts: int | None = None
        self._asking = False

    @property
    def busy(self) -> bool:
        """Whether an answer is due."""
        return self._asking

    def settled(self, side: Side, on: bool) -> Sequence[Event]:
        """Begin the cycle when the client agrees; a client that switches the option off and on begins a new
        one.
        """
        self._names, self._mtts, self._asking = (), None, False
        if on and side is Side.REMOTE:
            self._ask()
        return ()

    def received(self, body: bytes) -> Sequence[Event]:
        """Take one answer, and ask for the next one unless this is the last."""
        if not self._asking:
            raise RemoteProtocolError("an answer without a question")
        self._asking = False
        name = decode_answer(body)
        bits = _MTTS.fullmatch(name)
        if bits:
            self._mtts = int(bits[1])
        complete = bits is not None or name in self._names[-1:] or len(self._names) + 1 == MAX_ANSWERS
        if not bits and name not in self._names[-1:]:
            self._names += (name,)
        if not complete:
            self._ask()
        return (TerminalType(self._names, self._mtts, complete),)

    def _ask(self) -> None:
        self._asking = True
        self.send(SEND)


def decode_answer(body: bytes) -> str:
    """The name in a client's answer, upper case; raises RemoteProtocolError where it is none."""
    name = body[1:]
    if body[:1] != _IS or not _NAME.fullmatch(name):
        raise RemoteProtocolError("not a terminal type")
    return name.decode("ascii").upper()


def encode_answer(name: str) -> bytes:
    """The body that a client sends to give `name`, at most `MAX_NAME` ASCII characters."""
    return _IS + name.encode("ascii")

"""Cuts a telnet byte stream into tokens: runs of text, commands, negotiations, subnegotiations (RFC 854, RFC
855).

A pull parser: `TelnetParser.receive` takes bytes, `TelnetParser.next_token` gives one token at a time.
Pulling matters because a token may change the meaning of the bytes behind it in the same read: once the peer
turns out to speak another protocol, nothing more is parsed.

Three states. *Text*: everything up to the next IAC is one token, found by `bytes.find`. *Subnegotiation*: the
body is collected up to IAC SE; a bare SE is data. *Discarding*: the body passed its limit, the rest up to IAC
SE is dropped. An IAC inside a subnegotiation that is followed by neither IAC nor SE ends it without effect,
and the command counts: a client that forgot its SE gets its text back at once.

What is kept between reads is at most two bytes of an unfinished command, and a body within its limit. Pure;
never raises.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import attrs

from wyld_gateway.telnet.constants import DOUBLED_IAC, IAC, Command
from wyld_gateway.telnet.events import RejectReason


@attrs.frozen
class CommandToken:
    """IAC and one byte that is no negotiation; the byte may be undefined."""

    code: int


@attrs.frozen
class NegotiationToken:
    """IAC, one of WILL, WONT, DO, DONT, and an option."""

    word: Command
    option: int


@attrs.frozen
class SubnegotiationToken:
    """A complete subnegotiation with IAC doubling undone."""

    option: int
    body: bytes


@attrs.frozen
class BrokenSubnegotiationToken:
    """A subnegotiation that was too long, or interrupted by a command."""

    option: int
    reason: RejectReason


ControlToken = CommandToken | NegotiationToken | SubnegotiationToken | BrokenSubnegotiationToken
Token = bytes | ControlToken

_NEGOTIATIONS = {int(word): word for word in (Command.WILL, Command.WONT, Command.DO, Command.DONT)}

# Possessive, so that a run of any length is matched in one pass without a backtracking stack.
_DATA = re.compile(rb"(?:[^\xff]++|\xff\xff)*+")


class TelnetParser:
    """The tokenizer of one direction of one connection. Not for concurrent use."""

    __slots__ = ("_at", "_body", "_body_limit", "_buffer", "_discarding", "_option")

    def __init__(self, body_limit: Callable[[int], int]) -> None:
        """`body_limit` gives the longest body, in bytes, that is kept for an option."""
        self._buffer = b""
        self._at = 0
        self._body_limit = body_limit
        self._option: int | None = None
        self._body = bytearray()
        self._discarding = False

    def receive(self, data: bytes) -> None:
        """Take the next bytes of the stream, which may be cut anywhere."""
        self._buffer = self._buffer[self._at :] + data
        self._at = 0

    def next_token(self) -> Token | None:
        """The next token, or None until more bytes come. A run of text is never empty."""
        if self._option is not None:
            return self._continue_subnegotiation(self._option)
        start = self._at
        run = self._take_data()
        if run:
            return run
        code = self._follower()
        if code is None:
            return None
        if code in _NEGOTIATIONS or code == Command.SB:
            if len(self._buffer) < start + 3:
                return None
            option = self._buffer[start + 2]
            self._at = start + 3
            if code == Command.SB:
                self._option = option
                return self._continue_subnegotiation(option)
            return NegotiationToken(_NEGOTIATIONS[code], option)
        self._at = start + 2
        return CommandToken(code)

    def take_rest(self) -> bytes:
        """Everything received and not given out yet: bytes that mean something else than was thought. Only after a
        complete token.
        """
        rest = self._buffer[self._at :]
        self._buffer = b""
        self._at = 0
        return rest

    def _take_data(self) -> bytes:
        """The data up to the next IAC that is not doubled, unescaped; empty where there is none."""
        buffer, start = self._buffer, self._at
        iac = buffer.find(IAC, start)
        if iac < 0:
            self._at = len(buffer)
            return buffer[start:]
        if buffer[iac + 1 : iac + 2] != IAC:
            self._at = iac
            return buffer[start:iac]
        match = _DATA.match(buffer, start)
        assert match is not None  # the pattern matches the empty run too
        self._at = match.end()
        return match[0].replace(DOUBLED_IAC, IAC)

    def _follower(self) -> int | None:
        """The byte behind the IAC at the current position, if it has come."""
        at = self._at + 1
        return self._buffer[at] if at < len(self._buffer) else None

    def _continue_subnegotiation(self, option: int) -> Token | None:
        data = self._take_data()
        if not self._discarding:
            if len(self._body) + len(data) > self._body_limit(option):
                self._discarding = True
                self._body.clear()
                return BrokenSubnegotiationToken(option, RejectReason.TOO_LONG)
            self._body += data
        code = self._follower()
        if code is None:
            return None
        discarding, body = self._discarding, bytes(self._body)
        self._option, self._discarding = None, False
        self._body.clear()
        if code == Command.SE:
            self._at += 2
            return self.next_token() if discarding else SubnegotiationToken(option, body)
        if discarding:
            return self.next_token()
        return BrokenSubnegotiationToken(option, RejectReason.INTERRUPTED)

"""MSDP, the MUD Server Data Protocol: variables with values, which may be tables and arrays of each other.

A body is a row of `VAR name VAL value`. A value is text, or a table `TABLE_OPEN (VAR name VAL value)* TABLE_CLOSE`,
or an array `ARRAY_OPEN (VAL value)* ARRAY_CLOSE`; a name with several VALs behind it is an older way to write an
array. Text is UTF-8 without the six codes, NUL and IAC. The protocol has no RFC; this is the page of its author.

This module is the codec of both directions. Which variables there are, and who wants them, is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from wyld_gateway.telnet.constants import MsdpCode, OptionCode
from wyld_gateway.telnet.errors import RemoteProtocolError
from wyld_gateway.telnet.events import Event, MsdpMessage, MsdpValue, Side
from wyld_gateway.telnet.options.base import TelnetOption

MAX_DEPTH: Final = 8
"""Tables and arrays inside one another; no server or client in use has more than three."""

_VAR, _VAL, _TABLE_OPEN, _TABLE_CLOSE, _ARRAY_OPEN, _ARRAY_CLOSE = (bytes([code]) for code in MsdpCode)
_TOKEN = re.compile(rb"[\x01-\x06]|[^\x01-\x06]+")
_FORBIDDEN = re.compile("[\0-\x06]")


class Msdp(TelnetOption):
    """See the module."""

    __slots__ = ()

    code = OptionCode.MSDP
    offered = Side.LOCAL
    accepted = frozenset({Side.LOCAL})

    def received(self, body: bytes) -> Sequence[Event]:
        """Take one message."""
        return (MsdpMessage(tuple(decode_pairs(body))),)


def encode_pairs(pairs: Iterable[tuple[str, MsdpValue]]) -> bytes:
    """The body that says `pairs`. What MSDP has no way to write is left out of texts."""
    return b"".join([_VAR + _encode_text(name) + _VAL + _encode_value(value) for name, value in pairs])


def _encode_value(value: MsdpValue) -> bytes:
    if isinstance(value, str):
        return _encode_text(value)
    if isinstance(value, Mapping):
        return _TABLE_OPEN + encode_pairs(value.items()) + _TABLE_CLOSE
    return _ARRAY_OPEN + b"".join([_VAL + _encode_value(item) for item in value]) + _ARRAY_CLOSE


def _encode_text(text: str) -> bytes:
    return _FORBIDDEN.sub("", text).encode("utf-8", "replace")


def decode_pairs(body: bytes) -> list[tuple[str, MsdpValue]]:
    """The names and values in a body, in order. Raises `RemoteProtocolError` where it is no MSDP, or nests
    deeper than `MAX_DEPTH`.
    """
    tokens = _Tokens(body)
    pairs = list(_read_pairs(tokens, MAX_DEPTH))
    if tokens.next is not None:
        raise RemoteProtocolError("more than names and values")
    return pairs


_Token: TypeAlias = bytes | None


class _Tokens:
    """The codes and texts of a body, with one looked ahead; None at the end."""

    __slots__ = ("_rest", "next")

    def __init__(self, body: bytes) -> None:
        self._rest: Iterator[re.Match[bytes]] = _TOKEN.finditer(body)
        self.next: _Token = None
        self.take()

    def take(self) -> _Token:
        """The next token; the one after it takes its place."""
        taken = self.next
        match = next(self._rest, None)
        self.next = match[0] if match else None
        return taken

    def take_if(self, code: bytes) -> bool:
        """Whether the next token is `code`, which is then taken."""
        if self.next != code:
            return False
        self.take()
        return True

    def take_text(self) -> str:
        """The next token if it is a text; an empty one where a code stands in its place."""
        if self.next is None or self.next in _CODES:
            return ""
        return (self.take() or b"").decode("utf-8", "replace")


_CODES = frozenset(bytes([code]) for code in MsdpCode)


def _read_pairs(tokens: _Tokens, depth: int) -> Iterator[tuple[str, MsdpValue]]:
    while tokens.take_if(_VAR):
        name = tokens.take_text()
        values = list(_read_values(tokens, depth))
        if not values:
            raise RemoteProtocolError("a name without a value")
        yield name, values[0] if len(values) == 1 else values


def _read_values(tokens: _Tokens, depth: int) -> Iterator[MsdpValue]:
    while tokens.take_if(_VAL):
        if tokens.next in (_TABLE_OPEN, _ARRAY_OPEN) and not depth:
            raise RemoteProtocolError("nested too deeply")
        if tokens.take_if(_TABLE_OPEN):
            yield dict(_read_pairs(tokens, depth - 1))
            _expect(tokens, _TABLE_CLOSE)
        elif tokens.take_if(_ARRAY_OPEN):
            yield list(_read_values(tokens, depth - 1))
            _expect(tokens, _ARRAY_CLOSE)
        else:
            yield tokens.take_text()


def _expect(tokens: _Tokens, code: bytes) -> None:
    if not tokens.take_if(code):
        raise RemoteProtocolError("a table or an array that is not closed")

"""CHARSET (RFC 2066): which character set both sides use for text.

Whoever has said WILL and heard DO may ask. We offer WILL and ask as soon as the client agrees; a client that
says WILL may ask us instead, which some do where a server says DO. While a question of ours is open, a
question of the client is refused: the RFC has the server win. Translation tables are refused too; no client
sends any.
"""

from __future__ import annotations

from collections.abc import Sequence

from wyld_gateway.telnet.charsets import PREFERRED, codec_of
from wyld_gateway.telnet.constants import CharsetCode, OptionCode
from wyld_gateway.telnet.errors import RemoteProtocolError
from wyld_gateway.telnet.events import CharacterSet, Event, Side
from wyld_gateway.telnet.limits import Limits
from wyld_gateway.telnet.negotiation import NegotiationTable
from wyld_gateway.telnet.options.base import TelnetOption
from wyld_gateway.telnet.outgoing import Outgoing

_TRANSLATION_TABLE = b"[TTABLE]"


class Charset(TelnetOption):
    """The questions and answers about the character set of one connection."""

    __slots__ = ("_asking",)

    code = OptionCode.CHARSET
    offered = Side.LOCAL
    accepted = frozenset(Side)

    def __init__(self, outgoing: Outgoing, negotiation: NegotiationTable, limits: Limits) -> None:
        super().__init__(outgoing, negotiation, limits)
        self._asking = False

    @property
    def busy(self) -> bool:
        """Whether our question is open."""
        return self._asking

    def settled(self, side: Side, on: bool) -> Sequence[Event]:
        """Ask once our half is on; a half that went off takes its open question with it."""
        if side is Side.LOCAL:
            self._asking = on
            if on:
                self.send(encode_request(PREFERRED))
        return ()

    def received(self, body: bytes) -> Sequence[Event]:
        """Take the client's answer, or answer its question."""
        kind, rest = body[:1], body[1:]
        if kind == _REQUEST and self.negotiation.is_on(self.code, Side.REMOTE):
            return self._asked(rest)
        if kind == _ACCEPTED and self._asking:
            self._asking = False
            return (_known(rest),)
        if kind == _REJECTED and self._asking:
            self._asking = False
            return ()
        raise RemoteProtocolError("neither a question that may be asked nor an answer to ours")

    def _asked(self, request: bytes) -> Sequence[Event]:
        if not self._asking:
            for name in decode_request(request):
                if codec_of(name):
                    self.send(_ACCEPTED + name.encode("ascii"))
                    return (_known(name.encode("ascii")),)
        self.send(_REJECTED)
        return ()


_REQUEST = bytes([CharsetCode.REQUEST])
_ACCEPTED = bytes([CharsetCode.ACCEPTED])
_REJECTED = bytes([CharsetCode.REJECTED])


def encode_request(names: Sequence[str]) -> bytes:
    """The body that asks for one of `names`, best first."""
    return _REQUEST + b"".join(b";" + name.encode("ascii") for name in names)


def decode_request(request: bytes) -> list[str]:
    """The names in a request without its first byte; none where it holds a translation table. Names that are
    not ASCII are left out.
    """
    if request.startswith(_TRANSLATION_TABLE) or not request:
        return []
    names = request[1:].split(request[:1])
    return [name.decode("ascii") for name in names if name.isascii()]


def _known(name: bytes) -> CharacterSet:
    codec = codec_of(name.decode("ascii", "replace"))
    if codec is None:
        raise RemoteProtocolError("a character set that was not asked for")
    return CharacterSet(codec)

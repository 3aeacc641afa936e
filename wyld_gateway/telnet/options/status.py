"""STATUS (RFC 859): on request we list the halves of options that are on. Agreed to for our half only."""

from __future__ import annotations

from collections.abc import Sequence

from wyld_gateway.telnet.constants import Command, OptionCode, StatusCode
from wyld_gateway.telnet.errors import RemoteProtocolError
from wyld_gateway.telnet.events import Event, Side
from wyld_gateway.telnet.options.base import TelnetOption

_WORDS = {Side.LOCAL: Command.WILL, Side.REMOTE: Command.DO}


class Status(TelnetOption):
    """See the module."""

    __slots__ = ()

    code = OptionCode.STATUS
    accepted = frozenset({Side.LOCAL})

    def received(self, body: bytes) -> Sequence[Event]:
        """Answer SEND."""
        if body != bytes([StatusCode.SEND]):
            raise RemoteProtocolError("only SEND may be asked of us")
        self.send(encode_status(self.negotiation.agreed()))
        return ()


def encode_status(agreed: Sequence[tuple[int, Side]]) -> bytes:
    """The body that tells which halves are on; a code that equals SE is doubled, as the RFC asks."""
    body = bytes([StatusCode.IS])
    for code, side in agreed:
        body += bytes([_WORDS[side], code]) + (bytes([code]) if code == Command.SE else b"")
    return body

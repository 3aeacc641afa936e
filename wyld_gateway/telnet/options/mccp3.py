"""MCCP3, compression of what the client sends (option 87).

The client says DO and sends an empty subnegotiation; with the very next byte its zlib stream begins. It ends with the
stream's own end, behind which plain bytes follow, and may begin again with another subnegotiation.

We offer it when everything else has been negotiated, and never take the offer back: clients that were refused after an
offer have been seen to fall silent.
"""

from __future__ import annotations

from collections.abc import Sequence

from wyld_gateway.telnet.constants import OptionCode
from wyld_gateway.telnet.errors import RemoteProtocolError
from wyld_gateway.telnet.events import CompressedInputBegins, Event, Side
from wyld_gateway.telnet.options.base import TelnetOption


class CompressedInput(TelnetOption):
    """See the module."""

    __slots__ = ()

    code = OptionCode.MCCP3
    offered = Side.LOCAL
    accepted = frozenset({Side.LOCAL})
    awaited = False
    late = True

    def received(self, body: bytes) -> Sequence[Event]:
        """Take the beginning of a stream."""
        if body:
            raise RemoteProtocolError("the beginning of a compressed stream has no body")
        return (CompressedInputBegins(),)

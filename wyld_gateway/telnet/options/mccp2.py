"""MCCP2, compression of what we send (option 86).

The client says DO, we answer with an empty subnegotiation in plain, and with the very next byte the zlib stream
begins. Everything we send is in it then, negotiation too. DONT ends it: the answer to that is the last thing in the
stream.
"""

from __future__ import annotations

from collections.abc import Sequence

from wyld_gateway.telnet.constants import OptionCode
from wyld_gateway.telnet.events import Event, Side
from wyld_gateway.telnet.options.base import TelnetOption


class CompressedOutput(TelnetOption):
    """See the module."""

    __slots__ = ()

    code = OptionCode.MCCP2
    offered = Side.LOCAL
    accepted = frozenset({Side.LOCAL})
    awaited = False

    def settled(self, side: Side, on: bool) -> Sequence[Event]:  # noqa: ARG002 - it is ours, the client's is never on
        """Begin the stream, or end it."""
        if on:
            self.send(b"")
            self.outgoing.compress()
        else:
            self.outgoing.end_compression()
        return ()

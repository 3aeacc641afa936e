"""What one telnet option is to the connection that speaks it.

An option is a class with its code, its policy (which halves we agree to, which half we ask for when a
connection opens) and callbacks: for a half that settled, for the body of a subnegotiation, and, for the one
option that is no switch, for each word of the peer. It answers through the connection's `Outgoing`. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from wyld_gateway.telnet.constants import Command
from wyld_gateway.telnet.errors import RemoteProtocolError
from wyld_gateway.telnet.events import Event, Side
from wyld_gateway.telnet.limits import Limits
from wyld_gateway.telnet.negotiation import NegotiationTable
from wyld_gateway.telnet.outgoing import Outgoing


class TelnetOption:
    """One option of one connection. A subclass without state needs nothing but the class variables."""

    __slots__ = ("limits", "negotiation", "outgoing")

    code: ClassVar[int]
    """The option's number."""

    offered: ClassVar[Side | None] = None
    """The half for which we ask in the opening burst."""

    late: ClassVar[bool] = False
    """We ask only when a client that negotiates has answered everything else."""

    awaited: ClassVar[bool] = True
    """What we show may depend on the answer."""

    accepted: ClassVar[frozenset[Side]] = frozenset()
    """The halves that we agree to when the peer switches them on unasked."""

    def __init__(self, outgoing: Outgoing, negotiation: NegotiationTable, limits: Limits) -> None:
        self.outgoing = outgoing
        self.negotiation = negotiation
        self.limits = limits

    @property
    def busy(self) -> bool:
        """Whether an answer of the peer to a subnegotiation of ours is still due."""
        return False

    def settled(self, side: Side, on: bool) -> Sequence[Event]:  # noqa: ARG002 - the default of a callback
        """One half was agreed on, refused or switched off."""
        return ()

    def heard(self, word: Command) -> Sequence[Event] | None:  # noqa: ARG002 - the default of a callback
        """The peer sent `word` about this option. None: negotiate as for any other; otherwise it was a
        message, and is dealt with.
        """
        return None

    def received(self, body: bytes) -> Sequence[Event]:  # noqa: ARG002 - the default of a callback
        """Take the body of a subnegotiation; called only while one of the halves is on.

        Raises `RemoteProtocolError` where the body breaks the option's RFC, and nothing else.
        """
        raise RemoteProtocolError("this option has no subnegotiation")

    def send(self, body: bytes) -> None:
        """Queue a subnegotiation of this option."""
        self.outgoing.subnegotiate(self.code, body)

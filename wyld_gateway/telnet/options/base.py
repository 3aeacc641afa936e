"""What one telnet option is to the connection that speaks it.

An option is a class with its code, its policy (which halves we agree to, which half we ask for when a
connection opens) and two callbacks: one for a half that settled, one for the body of a subnegotiation. It
answers through `send`, which frames a body as a subnegotiation of that option. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from wyld_gateway.telnet.errors import RemoteProtocolError
from wyld_gateway.telnet.events import Event, Side


class TelnetOption:
    """One option of one connection. A subclass without state needs nothing but the class variables."""

    __slots__ = ("send",)

    code: ClassVar[int]
    """The option's number."""

    offered: ClassVar[Side | None] = None
    """The half for which we ask in the opening burst."""

    accepted: ClassVar[frozenset[Side]] = frozenset()
    """The halves that we agree to when the peer switches them on unasked."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        """`send` queues a subnegotiation of this option with the given body, which it escapes."""
        self.send = send

    @property
    def busy(self) -> bool:
        """Whether an answer of the peer to a subnegotiation of ours is still due."""
        return False

    def settled(self, side: Side, on: bool) -> Sequence[Event]:  # noqa: ARG002 - the default of a callback
        """One half was agreed on, refused or switched off."""
        return ()

    def received(self, body: bytes) -> Sequence[Event]:  # noqa: ARG002 - the default of a callback
        """Take the body of a subnegotiation; called only while one of the halves is on.

        Raises `RemoteProtocolError` where the body breaks the option's RFC, and nothing else.
        """
        raise RemoteProtocolError("this option has no subnegotiation")

"""TIMING-MARK (RFC 860): a receipt for everything that was sent before it.

It is no switch: a DO asks that the other side say WILL or WONT once it has processed what came before.
Terminals send one with Ctrl-C and discard all output until it is answered. Asked by us it is the only receipt
that plain telnet has; clients differ in whether they answer the second one, so a probe asks twice, the second
time when the first mark was answered, and the marks of a client that answered both can be relied on.
"""

from __future__ import annotations

from collections.abc import Sequence

from wyld_gateway.telnet.constants import Command, OptionCode
from wyld_gateway.telnet.events import Event, TimingMark
from wyld_gateway.telnet.limits import Limits
from wyld_gateway.telnet.negotiation import NegotiationTable
from wyld_gateway.telnet.options.base import TelnetOption
from wyld_gateway.telnet.outgoing import Outgoing

#: Marks of a probe: some clients answer the first one and none after it.
PROBES = 2


class TimingMarks(TelnetOption):
    """The marks that were asked of each side on one connection."""

    __slots__ = ("_answered", "_asked", "_probing")

    code = OptionCode.TIMING_MARK

    def __init__(self, outgoing: Outgoing, negotiation: NegotiationTable, limits: Limits) -> None:
        super().__init__(outgoing, negotiation, limits)
        self._asked = 0
        self._answered = 0
        self._probing = False

    @property
    def reliable(self) -> bool:
        """Whether the client has answered as many marks as a probe asks."""
        return self._answered >= PROBES

    def probe(self) -> None:
        """Find out whether the client answers every mark; once for each connection."""
        if not self._probing:
            self._probing = True
            self.ask()

    def ask(self) -> None:
        """Queue a mark; a `TimingMark` event follows if the client answers it."""
        self._asked += 1
        self.outgoing.say(Command.DO, self.code)

    def heard(self, word: Command) -> Sequence[Event]:
        """Answer a mark of the client, or take its answer to one of ours; an answer without a question says
        nothing.
        """
        if word is Command.DO:
            self.outgoing.say(Command.WILL, self.code)
        elif word is not Command.DONT and self._asked:
            self._asked -= 1
            self._answered += 1
            if self._probing and not self._asked and not self.reliable:
                self.ask()
            return (TimingMark(),)
        return ()

"""How much of a peer's input the telnet codec keeps, as one frozen object that is given in.

Every number bounds memory or answers; passing one is never an error of ours. Pure.
"""

from __future__ import annotations

import attrs
from attrs.validators import ge

from wyld_gateway.telnet.constants import OptionCode

#: Bytes in the body of a subnegotiation: window sizes have four, names forty, lists of character sets a few
#: hundred.
BODY = 512

#: The options whose bodies are documents rather than names.
BODIES: dict[int, int] = {
    OptionCode.GMCP: 65_536,
    OptionCode.MSDP: 16_384,
    OptionCode.NEW_ENVIRON: 8_192,
}


@attrs.frozen
class Limits:
    """Bounds of one connection. Sizes are bytes as received, after IAC doubling is undone."""

    line: int = attrs.field(default=4096, validator=ge(1))
    """One input line without its line end, erased characters included. More is discarded up to the line end.
    """

    subnegotiation: int = attrs.field(default=65_536, validator=ge(16))
    """The body of one subnegotiation, whatever its option; `BODIES` has less for most."""

    inflation: int = attrs.field(default=20, validator=ge(1))
    """How many times larger than what it sends the compressed input of a client may become, in the long run. What
    people type is compressed to a third at best.
    """

    variable: int = attrs.field(default=64, validator=ge(1))
    """Characters of the value of one variable of the client; more is cut off. How many there are is known."""

    answers_per_option: int = attrs.field(default=50, validator=ge(1))
    """Answers that a peer can draw from us by switching one option on and off; then its requests about that
    option are ignored. A client has no reason to change its mind this often, a negotiation loop does nothing
    else.
    """

    def subnegotiation_body(self, option: int) -> int:
        """The bound for the body of one subnegotiation of `option`."""
        return min(self.subnegotiation, BODIES.get(option, BODY))

"""How much of a peer's input the telnet codec keeps, as one frozen object that is given in.

Every number bounds memory or answers; passing one is never an error of ours. Pure.
"""

from __future__ import annotations

import attrs
from attrs.validators import ge

from wyld_gateway.telnet.constants import OptionCode


@attrs.frozen
class Limits:
    """Bounds of one connection. Sizes are bytes as received, after IAC doubling is undone."""

    line: int = attrs.field(default=4096, validator=ge(1))
    """One input line without its line end, erased characters included. More is discarded up to the line end.
    """

    subnegotiation: int = attrs.field(default=512, validator=ge(16))
    """The body of a subnegotiation of an option that has no field of its own here: window sizes, names,
    character sets.
    """

    gmcp: int = attrs.field(default=65_536, validator=ge(16))
    msdp: int = attrs.field(default=16_384, validator=ge(16))
    environment: int = attrs.field(default=8_192, validator=ge(16))
    """The body of one NEW-ENVIRON subnegotiation, of which only variables with a meaning here are kept."""

    answers_per_option: int = attrs.field(default=50, validator=ge(1))
    """Answers that a peer can draw from us by switching one option on and off; then its requests about that
    option are ignored. A client has no reason to change its mind this often, a negotiation loop does nothing
    else.
    """

    def subnegotiation_body(self, option: int) -> int:
        """The bound for the body of one subnegotiation of `option`."""
        match option:
            case OptionCode.GMCP:
                return self.gmcp
            case OptionCode.MSDP:
                return self.msdp
            case OptionCode.NEW_ENVIRON:
                return self.environment
            case _:
                return self.subnegotiation

"""END-OF-RECORD (RFC 885): while our half is on, each prompt ends with IAC EOR."""

from __future__ import annotations

from wyld_gateway.telnet.constants import OptionCode
from wyld_gateway.telnet.events import Side
from wyld_gateway.telnet.options.base import TelnetOption


class EndOfRecord(TelnetOption):
    """See the module."""

    __slots__ = ()

    code = OptionCode.END_OF_RECORD
    offered = Side.LOCAL
    accepted = frozenset({Side.LOCAL})

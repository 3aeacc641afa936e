"""SUPPRESS-GO-AHEAD (RFC 858): agreed to in both directions when the client asks, and not offered.

Terminal programs take our half as the wish for single characters: GNU telnet stops editing lines and shows
`^M` for Enter. MUD clients that do not care lose nothing, for without it they get a GA behind each prompt, as
RFC 854 has it.
"""

from __future__ import annotations

from wyld_gateway.telnet.constants import OptionCode
from wyld_gateway.telnet.events import Side
from wyld_gateway.telnet.options.base import TelnetOption


class SuppressGoAhead(TelnetOption):
    """See the module."""

    __slots__ = ()

    code = OptionCode.SUPPRESS_GO_AHEAD
    accepted = frozenset(Side)

"""SUPPRESS-GO-AHEAD (RFC 858): agreed to in both directions.

A client that refuses our half is one that wants a GA after each prompt; see `TelnetConnection.prompt_mark`.
"""

from __future__ import annotations

from wyld_gateway.telnet.constants import OptionCode
from wyld_gateway.telnet.events import Side
from wyld_gateway.telnet.options.base import TelnetOption


class SuppressGoAhead(TelnetOption):
    """See the module."""

    __slots__ = ()

    code = OptionCode.SUPPRESS_GO_AHEAD
    offered = Side.LOCAL
    accepted = frozenset(Side)

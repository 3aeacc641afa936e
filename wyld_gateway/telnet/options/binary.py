"""BINARY TRANSMISSION (RFC 856): agreed to in both directions when the client asks.

It changes nothing here. MUD clients send and read eight bits without it; some terminal programs do not, and
ask.
"""

from __future__ import annotations

from wyld_gateway.telnet.constants import OptionCode
from wyld_gateway.telnet.events import Side
from wyld_gateway.telnet.options.base import TelnetOption


class BinaryTransmission(TelnetOption):
    """See the module."""

    __slots__ = ()

    code = OptionCode.BINARY
    accepted = frozenset(Side)

"""ECHO (RFC 857), as MUDs use it: while our half is on, the client does not show what is typed.

We switch it on before the text of a password prompt and off after the password, so that no client shows the
password for the length of a round trip. We never really echo, so we do not agree when the client asks us to,
and do not let the client echo to us.
"""

from __future__ import annotations

from wyld_gateway.telnet.constants import OptionCode
from wyld_gateway.telnet.options.base import TelnetOption


class Echo(TelnetOption):
    """See the module."""

    __slots__ = ()

    code = OptionCode.ECHO

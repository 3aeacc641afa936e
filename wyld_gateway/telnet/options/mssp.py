"""MSSP, the MUD Server Status Protocol: what listing sites are told about a game.

Sites connect from time to time, read and leave. Those that speak telnet agree to this option and get one
subnegotiation: `VAR name VAL value` for each variable, VAL again for each further value. Others type
`MSSP-REQUEST` where a login is asked for, and get lines. The protocol has no RFC; this is the page of its author.

The values come from elsewhere. They are told when the option is agreed on: whoever wants newer ones connects
anew, or negotiates anew.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from wyld_gateway.telnet.constants import MsspCode, OptionCode
from wyld_gateway.telnet.errors import RemoteProtocolError
from wyld_gateway.telnet.events import Side
from wyld_gateway.telnet.options.base import TelnetOption

Status: TypeAlias = Mapping[str, Sequence[str]]
"""The values of each variable; several of PORT, of most others one."""

PLAIN_REQUEST: Final = "MSSP-REQUEST"
"""What a site without telnet types."""

_VAR, _VAL = (bytes([code]) for code in MsspCode)
_FORBIDDEN = re.compile("[\0-\x02\r\n\t]")


class Mssp(TelnetOption):
    """See the module. A client says nothing in this option."""

    __slots__ = ()

    code = OptionCode.MSSP
    offered = Side.LOCAL
    awaited = False  # TinTin++ does not answer at all
    accepted = frozenset({Side.LOCAL})


def encode_status(status: Status) -> bytes:
    """The body that tells `status`. What neither form can write is left out."""
    return b"".join(
        [
            _VAR + _encoded(name) + b"".join([_VAL + _encoded(value) for value in status[name]])
            for name in status
        ]
    )


def decode_status(body: bytes) -> dict[str, list[str]]:
    """The variables that a server told. Raises `RemoteProtocolError` where the body is no MSSP."""
    if body and not body.startswith(_VAR):
        raise RemoteProtocolError("a value without a name")
    status = {}
    for variable in body.split(_VAR)[1:]:
        name, *values = [part.decode("utf-8", "replace") for part in variable.split(_VAL)]
        status[name] = values
    return status


def in_lines(status: Status) -> str:
    """The answer to `PLAIN_REQUEST`: a line for each variable, its name and its values with tabs between
    them.
    """
    lines = ["\t".join([_allowed(part) for part in (name, *status[name])]) for name in status]
    return "\n".join(["MSSP-REPLY-START", *lines, "MSSP-REPLY-END"])


def _encoded(text: str) -> bytes:
    return _allowed(text).encode("utf-8", "replace")


def _allowed(text: str) -> str:
    return _FORBIDDEN.sub("", text)

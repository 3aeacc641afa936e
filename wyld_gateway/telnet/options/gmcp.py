"""GMCP, the Generic MUD Communication Protocol: messages with a name and a JSON body, beside the text.

A body of this option is `Package.Sub.Message`, and after a space perhaps JSON. It is UTF-8 whatever CHARSET
agreed on. Names are compared without case. The protocol has no RFC; the messages are those of the pages of
Iron Realms and of the Mudlet wiki.

This module frames messages and reads the one list that governs them all: which packages a client wants. What
the messages mean is not known here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final, NoReturn

from wyld_gateway.telnet.constants import OptionCode
from wyld_gateway.telnet.errors import RemoteProtocolError
from wyld_gateway.telnet.events import Event, GmcpMessage, Side
from wyld_gateway.telnet.options.base import TelnetOption

MAX_NAME: Final = 64
"""Characters of a name; the longest in use has 30."""

MAX_PACKAGES: Final = 64
"""Packages that a client may list; further ones count as not listed. Mudlet lists ten."""

_MESSAGE = re.compile(rb"([A-Za-z][A-Za-z0-9_.-]{0,%d})(?:\s+(.*))?" % (MAX_NAME - 1), re.DOTALL)

_encode_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Gmcp(TelnetOption):
    """See the module."""

    __slots__ = ()

    code = OptionCode.GMCP
    offered = Side.LOCAL
    accepted = frozenset({Side.LOCAL})

    def received(self, body: bytes) -> Sequence[Event]:
        """Take one message."""
        return (decode_message(body),)


def encode_message(name: str, data: Any = None) -> bytes:
    """The body of a message; `data` is what JSON can say, None for a message without data. A half of a
    surrogate pair, which UTF-8 cannot say, becomes `?`.
    """
    text = name if data is None else f"{name} {_encode_json(data)}"
    return text.encode("utf-8", "replace")


def decode_message(body: bytes) -> GmcpMessage:
    """The message in a body. Raises `RemoteProtocolError` where it has no name, or data that are not JSON."""
    match = _MESSAGE.fullmatch(body)
    if match is None:
        raise RemoteProtocolError("a message without a name")
    return GmcpMessage(match[1].decode("ascii").lower(), _decode_json(match[2]) if match[2] else None)


def _decode_json(data: bytes) -> Any:
    try:
        return json.loads(data.decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        # ValueError is also what an integer of thousands of digits raises, RecursionError what thousands of brackets do.
        raise RemoteProtocolError("data that are not JSON") from error


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)  # NaN and the infinities are Python's, not JSON's


def read_packages(data: Any) -> frozenset[str]:
    """The names, in lower case, in the body of a Core.Supports message: `["Char 1", "Room 1"]`. The number
    after a name says nothing that we need. Whatever is no name is left out.
    """
    if not isinstance(data, list):
        return frozenset()
    names = [item.split(" ", 1)[0].lower() for item in data[:MAX_PACKAGES] if isinstance(item, str)]
    return frozenset([name for name in names if 0 < len(name) <= MAX_NAME])


def covers(packages: frozenset[str], name: str) -> bool:
    """Whether a client that listed `packages` wants the message `name`: listing "Char" covers "Char.Vitals"."""
    name = name.lower()
    while name:
        if name in packages:
            return True
        name = name.rpartition(".")[0]
    return False

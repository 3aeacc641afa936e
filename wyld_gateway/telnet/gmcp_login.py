"""The GMCP messages about the connection itself: who the client is, its login, its goodbye.

Login (Char.Login, version 1): to a client that lists the package by name we say that a password will do. It
answers with an account and a password; or with an empty object, or not at all, which both mean that its player
will use the login that is on the screen anyway. We say how it went. A client that never listed Char.Login may
send `Char.Login {name, password}` all the same, as older ones do.

Pure. What a client sends is checked here; whatever makes no sense is None.
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from wyld_gateway.telnet.constants import OptionCode
from wyld_gateway.telnet.encode import subnegotiation
from wyld_gateway.telnet.events import GmcpMessage
from wyld_gateway.telnet.options.gmcp import encode_message

PACKAGE: Final = "char.login"
"""Listed by name only: "Char" alone says nothing about wanting to sign in."""

MAX_TEXT: Final = 256
"""Characters of anything that a client tells here; a longer text counts as none."""


@attrs.frozen
class Hello:
    """The client program, as it calls itself; empty strings where it does not say."""

    client: str
    version: str


@attrs.frozen
class Credentials:
    account: str
    password: str = attrs.field(repr=False)


def read_hello(message: GmcpMessage) -> Hello | None:
    """Who the client is, if `message` says that. It may say so again."""
    if message.name != "core.hello" or not isinstance(message.data, dict):
        return None
    return Hello(_text(message.data, "client"), _text(message.data, "version"))


def read_credentials(message: GmcpMessage) -> Credentials | None:
    """The account and password, if `message` has both."""
    names = {"char.login.credentials": "account", PACKAGE: "name"}
    if message.name not in names or not isinstance(message.data, dict):
        return None
    account, password = _text(message.data, names[message.name]), _text(message.data, "password")
    return Credentials(account, password) if account and password else None


def _text(data: dict[str, Any], name: str) -> str:
    """A text that UTF-8 can say: JSON can spell the halves of surrogate pairs."""
    value = data.get(name)
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        return ""
    return value.encode("utf-8", "replace").decode()


def _message(name: str, data: Any) -> bytes:
    return subnegotiation(OptionCode.GMCP, encode_message(name, data))


OFFER: Final = _message("Char.Login.Default", {"type": ["password-credentials"]})
"""Asks a client for its credentials."""


def encode_result(success: bool, text: str) -> bytes:
    """How a login with credentials went; `text` says why it failed."""
    return _message(
        "Char.Login.Result", {"success": success, "message": text} if text else {"success": success}
    )


def encode_goodbye(text: str) -> bytes:
    """Why the connection is about to end."""
    return _message("Core.Goodbye", text)

"""wyld.v1: JSON messages in WebSocket text frames.

Pure. What a client sends is one JSON object per frame and becomes one event; what the server sends is bytes, one JSON object per line,
so that all that one tick made travels in one frame. docs/client-authors.md describes both directions for people who write clients.

The opening is the only state: the first message is `hello`, and it comes once. After a violation the connection is over; whoever
holds it says why and closes. `receive_frame` raises `ProtocolViolation` for anything malformed and nothing else.

Whether a line is a login line or a numbered command, and whether a number is the right one, is the session's business.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import attrs

from wyld_gateway.close import Close
from wyld_gateway.errors import RemoteError
from wyld_gateway.terminal import strip_controls
from wyld_rpc.messages import (
    Combat,
    EntityStateUpdate,
    FormattedText,
    GameOutput,
    RoomDescription,
    Structured,
    System,
    Text,
)

SUBPROTOCOL: Final = "wyld.v1"
VERSION: Final = 1

MAX_FRAME: Final = 64 * 1024
"""Characters of one frame from a client. A command with everything escaped is 24 KiB; the rest is room for later."""

MAX_NAME: Final = 64
"""Characters kept of a client's name and version: they are for people who read a list."""

MAX_SCREEN: Final = 10_000
"""Columns or rows; what is larger is a mistake."""

MAX_NUMBER: Final = 2**53 - 1
"""The largest integer that every JSON reader keeps exact (RFC 8259, 6)."""

WINDOW: Final = 64
"""Commands that a client may have sent without an acknowledgement; then it holds back."""

HEARTBEAT: Final = 25
"""Seconds without traffic after which either side asks for a sign of life: less than the minute after which routers forget."""


class ProtocolViolation(RemoteError):
    """The client broke wyld.v1 or a limit of it: say `str(error)` and end the connection with `close`."""

    def __init__(self, text: str, close: Close = Close.PROTOCOL) -> None:
        super().__init__(text)
        self.close = close


# ------------------------------------------------------------------------------------------- events


@attrs.frozen
class Capabilities:
    """The client's screen. Zeros mean unknown."""

    width: int = 0
    height: int = 0
    screen_reader: bool = False


@attrs.frozen
class Hello:
    """The first message. A token to resume with is accepted and not looked at: every `hello` begins a new login."""

    client_name: str
    client_version: str
    capabilities: Capabilities


@attrs.frozen
class CapabilitiesChanged:
    capabilities: Capabilities


@attrs.frozen
class Line:
    """A line of the login dialogue."""

    text: str


@attrs.frozen
class NumberedCommand:
    number: int
    text: str


@attrs.frozen
class OutputsAcknowledged:
    """All outputs up to `number` are on the client's screen."""

    number: int


@attrs.frozen
class Ping:
    """Wants `PONG` as an answer."""


@attrs.frozen
class Pong:
    pass


Event: TypeAlias = Hello | CapabilitiesChanged | Line | NumberedCommand | OutputsAcknowledged | Ping | Pong


# ---------------------------------------------------------------------------------------------- in


class ServerProtocol:
    """The server's side of one connection. `max_text` limits a line or command, in bytes of UTF-8."""

    def __init__(self, max_text: int) -> None:
        self._max_text = max_text
        self._greeted = False

    def receive_frame(self, frame: str) -> Event:
        """What one frame of at most `MAX_FRAME` characters says. Raises `ProtocolViolation`; there is no going on after that."""
        message = _parse(frame)
        kind = _field(message, "t", str)
        if kind == "hello":
            if self._greeted:
                raise ProtocolViolation("There was a hello already.")
            event: Event = _read_hello(message)
            self._greeted = True
            return event
        if not self._greeted:
            raise ProtocolViolation("The first message must be hello.")
        reader = _READERS.get(kind)
        if reader is None:
            raise ProtocolViolation("There is no such kind of message.")
        event = reader(message)
        if isinstance(event, Line | NumberedCommand) and len(event.text.encode()) > self._max_text:
            raise ProtocolViolation(f"A line is longer than {self._max_text} bytes.", Close.TOO_LARGE)
        return event


def _parse(frame: str) -> dict[str, Any]:
    try:
        message = json.loads(frame)
    except (ValueError, RecursionError):
        # ValueError is also raised for integers of more than 4,300 digits, RecursionError for thousands of brackets.
        raise ProtocolViolation("A frame is not JSON.") from None
    if not isinstance(message, dict):
        raise ProtocolViolation("A message must be a JSON object.")
    return message


def _field(message: dict[str, Any], name: str, kind: type, default: Any = None) -> Any:
    """The exact type: JSON's true must not pass for 1. A missing field with a default is fine."""
    value = message.get(name, default)
    if type(value) is not kind:
        raise ProtocolViolation(f'The field "{name}" is missing or of the wrong type.')
    return value


def _integer(message: dict[str, Any], name: str, low: int, high: int, default: int | None = None) -> int:
    value: int = _field(message, name, int, default)
    if not low <= value <= high:
        raise ProtocolViolation(f'The field "{name}" must be from {low} to {high}.')
    return value


# Control characters, the halves of broken surrogate pairs (JSON can spell them, UTF-8 cannot), and what other programs take for
# the end of a line. Escape sequences in a line would be repeated to other players' terminals.
_SPACES = re.compile("[\t-\r\x85\u2028\u2029]+")
_UNWANTED = re.compile("[\0-\x1f\x7f-\x9f\ud800-\udfff]")


def _clean(text: str) -> str:
    """One line of text that every encoding, database and terminal can take."""
    if text.isprintable():
        return text
    return _UNWANTED.sub("", _SPACES.sub(" ", text))


def _text(message: dict[str, Any]) -> str:
    return _clean(_field(message, "text", str))


def _read_hello(message: dict[str, Any]) -> Hello:
    if _field(message, "v", int) != VERSION:
        raise ProtocolViolation(f"This server speaks version {VERSION} of wyld.v1.")
    client = _field(message, "client", dict, {})
    return Hello(
        client_name=_clean(_field(client, "name", str, ""))[:MAX_NAME],
        client_version=_clean(_field(client, "ver", str, ""))[:MAX_NAME],
        capabilities=_read_capabilities(_field(message, "caps", dict, {})),
    )


def _read_capabilities(caps: dict[str, Any]) -> Capabilities:
    return Capabilities(
        width=_integer(caps, "width", 0, MAX_SCREEN, 0),
        height=_integer(caps, "height", 0, MAX_SCREEN, 0),
        screen_reader=_field(caps, "sr", bool, False),
    )


_READERS: dict[str, Callable[[dict[str, Any]], Event]] = {
    "caps": lambda message: CapabilitiesChanged(_read_capabilities(message)),
    "line": lambda message: Line(_text(message)),
    "cmd": lambda message: NumberedCommand(_integer(message, "n", 1, MAX_NUMBER), _text(message)),
    "ack": lambda message: OutputsAcknowledged(_integer(message, "n", 0, MAX_NUMBER)),
    "ping": lambda _: Ping(),
    "pong": lambda _: Pong(),
}


# --------------------------------------------------------------------------------------------- out
#
# Every message ends with a newline, so that any number of them may be joined; `to_frame` takes the last one off.

_encode_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _encode(message: dict[str, Any]) -> bytes:
    # A text frame must be valid UTF-8 (RFC 6455, 5.6) or the browser ends the connection.
    return _encode_json(message).encode("utf-8", "replace") + b"\n"


def to_frame(messages: bytes) -> str:
    """Joined messages as the payload of one text frame."""
    return messages.decode().removesuffix("\n")


PING: Final = _encode({"t": "ping"})
PONG: Final = _encode({"t": "pong"})
DETACHED: Final = _encode({"t": "detached"})


def encode_welcome(max_text: int) -> bytes:
    """The one answer to `hello`."""
    limits = {"text": max_text, "window": WINDOW}
    return _encode({"t": "welcome", "v": VERSION, "resumed": False, "hb": HEARTBEAT, "limits": limits})


def encode_attached(epoch: bytes, next_number: int) -> bytes:
    return _encode({"t": "attached", "epoch": epoch.hex(), "next": next_number})


def encode_ack(number: int) -> bytes:
    return b'{"t":"ack","n":%d}\n' % number


def encode_notice(text: str) -> bytes:
    return _encode({"t": "notice", "d": text})


def encode_echo(on: bool) -> bytes:
    return _encode({"t": "echo", "on": on})


def encode_prompt(text: str) -> bytes:
    return _encode({"t": "prompt", "d": text})


def encode_bye(close: Close, text: str) -> bytes:
    terms = close.terms
    return _encode({"t": "bye", "code": terms.code, "reconnect": terms.reconnect, "text": text})


def encode_state(update: EntityStateUpdate) -> bytes:
    message = {"t": "state", "k": update.kind.value, "d": update.data}
    if update.name:
        message["name"] = update.name
    return _encode(message)


def _text_data(output: Text) -> dict[str, Any]:
    data = {"text": output.text}
    if output.channel is not None:
        data["channel"] = output.channel
    if output.talker is not None:
        data["talker"] = output.talker
    return data


def _formatted_data(output: FormattedText) -> dict[str, Any]:
    # The colours of a drawing are a terminal's; a page has the styles.
    spans = [
        [text, span.style] if span.style else [text]
        for span in output.spans
        for text in [strip_controls(span.text)]
    ]
    return {"spans": spans, "decor": True} if output.decor else {"spans": spans}


def _all_fields(output: GameOutput) -> dict[str, Any]:
    return attrs.asdict(output, recurse=False)


_OUTPUTS: dict[type, tuple[str, Callable[[Any], dict[str, Any]]]] = {
    Text: ("text", _text_data),
    FormattedText: ("formatted", _formatted_data),
    Structured: ("structured", _all_fields),
    RoomDescription: ("room", _all_fields),
    Combat: ("combat", _all_fields),
    System: ("system", _all_fields),
}


def encode_output_body(output: GameOutput) -> bytes:
    """An `out` message without its beginning: the same for everybody, whatever the number."""
    kind, data = _OUTPUTS[type(output)]
    return _encode({"k": kind, "d": data(output)})[1:]


def number_output(body: bytes, number: int) -> bytes:
    """The whole `out` message. No JSON is written again: the number stands before the shared body."""
    return b'{"t":"out","n":%d,%b' % (number, body)

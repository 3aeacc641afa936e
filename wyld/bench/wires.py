"""The players' ends of telnet and of wyld.v1: bytes in and out, lines for a person.  (pure)

Deliberately not built on the gateway's codecs. Each is the least that a well-behaved client can be: the telnet one refuses every option but
echo (RFC 854, RFC 857), the other follows docs/client-authors.md.
"""

from __future__ import annotations

import json
from typing import Any, Final, Protocol

from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    CloseConnection,
    Event,
    Message,
    Ping,
    RejectConnection,
    Request,
    TextMessage,
)
from wsproto.utilities import RemoteProtocolError

UNACKNOWLEDGED: Final = 64
"""Commands that a wyld.v1 client may have under way; then it holds back (`limits.window`)."""

_IAC, _SB, _SE = 255, 250, 240
_WILL, _WONT, _DO, _DONT = 251, 252, 253, 254
_ECHO = 1


class Gone(Exception):
    """There is nobody at the other end who speaks this protocol: hang up."""


class Wire(Protocol):
    """One connection of one player. After every call, what is in `data_to_send` is to be sent."""

    @property
    def takes_lines(self) -> bool:
        """Whether `type` may be called yet: the opening is over."""
        ...

    @property
    def takes_commands(self) -> bool:
        """Whether a command may be typed now, as far as this protocol tells a client."""
        ...

    def receive_data(self, data: bytes) -> list[str]:
        """The lines that these bytes complete. Raises `Gone` if the server says goodbye or nonsense: hang up."""
        ...

    def type(self, line: str) -> None:
        """A line that the player types."""
        ...

    def data_to_send(self) -> bytes:
        """What is to be sent, once."""
        ...


class TelnetWire:
    """A plain terminal."""

    takes_lines = True
    takes_commands = True

    def __init__(self) -> None:
        self._raw = b""
        self._text = bytearray()
        self._out = bytearray()

    def receive_data(self, data: bytes) -> list[str]:
        self._raw += data
        while self._raw and self._take():
            pass
        *lines, rest = bytes(self._text).split(b"\n")
        self._text = bytearray(rest)
        return [line.decode("utf-8", "replace").rstrip("\r") for line in lines]

    def type(self, line: str) -> None:
        self._out += line.encode() + b"\r\n"

    def data_to_send(self) -> bytes:
        data, self._out = bytes(self._out), bytearray()
        return data

    def _take(self) -> bool:
        """Take one run of text, or one telnet command; False if it is not complete yet."""
        raw = self._raw
        start = raw.find(_IAC)
        if start != 0:
            end = len(raw) if start < 0 else start
            self._text += raw[:end]
            self._raw = raw[end:]
            return True
        if len(raw) < 2 or (_WILL <= raw[1] <= _DONT and len(raw) < 3):
            return False
        if raw[1] == _SB:
            end = raw.find(bytes([_IAC, _SE]))
            if end < 0:
                return False
            self._raw = raw[end + 2 :]
        elif _WILL <= raw[1] <= _DONT:
            self._answer(raw[1], raw[2])
            self._raw = raw[3:]
        else:
            self._raw = raw[2:]
        return True

    def _answer(self, verb: int, option: int) -> None:
        if verb == _WILL:
            self._out += bytes([_IAC, _DO if option == _ECHO else _DONT, option])
        elif verb == _DO:
            self._out += bytes([_IAC, _WONT, option])
        elif verb == _WONT and option == _ECHO:
            self._out += bytes([_IAC, _DONT, option])


class WebWire:
    """A wyld.v1 client that shows what it gets and acknowledges it at once."""

    def __init__(self, host: str) -> None:
        self._ws = WSConnection(ConnectionType.CLIENT)
        self._out = bytearray(self._ws.send(Request(host=host, target="/ws", subprotocols=["wyld.v1"])))
        self._pending = ""
        self._welcome = False
        self._next: int | None = None
        self._acknowledged = 0
        self._shown = 0
        self._must_acknowledge = False

    @property
    def takes_lines(self) -> bool:
        return self._welcome

    @property
    def takes_commands(self) -> bool:
        return self._next is not None and self._next - self._acknowledged <= UNACKNOWLEDGED

    def receive_data(self, data: bytes) -> list[str]:
        lines: list[str] = []
        try:
            self._ws.receive_data(data)
            for event in self._ws.events():
                lines += self._take(event)
        except (RemoteProtocolError, LookupError, TypeError, ValueError) as error:
            raise Gone(f"the server says what it should not: {error!r}") from error
        if self._must_acknowledge:
            self._must_acknowledge = False
            self._say({"t": "ack", "n": self._shown})
        return lines

    def type(self, line: str) -> None:
        if self._next is None:
            self._say({"t": "line", "text": line})
        else:
            self._say({"t": "cmd", "n": self._next, "text": line})
            self._next += 1

    def data_to_send(self) -> bytes:
        data, self._out = bytes(self._out), bytearray()
        return data

    def _take(self, event: Event) -> list[str]:
        match event:
            case AcceptConnection():
                client = {"name": "wyld bench", "ver": "1"}
                self._say({"t": "hello", "v": 1, "client": client, "caps": {}})
            case TextMessage():
                self._pending += event.data
                if event.message_finished:
                    messages, self._pending = self._pending.split("\n"), ""
                    return [line for message in messages for line in self._hear(json.loads(message))]
            case Ping():
                self._out += self._ws.send(event.response())
            case RejectConnection():
                raise Gone(f"the upgrade was refused with status {event.status_code}")
            case CloseConnection():
                raise Gone(f"the server said goodbye: {event.code}")
        return []

    def _say(self, message: dict[str, Any]) -> None:
        self._out += self._ws.send(Message(json.dumps(message)))

    def _hear(self, message: dict[str, Any]) -> list[str]:
        match message["t"]:
            case "welcome":
                self._welcome = True
            case "attached":
                self._next, self._acknowledged, self._shown = message["next"], message["next"] - 1, 0
            case "detached":
                self._next = None
            case "ack":
                self._acknowledged = message["n"]
            case "ping":
                self._say({"t": "pong"})
            case "out" if message["n"] > self._shown:
                self._shown, self._must_acknowledge = message["n"], True
                return _texts(message["d"])
            case "notice":
                return _texts(message["d"])
            case "bye":
                return _texts(message["text"])
        return []


def _texts(value: Any) -> list[str]:
    """The lines of every text in a message, in order; the runs of one formatted line are one line."""
    match value:
        case str():
            return value.split("\n")
        case {"spans": [*spans]}:
            return "".join(span[0] for span in spans).split("\n")
        case dict():
            return [line for item in value.values() for line in _texts(item)]
        case list():
            return [line for item in value for line in _texts(item)]
    return []

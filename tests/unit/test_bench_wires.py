"""The players' ends of telnet and wyld.v1, against bytes written by hand and against wsproto's server."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    CloseConnection,
    Event,
    Message,
    Ping,
    Pong,
    RejectConnection,
    Request,
    TextMessage,
)

from wyld.bench.wires import UNACKNOWLEDGED, Gone, TelnetWire, WebWire

IAC, SB, SE, WILL, WONT, DO, DONT = 255, 250, 240, 251, 252, 253, 254
ECHO, GMCP, NAWS, GA = 1, 201, 31, 249


def chunks(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in pairwise(places)]


@given(st.lists(st.integers(0, 1000)))
def test_telnet_text_is_lines_and_options_are_refused_however_it_is_cut(cuts: list[int]) -> None:
    data = b"".join(
        (
            b"Gull\xc3\xa9 ",
            bytes([IAC, WILL, GMCP]),
            b"one\r\n",
            bytes([IAC, DO, NAWS, IAC, WILL, ECHO, IAC, WONT, ECHO, IAC, DONT, NAWS, IAC, WONT, GMCP]),
            bytes([IAC, SB, GMCP, *b"Core {}\n", IAC, SE]),
            b"two\r\n\r\n> ",
            bytes([IAC, GA]),
        )
    )
    wire = TelnetWire()

    lines = [line for chunk in chunks(data, cuts) for line in wire.receive_data(chunk)]

    assert lines == ["Gullé one", "two", ""]
    assert wire.data_to_send() == bytes([IAC, DONT, GMCP, IAC, WONT, NAWS, IAC, DO, ECHO, IAC, DONT, ECHO])
    assert wire.data_to_send() == b""


def test_telnet_types_lines_at_once() -> None:
    wire = TelnetWire()

    wire.type("look")
    wire.type("say né")

    assert wire.takes_lines
    assert wire.takes_commands
    assert wire.data_to_send() == b"look\r\nsay n\xc3\xa9\r\n"


class Server:
    """The other end of a `WebWire`."""

    def __init__(self) -> None:
        self.wire = WebWire("127.0.0.1:1")
        self.ws = WSConnection(ConnectionType.SERVER)
        (self.request,) = self.heard()

    def heard(self) -> list[Event]:
        data = self.wire.data_to_send()
        if data:
            self.ws.receive_data(data)
        return list(self.ws.events())

    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(event.data) for event in self.heard() if isinstance(event, TextMessage)]

    def event(self, event: Event) -> list[str]:
        return self.wire.receive_data(self.ws.send(event))

    def say(self, *messages: dict[str, Any]) -> list[str]:
        return self.event(Message("\n".join(map(json.dumps, messages))))


@pytest.fixture
def server() -> Server:
    server = Server()
    server.event(AcceptConnection(subprotocol="wyld.v1"))
    return server


@pytest.fixture
def playing(server: Server) -> Server:
    server.messages()
    server.say({"t": "welcome", "v": 1}, {"t": "attached", "epoch": "e", "next": 1})
    return server


def out(n: int, d: object, k: str = "text") -> dict[str, Any]:
    return {"t": "out", "n": n, "k": k, "d": d}


def test_it_asks_for_the_protocol_and_says_hello_first(server: Server) -> None:
    assert isinstance(server.request, Request)
    assert server.request.target == "/ws"
    assert server.request.subprotocols == ["wyld.v1"]
    (hello,) = server.messages()
    assert (hello["t"], hello["v"]) == ("hello", 1)


def test_it_types_lines_after_the_welcome_and_commands_while_attached(server: Server) -> None:
    server.messages()
    assert not server.wire.takes_lines

    server.say({"t": "welcome", "v": 1})
    assert server.wire.takes_lines
    assert not server.wire.takes_commands
    server.wire.type("connect ann x")
    server.say({"t": "attached", "epoch": "e", "next": 5})
    assert server.wire.takes_commands
    server.wire.type("look")
    server.wire.type("north")
    server.say({"t": "detached"})
    assert not server.wire.takes_commands
    server.wire.type("ann")

    assert server.messages() == [
        {"t": "line", "text": "connect ann x"},
        {"t": "cmd", "n": 5, "text": "look"},
        {"t": "cmd", "n": 6, "text": "north"},
        {"t": "line", "text": "ann"},
    ]


def test_it_holds_back_while_too_much_is_unacknowledged(playing: Server) -> None:
    for _ in range(UNACKNOWLEDGED):
        assert playing.wire.takes_commands
        playing.wire.type("look")
    assert not playing.wire.takes_commands

    playing.say({"t": "ack", "n": 1})

    assert playing.wire.takes_commands


def test_it_shows_each_output_once_and_acknowledges_the_last(playing: Server) -> None:
    lines = playing.say(
        out(1, {"text": "one\ntwo", "channel": "say"}),
        out(2, {"spans": [["You "], ["see", "emphasis"]]}),
        out(2, {"text": "again"}),
        out(3, {"name": "The Green", "exits": ["north"], "size": 3}, k="room"),
    )

    assert lines == ["one", "two", "say", "You see", "The Green", "north"]
    assert playing.messages() == [{"t": "ack", "n": 3}]
    assert playing.say({"t": "state", "k": "stats", "d": {}}) == []
    assert playing.messages() == []


def test_a_new_numbering_begins_with_its_own_outputs(playing: Server) -> None:
    playing.say(out(1, {"text": "old"}), out(2, {"text": "old"}))
    playing.messages()

    assert playing.say({"t": "attached", "epoch": "f", "next": 1}, out(1, {"text": "new"})) == ["new"]
    assert playing.messages() == [{"t": "ack", "n": 1}]


def test_notices_and_farewells_are_shown(playing: Server) -> None:
    assert playing.say({"t": "notice", "d": "Hark."}, {"t": "bye", "code": 1000, "text": "Goodbye."}) == [
        "Hark.",
        "Goodbye.",
    ]


def test_it_answers_signs_of_life(playing: Server) -> None:
    playing.say({"t": "ping"})
    assert playing.messages() == [{"t": "pong"}]

    playing.event(Ping(b"x"))
    assert [type(event) for event in playing.heard()] == [Pong]

    assert playing.event(Pong(b"y")) == []


def test_a_message_in_two_frames_is_one(playing: Server) -> None:
    assert playing.event(Message('{"t":"notice",', message_finished=False)) == []
    assert playing.event(Message('"d":"Hark."}')) == ["Hark."]


@pytest.mark.parametrize("data", ["nonsense", "[]", "{}", '{"t":"ack"}', '{"t":"out","n":1}'])
def test_a_server_that_talks_nonsense_is_gone(playing: Server, data: str) -> None:
    with pytest.raises(Gone):
        playing.event(Message(data))


def test_a_server_that_closes_refuses_or_speaks_no_websocket_is_gone(playing: Server) -> None:
    with pytest.raises(Gone, match="1001"):
        playing.event(CloseConnection(1001))
    with pytest.raises(Gone, match="503"):
        Server().event(RejectConnection(status_code=503))
    with pytest.raises(Gone):
        Server().wire.receive_data(b"SSH-2.0-\r\n\r\n")

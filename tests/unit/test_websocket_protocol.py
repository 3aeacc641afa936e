"""wyld.v1 without a network: what clients may say, what they may not, and what they hear."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wyld_gateway.close import Close
from wyld_gateway.websocket import protocol
from wyld_gateway.websocket.protocol import (
    MAX_FRAME,
    MAX_NAME,
    MAX_NUMBER,
    Capabilities,
    CapabilitiesChanged,
    Hello,
    Line,
    NumberedCommand,
    OutputsAcknowledged,
    Ping,
    Pong,
    ProtocolViolation,
    ServerProtocol,
)
from wyld_rpc.messages import (
    GAME_OUTPUTS,
    Combat,
    EntityStateUpdate,
    FormattedText,
    GameOutput,
    RoomDescription,
    Span,
    StateUpdateType,
    Structured,
    System,
    Text,
)

HELLO = '{"t":"hello","v":1}'


def greeted() -> ServerProtocol:
    server = ServerProtocol(max_text=4096)
    server.receive_frame(HELLO)
    return server


def say(message: Any, server: ServerProtocol | None = None) -> protocol.Event:
    return (server or greeted()).receive_frame(json.dumps(message))


def heard(message: bytes) -> dict[str, Any]:
    assert message.endswith(b"\n")
    assert message.count(b"\n") == 1
    value = json.loads(message)
    assert isinstance(value, dict)
    return value


# ---------------------------------------------------------------------------------------------- in


def test_hello_tells_who_the_client_is_and_how_large_its_screen() -> None:
    hello = say(
        {
            "t": "hello",
            "v": 1,
            "client": {"name": "Lantern", "ver": "2.1"},
            "caps": {"width": 100, "height": 40, "sr": True, "color": "true"},
        },
        ServerProtocol(4096),
    )

    assert hello == Hello("Lantern", "2.1", Capabilities(100, 40, screen_reader=True))


def test_the_least_hello_and_one_that_wants_to_resume_are_logins() -> None:
    least = ServerProtocol(4096).receive_frame(HELLO)
    resuming = say({"t": "hello", "v": 1, "resume": {"token": "x", "rx": 9}}, ServerProtocol(4096))

    assert least == resuming == Hello("", "", Capabilities())


def test_long_and_dirty_client_names_are_cut_and_cleaned() -> None:
    client = {"name": "\x1b[31m" + "x" * 200, "ver": "1\n2\0"}

    hello = say({"t": "hello", "v": 1, "client": client}, ServerProtocol(4096))

    assert isinstance(hello, Hello)
    assert hello.client_name == ("[31m" + "x" * 200)[:MAX_NAME]
    assert hello.client_version == "1 2"


@pytest.mark.parametrize(
    ("message", "event"),
    [
        ({"t": "line", "text": "connect ann"}, Line("connect ann")),
        ({"t": "line", "text": ""}, Line("")),
        ({"t": "cmd", "n": 1, "text": "look"}, NumberedCommand(1, "look")),
        ({"t": "cmd", "n": MAX_NUMBER, "text": "n", "a": 4}, NumberedCommand(MAX_NUMBER, "n")),
        ({"t": "ack", "n": 0}, OutputsAcknowledged(0)),
        ({"t": "caps", "width": 80}, CapabilitiesChanged(Capabilities(width=80))),
        ({"t": "ping"}, Ping()),
        ({"t": "pong"}, Pong()),
    ],
)
def test_each_kind_of_message_becomes_its_event(message: dict[str, Any], event: protocol.Event) -> None:
    assert say(message) == event


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("say süß 好 🐉", "say süß 好 🐉"),
        ("one\r\ntwo\tthree\u2028four", "one two three four"),
        ("\x1b[2Jsay \x07hi\x9b5m\x7f", "[2Jsay hi5m"),
        ("a\ud800b\udc00", "ab"),
        ("keep\u202eright to left", "keep\u202eright to left"),
    ],
)
def test_a_line_is_one_line_that_any_encoding_and_terminal_can_take(typed: str, line: str) -> None:
    event = say({"t": "line", "text": typed})

    assert event == Line(line)
    line.encode()


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "look",
        "[]",
        "null",
        '"line"',
        "{}",
        '{"t":1}',
        '{"t":"shutdown"}',
        '{"t":"out","n":1}',
        '{"t":"line"}',
        '{"t":"line","text":5}',
        '{"t":"line","text":null}',
        '{"t":"cmd","text":"look"}',
        '{"t":"cmd","n":true,"text":"look"}',
        '{"t":"cmd","n":1.0,"text":"look"}',
        '{"t":"cmd","n":"1","text":"look"}',
        '{"t":"cmd","n":0,"text":"look"}',
        '{"t":"cmd","n":-1,"text":"look"}',
        f'{{"t":"cmd","n":{MAX_NUMBER + 1},"text":"look"}}',
        f'{{"t":"ack","n":{"9" * 5000}}}',
        '{"t":"ack","n":NaN}',
        '{"t":"caps","width":-1}',
        '{"t":"caps","height":10001}',
        '{"t":"caps","sr":1}',
        "[" * MAX_FRAME,
        '{"a":' * 10_000,
        HELLO,
    ],
)
def test_a_malformed_frame_is_a_protocol_violation(frame: str) -> None:
    with pytest.raises(ProtocolViolation) as caught:
        greeted().receive_frame(frame)

    assert caught.value.close is Close.PROTOCOL
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(
    "first",
    [
        {"t": "line", "text": "connect ann secret"},
        {"t": "hello"},
        {"t": "hello", "v": 2},
        {"t": "hello", "v": "1"},
        {"t": "hello", "v": 1, "client": "x"},
        {"t": "hello", "v": 1, "client": {"name": 1}},
        {"t": "hello", "v": 1, "caps": []},
    ],
)
def test_the_first_message_must_be_a_hello_of_this_version(first: dict[str, Any]) -> None:
    with pytest.raises(ProtocolViolation):
        say(first, ServerProtocol(4096))


def test_a_line_may_be_as_long_as_the_limit_and_no_longer() -> None:
    assert say({"t": "line", "text": "ü" * 2048}) == Line("ü" * 2048)

    with pytest.raises(ProtocolViolation) as caught:
        say({"t": "cmd", "n": 1, "text": "ü" * 2048 + "x"})

    assert caught.value.close is Close.TOO_LARGE
    assert "4096" in str(caught.value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
fields = st.fixed_dictionaries(
    {},
    optional={
        "t": st.sampled_from(["hello", "line", "cmd", "ack", "caps", "ping", "pong", "out"]) | json_values,
        **dict.fromkeys(["v", "n", "text", "client", "caps", "width", "height", "sr"], json_values),
    },
)


@given(st.booleans(), st.text() | fields.map(json.dumps) | json_values.map(json.dumps))
def test_whatever_a_client_sends_gives_an_event_or_a_violation(first: bool, frame: str) -> None:
    server = ServerProtocol(100) if first else greeted()

    try:
        event = server.receive_frame(frame)
    except ProtocolViolation:
        return

    if isinstance(event, Line | NumberedCommand):
        assert len(event.text.encode()) <= 4096
        assert event.text.splitlines() in ([], [event.text])


# --------------------------------------------------------------------------------------------- out

OUTPUTS: list[tuple[GameOutput, dict[str, Any]]] = [
    (Text("You feel a breeze."), {"k": "text", "d": {"text": "You feel a breeze."}}),
    (Text("[ooc] Ann: hi", "ooc"), {"k": "text", "d": {"text": "[ooc] Ann: hi", "channel": "ooc"}}),
    (
        FormattedText((Span("A "), Span("sword", "item"))),
        {"k": "formatted", "d": {"spans": [["A "], ["sword", "item"]]}},
    ),
    (FormattedText((Span("/\\"),), decor=True), {"k": "formatted", "d": {"spans": [["/\\"]], "decor": True}}),
    (
        Structured("who", {"players": ["Ann"]}, "Ann is here."),
        {"k": "structured", "d": {"topic": "who", "data": {"players": ["Ann"]}, "text": "Ann is here."}},
    ),
    (
        RoomDescription("Green", "Grass.", ("north",), ("Ann",), ("a sword",)),
        {
            "k": "room",
            "d": {
                "name": "Green",
                "description": "Grass.",
                "exits": ["north"],
                "entities": ["Ann"],
                "items": ["a sword"],
            },
        },
    ),
    (
        Combat("You", "the dummy", "strike", 5, critical=True),
        {
            "k": "combat",
            "d": {
                "attacker": "You",
                "defender": "the dummy",
                "action": "strike",
                "damage": 5,
                "critical": True,
            },
        },
    ),
    (System("Saved."), {"k": "system", "d": {"text": "Saved."}}),
]


@pytest.mark.parametrize(("output", "message"), OUTPUTS)
def test_an_output_is_its_shared_body_with_a_number_before_it(
    output: GameOutput, message: dict[str, Any]
) -> None:
    body = protocol.encode_output_body(output)

    assert heard(protocol.number_output(body, 7)) == {"t": "out", "n": 7, **message}
    assert heard(protocol.number_output(body, 70_000)) == {"t": "out", "n": 70_000, **message}


def test_every_variant_of_an_output_has_a_form() -> None:
    assert {type(output) for output, _ in OUTPUTS} == set(GAME_OUTPUTS)


def test_text_of_any_kind_is_one_line_of_valid_utf_8() -> None:
    text = "two\nlines, a separator \u2028, markup <script>, a dragon 🐉, half a pair \ud83d"

    message = heard(protocol.number_output(protocol.encode_output_body(Text(text)), 1))

    assert message["d"]["text"] == text.replace("\ud83d", "?")


def test_the_other_messages() -> None:
    stats = EntityStateUpdate(StateUpdateType.STATS, {"hp": 5, "maxhp": 20})
    moon = EntityStateUpdate(StateUpdateType.CUSTOM, {"phase": "full"}, "moon")

    assert heard(protocol.encode_welcome(4096)) == {
        "t": "welcome",
        "v": 1,
        "resumed": False,
        "hb": 25,
        "limits": {"text": 4096, "window": 64},
    }
    assert heard(protocol.encode_attached(b"\x01\xfe", 1)) == {"t": "attached", "epoch": "01fe", "next": 1}
    assert heard(protocol.encode_ack(12)) == {"t": "ack", "n": 12}
    assert heard(protocol.encode_notice("The world is back.")) == {"t": "notice", "d": "The world is back."}
    assert heard(protocol.encode_echo(on=False)) == {"t": "echo", "on": False}
    assert heard(protocol.encode_prompt("20/20 hp> ")) == {"t": "prompt", "d": "20/20 hp> "}
    assert heard(protocol.encode_state(stats)) == {"t": "state", "k": "stats", "d": {"hp": 5, "maxhp": 20}}
    assert heard(protocol.encode_state(moon)) == {
        "t": "state",
        "k": "custom",
        "d": {"phase": "full"},
        "name": "moon",
    }
    assert heard(protocol.PING) == {"t": "ping"}
    assert heard(protocol.PONG) == {"t": "pong"}
    assert heard(protocol.DETACHED) == {"t": "detached"}


@pytest.mark.parametrize("close", list(Close))
def test_bye_says_whether_to_come_back(close: Close) -> None:
    message = heard(protocol.encode_bye(close, "Goodbye."))

    assert message == {
        "t": "bye",
        "code": close.terms.code,
        "reconnect": close.terms.reconnect,
        "text": "Goodbye.",
    }


def test_joined_messages_make_a_frame_of_one_message_a_line() -> None:
    joined = protocol.encode_notice("One.") + protocol.encode_ack(1)

    assert protocol.to_frame(joined) == '{"t":"notice","d":"One."}\n{"t":"ack","n":1}'

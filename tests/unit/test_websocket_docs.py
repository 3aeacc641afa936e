"""docs/client-authors.md says what the code does: its examples are read and written by the code, its table of close codes is the code's."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wyld_gateway.close import Close
from wyld_gateway.websocket import protocol
from wyld_gateway.websocket.adapter import HELLO_DEADLINE
from wyld_gateway.websocket.transport import MAX_WAITING
from wyld_rpc.messages import (
    PROMPT,
    STYLES,
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

DOCUMENT = (Path(__file__).parents[2] / "docs" / "client-authors.md").read_text("utf-8")


def examples(side: str) -> list[str]:
    blocks = re.findall(rf"```json {side}\n(.*?)```", DOCUMENT, re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


OUTPUT_KINDS: dict[str, Callable[[Any], GameOutput]] = {
    "text": lambda d: Text(d["text"], d.get("channel"), d.get("talker")),
    "formatted": lambda d: FormattedText(tuple(Span(*span) for span in d["spans"]), d.get("decor", False)),
    "structured": lambda d: Structured(**d),
    "room": lambda d: RoomDescription(**d),
    "combat": lambda d: Combat(**d),
    "system": lambda d: System(**d),
}


def encode(message: dict[str, Any]) -> bytes:
    """The message as the code writes it, from the facts that the example holds."""
    match message:
        case {"t": "welcome", "limits": {"text": text}}:
            return protocol.encode_welcome(text)
        case {"t": "attached", "epoch": epoch, "next": next_number}:
            return protocol.encode_attached(bytes.fromhex(epoch), next_number)
        case {"t": "detached"}:
            return protocol.DETACHED
        case {"t": "ack", "n": number}:
            return protocol.encode_ack(number)
        case {"t": "notice", "d": text}:
            return protocol.encode_notice(text)
        case {"t": "prompt", "d": text}:
            return protocol.encode_prompt(text)
        case {"t": "echo", "on": on}:
            return protocol.encode_echo(on)
        case {"t": "ping"}:
            return protocol.PING
        case {"t": "pong"}:
            return protocol.PONG
        case {"t": "bye", "code": code, "text": text}:
            (close,) = (close for close in Close if close.terms.code == code)
            return protocol.encode_bye(close, text)
        case {"t": "state", "k": kind, "d": data}:
            return protocol.encode_state(
                EntityStateUpdate(StateUpdateType(kind), data, message.get("name", ""))
            )
        case {"t": "out", "n": number, "k": kind, "d": data}:
            return protocol.number_output(protocol.encode_output_body(OUTPUT_KINDS[kind](data)), number)
    raise AssertionError(f"no example should look like {message}")


@pytest.mark.parametrize("line", examples("server"))
def test_the_server_writes_the_examples(line: str) -> None:
    assert encode(json.loads(line)).decode() == line + "\n"


@pytest.mark.parametrize("line", [line for line in examples("client") if '"hello"' not in line])
def test_the_server_reads_the_examples(line: str) -> None:
    server = protocol.ServerProtocol(4096)
    server.receive_frame(next(example for example in examples("client") if '"hello"' in example))

    assert server.receive_frame(line)


def test_every_kind_of_message_has_an_example() -> None:
    from_client = {json.loads(line)["t"] for line in examples("client")}
    from_server = [json.loads(line) for line in examples("server")]

    assert from_client == {"hello", "line", "cmd", "ack", "caps", "ping", "pong"}
    assert {message["k"] for message in from_server if message["t"] == "out"} == set(OUTPUT_KINDS)
    states = {message["k"] for message in from_server if message["t"] == "state"}
    assert states == {kind.value for kind in StateUpdateType}
    assert PROMPT in {message["t"] for message in from_server}


def test_the_table_of_close_codes_is_that_of_the_code() -> None:
    terms = defaultdict(list)
    for close in Close:
        terms[close.terms].append(close.value)
    answer = {True: "yes", False: "no"}
    rows = {
        f"| {t.code} | {', '.join(sorted(words))} | {answer[t.reconnect]} | {answer[t.resumable]} |"
        for t, words in terms.items()
    }

    assert set(re.findall(r"^\| \d{4} \|.*\|$", DOCUMENT, re.MULTILINE)) == rows


def test_the_limits_are_those_of_the_code() -> None:
    assert f"| {protocol.MAX_FRAME:,} characters |" in DOCUMENT
    assert f"| {protocol.WINDOW} (`limits.window`)" in DOCUMENT
    assert f"| {MAX_WAITING}; with more" in DOCUMENT
    assert f"| {HELLO_DEADLINE:.0f} seconds |" in DOCUMENT
    assert f"Styles are `{' '.join(style for style in STYLES if style)}`" in DOCUMENT

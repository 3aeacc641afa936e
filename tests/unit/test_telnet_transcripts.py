"""Plays tests/transcripts/*.wire; the format is described in its README."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import attrs
import pytest

from wyld_gateway.telnet import Command, OptionCode, TelnetConnection, encode_text, events
from wyld_gateway.telnet.encode import subnegotiation
from wyld_gateway.telnet.options.mssp import encode_status

FOLDER = Path(__file__).parent.parent / "transcripts"
FILES = sorted(FOLDER.glob("*.wire"))
TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|([\[\]])|([^\s"\[\]]+)')
ESCAPES = {"r": "\r", "n": "\n", "0": "\0", "e": "\x1b"}


@attrs.define
class Step:
    """What goes in, and what must come out of it."""

    line: int
    incoming: bytes = b""
    action: str = ""
    expected: list[str] = attrs.field(factory=list)
    answers: bytes = b""


def tokens(text):
    position = 0
    while rest := text[position:].lstrip():
        position = len(text) - len(rest)
        match = TOKEN.match(text, position)
        assert match, f"cannot read {rest!r}"
        position = match.end()
        quoted, bracket, word = match.groups()
        yield ("text", unescaped(quoted)) if quoted is not None else ("word", bracket or word)


def unescaped(quoted):
    def value(match):
        code = match[1]
        return chr(int(code[1:], 16) + 0xDC00) if code[0] == "x" else ESCAPES.get(code, code)

    return re.sub(r"\\(x[0-9a-fA-F]{2}|.)", value, quoted)


def to_bytes(text):
    data = b""
    for kind, value in tokens(text):
        if kind == "text":
            # Bytes given as \xHH travel as lone surrogates, which is what surrogateescape makes bytes of; below 80 they are characters.
            data += "".join(chr(ord(c) - 0xDC00) if "\udc00" <= c < "\udc80" else c for c in value).encode(
                "utf-8", "surrogateescape"
            )
        elif value.isdigit():
            data += bytes([int(value)])
        else:
            name = value.replace("-", "_")
            data += bytes([Command[name] if name in Command.__members__ else OptionCode[name]])
    return data


def to_event(text):
    (_, name), *values = tokens(text)
    fields = [field(value) for value in grouped(values)]
    if name == "EnvironmentChanged":
        (pairs,) = fields
        return events.EnvironmentChanged(dict(zip(pairs[::2], pairs[1::2], strict=True)))
    if name == "GmcpMessage":
        return events.GmcpMessage(fields[0], json.loads(fields[1]))
    if name == "MsdpMessage":
        return events.MsdpMessage(tuple(json.loads(fields[0]).items()))
    return getattr(events, name)(*fields)


def grouped(values):
    values = iter(values)
    for value in values:
        if value == ("word", "["):
            yield tuple(item for item in iter(lambda: next(values), ("word", "]")))
        else:
            yield value


def field(value):
    if not isinstance(value[0], str):
        return tuple(field(item) for item in value)
    kind, word = value
    if kind == "text":
        return word
    if word in ("True", "False", "None"):
        return {"True": True, "False": False, "None": None}[word]
    if word.isdigit():
        return int(word)
    for enum in (events.Side, events.RejectReason, events.ForeignProtocol):
        if word in enum.__members__:
            return enum[word]
    return OptionCode[word.replace("-", "_")]


def read(path):
    steps = []
    before = ""
    for number, raw in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        word, _, rest = line.partition(":")
        if word == "Do" or (word == "C" and before != "C"):
            steps.append(Step(number))
        step = steps[-1]
        match word:
            case "C":
                step.incoming += to_bytes(rest)
            case "Do":
                step.action = rest.strip()
            case "E":
                step.expected.append(rest.strip())
            case "S":
                step.answers += to_bytes(rest)
            case _:
                pytest.fail(f"{path.name}, line {number}: begins with none of C: E: S: Do:")
        before = word
    return steps


def act(connection, action):
    verb, _, rest = action.partition(" ")
    match verb:
        case "start":
            connection.start()
        case "echo":
            return connection.set_echo(rest == "on")
        case "prompt":
            return encode_text(next(tokens(rest))[1]) + connection.prompt_mark
        case "status":
            return subnegotiation(
                OptionCode.MSSP, encode_status(paired([value for _, value in tokens(rest)]))
            )
        case "text":
            return encode_text(next(tokens(rest))[1])
        case _:
            pytest.fail(f"nothing is called {action!r}")
    return b""


def paired(values):
    status = {}
    for name, value in zip(values[::2], values[1::2], strict=True):
        status.setdefault(name, []).append(value)
    return status


def cut(data, way):
    match way:
        case "whole":
            return [data]
        case "byte by byte":
            return [data[at : at + 1] for at in range(len(data))]
        case seed:
            dice = random.Random(seed)
            at = sorted(dice.sample(range(len(data) + 1), min(3, len(data))))
            return [data[start:end] for start, end in zip([0, *at], [*at, len(data)], strict=True)]


@pytest.mark.parametrize("way", ["whole", "byte by byte", 1, 2])
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_transcript_is_understood_and_answered(path, way):
    connection = TelnetConnection()

    for step in read(path):
        heard, sent = [], b""
        if step.action:
            sent += act(connection, step.action)
        for piece in cut(step.incoming, way):
            heard += connection.receive_data(piece)
        sent = connection.data_to_send() + sent

        where = f"{path.name}, step at line {step.line}"
        assert heard == [to_event(text) for text in step.expected], where
        assert sent == step.answers, where


def test_there_are_transcripts_of_the_common_clients():
    names = " ".join(path.stem for path in FILES)

    for client in ("tintin", "mudlet", "mushclient", "inetutils-telnet", "crawler"):
        assert client in names


def test_the_readme_s_notation_is_what_is_read():
    assert to_bytes(r'IAC SB WINDOW-SIZE 0 120 "a\r\n\0\e\"\\\xff\x41é" IAC SE') == (
        b'\xff\xfa\x1f\x00\x78a\r\n\0\x1b"\\\xffA\xc3\xa9\xff\xf0'
    )
    assert to_event('TerminalType ["A" "B"] None True') == events.TerminalType(("A", "B"), None, True)

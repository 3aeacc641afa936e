"""MSDP on the wire, in both directions."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telnet_feeding import DO, feed_all_ways, started, subnegotiation

from wyld_gateway.telnet import Line, RejectReason, RemoteProtocolError, SubnegotiationRejected
from wyld_gateway.telnet.events import MsdpMessage
from wyld_gateway.telnet.options.msdp import MAX_DEPTH, decode_pairs, encode_pairs

MSDP = 69
MALFORMED = SubnegotiationRejected(MSDP, RejectReason.MALFORMED)

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0\1\2\3\4\5\6"))
VALUE = st.recursive(
    TEXT, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=8
)


def agreed():
    connection = started()
    connection.receive_data(DO + bytes([MSDP]))
    connection.data_to_send()
    return connection


def heard(body):
    return feed_all_ways(agreed, subnegotiation(MSDP, body) + b"look\r\n").events


@pytest.mark.parametrize(
    ("body", "pairs"),
    [
        (b"", []),
        (b"\1LIST\2COMMANDS", [("LIST", "COMMANDS")]),
        (b"\1REPORT\2A\2B", [("REPORT", ["A", "B"])]),
        (b"\1REPORT\2\5\2A\2B\6", [("REPORT", ["A", "B"])]),
        (b"\1A\2\1A\2x", [("A", ""), ("A", "x")]),
        (b"\1A\2\5\6\1B\2\3\4", [("A", []), ("B", {})]),
        (
            b"\1ROOM\2\3\1VNUM\0027\1EXITS\2\3\1n\0028\1s\0029\4\1WHO\2\5\2\5\2x\6\2\3\1k\2v\4\6\4",
            [("ROOM", {"VNUM": "7", "EXITS": {"n": "8", "s": "9"}, "WHO": [["x"], {"k": "v"}]})],
        ),
        (b"\1\xff\2\xc3\xa9", [("�", "é")]),
    ],
)
def test_message_is_read_with_everything_that_is_nested_in_it(body, pairs):
    assert heard(body) == [MsdpMessage(tuple(pairs)), Line("look")]


@pytest.mark.parametrize(
    "body",
    [b"x", b"\2x", b"\1A", b"\1A\1B\2x", b"\1A\2\3", b"\1A\2\3\1B\2x", b"\1A\2\5\2x", b"\1A\2\6", b"\1A\2\3\2x\4",
     b"\1A\2\5x\6", b"\1A\2x\4", b"\1A" + b"\2\5" * 8000, b"\1A" + b"\2\3\1A" * 4000],
)  # fmt: skip
def test_what_is_no_message_is_counted_and_has_no_effect(body):
    assert heard(body) == [MALFORMED, Line("look")]


def test_nesting_up_to_the_limit_is_read():
    def nested(depth):
        return b"\1A" + b"\2\5" * depth + b"\6" * depth

    assert decode_pairs(nested(MAX_DEPTH))
    with pytest.raises(RemoteProtocolError):
        decode_pairs(nested(MAX_DEPTH + 1))


@pytest.mark.parametrize("at", range(12))
def test_no_byte_in_any_place_raises_or_disturbs_the_text(at):
    body = b"\1A\2\3\1B\2\5\2x\6\4"
    for byte in range(256):
        events = agreed().receive_data(
            subnegotiation(MSDP, body[:at] + bytes([byte]) + body[at + 1 :]) + b"look\r\n"
        )

        assert len(events) == 2
        assert events[-1] == Line("look")


@given(st.lists(st.tuples(TEXT, VALUE), max_size=4))
def test_values_survive_the_way_out_and_in(pairs):
    assert decode_pairs(encode_pairs(pairs)) == pairs


@given(st.binary(max_size=60))
def test_decoder_raises_the_remote_family_only(body):
    with contextlib.suppress(RemoteProtocolError):
        decode_pairs(body)


def test_what_msdp_cannot_write_is_left_out_of_texts():
    assert encode_pairs([("A\1", "x\0\6y\ud800")]) == b"\1A\2xy?"

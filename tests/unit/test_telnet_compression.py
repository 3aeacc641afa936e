"""MCCP2 and MCCP3: streams that begin and end in the middle of everything else, and streams that are none."""

from __future__ import annotations

import contextlib
import random
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telnet_feeding import DO, DONT, IAC, SB, SE, WILL, WONT, Reader, feed, feed_all_ways, subnegotiation

from wyld_gateway.telnet import (
    CompressedInputBegins,
    CompressedInputBroken,
    Limits,
    Line,
    NotTelnet,
    OptionChanged,
    RejectReason,
    Side,
    SubnegotiationRejected,
    TelnetConnection,
)
from wyld_gateway.telnet.compression import ALLOWANCE, PIECE, Compressor, Inflater
from wyld_gateway.telnet.errors import RemoteProtocolError

NAWS, EOR = b"\x1f", b"\x19"
OUT, IN = b"\x56", b"\x57"
BEGIN_OUT, BEGIN_IN = IAC + SB + OUT + IAC + SE, IAC + SB + IN + IAC + SE
ON = OptionChanged(86, Side.LOCAL, True)
OFF = OptionChanged(86, Side.LOCAL, False)


def started(limits=None):
    connection = TelnetConnection(limits)
    connection.start()
    connection.data_to_send()
    return connection


def accepting():
    """A connection whose client has agreed to compress what it sends."""
    connection = started()
    connection.receive_data(DO + IN)
    connection.data_to_send()
    return connection


# What we send.


def test_compression_is_offered_last():
    connection = TelnetConnection()
    connection.start()

    assert connection.data_to_send().endswith(WILL + OUT)


def test_stream_begins_with_the_byte_behind_its_start():
    connection = started()

    assert connection.receive_data(DO + OUT + DO + EOR) == [ON, OptionChanged(25, Side.LOCAL, True)]
    data = connection.data_to_send(b"Welcome.\r\n")

    assert data.startswith(BEGIN_OUT + b"\x48")  # deflate with a window of 4 KiB
    assert Reader().read(data).plain == BEGIN_OUT + b"Welcome.\r\n"


def test_what_was_owed_before_the_start_is_plain_and_what_comes_behind_is_not():
    connection = started()
    connection.receive_data(WILL + b"\x77" + DO + OUT + WILL + b"\x78")

    data = connection.data_to_send()

    before, stream = data.split(BEGIN_OUT)
    assert before == DONT + b"\x77"
    assert zlib.decompressobj().decompress(stream) == DONT + b"\x78"


def test_each_batch_can_be_read_at_once():
    connection = started()
    connection.receive_data(DO + OUT)
    reader = Reader().read(connection.data_to_send())

    for text in (b"one\r\n", b"", b"\xff\xff", b"two\r\n" * 500):
        before = reader.plain
        assert reader.read(connection.data_to_send(text)).plain == before + text


def test_nothing_to_send_is_nothing_on_the_wire():
    connection = started()
    connection.receive_data(DO + OUT)
    connection.data_to_send()

    assert connection.data_to_send() == b""
    assert not connection.owes


def test_client_that_switches_it_off_gets_the_end_of_the_stream_and_then_plain_bytes():
    connection = started()
    connection.receive_data(DO + OUT)
    reader = Reader().read(connection.data_to_send(b"one "))

    assert connection.receive_data(DONT + OUT) == [OFF]
    reader.read(connection.data_to_send(b"two "))

    assert not reader.compressed
    assert reader.plain == BEGIN_OUT + b"one " + WONT + OUT + b"two "


def test_client_that_refuses_sees_no_trace_of_it():
    connection = started()

    assert connection.receive_data(DONT + OUT) == [OFF]

    assert connection.data_to_send(b"plain") == b"plain"


def test_end_before_the_connection_closes_is_that_of_a_whole_stream():
    connection = started()
    connection.receive_data(DO + OUT)
    reader = Reader().read(connection.data_to_send(b"Goodbye.\r\n"))

    connection.end_compression()
    reader.read(connection.data_to_send())

    assert not reader.compressed
    assert reader.read(connection.data_to_send(b"plain")).plain == BEGIN_OUT + b"Goodbye.\r\nplain"


def test_end_of_what_was_never_compressed_is_nothing():
    connection = started()

    connection.end_compression()

    assert connection.data_to_send() == b""


def test_a_thousand_toggles_lose_nothing():
    connection = started(Limits(answers_per_option=10_000))
    dice = random.Random(86)
    reader, texts = Reader(), []

    for number in range(1000):
        connection.receive_data(dice.choice([DO, DONT]) + OUT)
        texts.append(b"<%d>" % number)
        reader.read(connection.data_to_send(texts[-1]))

    assert reader.begun > 200
    for telnet in (WILL + OUT, WONT + OUT, BEGIN_OUT):
        reader.plain = reader.plain.replace(telnet, b"")
    assert reader.plain == b"".join(texts)


@given(st.lists(st.sampled_from([DO + OUT, DONT + OUT, b"", b"x"]), max_size=30))
def test_whatever_the_client_switches_it_can_read_everything(switches):
    connection = started()
    reader = Reader()

    for number, switch in enumerate(switches):
        connection.receive_data(switch)
        reader.read(connection.data_to_send(b"<%d>" % number))

    assert all(b"<%d>" % number in reader.plain for number in range(len(switches)))


# What the client sends.


def test_input_compression_is_offered_when_everything_else_is_settled():
    connection = started()
    asked = connection._negotiation.waiting

    answers = b"".join(
        (WONT if side is Side.REMOTE else DONT) + bytes([code]) for code, side in sorted(asked, key=str)
    )
    connection.receive_data(answers + DO + EOR)
    assert connection.data_to_send() == WILL + EOR + WILL + IN


def test_input_compression_is_not_offered_to_who_refuses_everything():
    connection = started()

    for code, side in list(connection._negotiation.waiting):
        connection.receive_data((WONT if side is Side.REMOTE else DONT) + bytes([code]))

    assert connection.data_to_send() == b""


def test_input_compression_is_offered_once():
    connection = started()
    for code, side in list(connection._negotiation.waiting):
        connection.receive_data((WONT if side is Side.REMOTE else DONT) + bytes([code]))
    connection.receive_data(DO + EOR)
    connection.data_to_send()

    connection.receive_data(DONT + IN)
    connection.receive_data(DONT + EOR + DO + EOR)

    assert IN not in connection.data_to_send()


def test_compressed_lines_are_read_however_they_are_cut():
    stream = zlib.compress(b"look\r\nsay caf\xc3\xa9\r\n" + subnegotiation(31, b"\x00\x50\x00\x18"))

    heard = feed_all_ways(accepting, b"north\r\n" + BEGIN_IN + stream + b"plain\r\n")

    assert heard.events == [
        Line("north"),
        CompressedInputBegins(),
        Line("look"),
        Line("say café"),
        SubnegotiationRejected(31, RejectReason.NOT_AGREED),
        Line("plain"),
    ]


def test_stream_may_begin_again():
    data = b"".join(BEGIN_IN + zlib.compress(line) for line in (b"one\n", b"two\n"))

    heard = feed_all_ways(accepting, data)

    assert [event.text for event in heard.events if isinstance(event, Line)] == ["one", "two"]


def test_stream_within_a_stream_is_data_of_the_first():
    heard = feed_all_ways(accepting, BEGIN_IN + zlib.compress(b"one\n" + BEGIN_IN + b"two\n") + b"three\n")

    assert [event.text for event in heard.events if isinstance(event, Line)] == ["one", "two", "three"]


def test_start_before_it_was_agreed_on_begins_nothing():
    heard = feed_all_ways(started, BEGIN_IN + b"look\r\n")

    assert heard.events == [SubnegotiationRejected(87, RejectReason.NOT_AGREED), Line("look")]


def test_start_with_a_body_begins_nothing():
    heard = feed_all_ways(accepting, subnegotiation(87, b"x") + b"look\r\n")

    assert heard.events == [SubnegotiationRejected(87, RejectReason.MALFORMED), Line("look")]


@pytest.mark.parametrize(
    "junk", [b"look\r\n", b"\x78\x9c\xff\xff\xff\xff", zlib.compress(b"x" * 99)[:-4] + b"\0" * 4]
)
def test_stream_that_is_none_ends_everything(junk):
    heard = feed_all_ways(accepting, BEGIN_IN + junk + b"look\r\n" * 3)

    assert heard.events[-1] == CompressedInputBroken()
    assert heard.connection.receive_data(b"look\r\n") == []


def test_http_in_a_stream_is_no_telnet_either():
    heard = feed_all_ways(accepting, BEGIN_IN + zlib.compress(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") + b"x\n")

    assert [type(event) for event in heard.events] == [CompressedInputBegins, NotTelnet]


@pytest.mark.parametrize("byte", [b"\n", b"x", b"\xff\xf6", b"\0"])
def test_bomb_costs_little_and_ends_the_connection(byte):
    connection = accepting()
    bomb = zlib.compress(byte * (64 * 1024 * 1024 // len(byte)), 9)
    connection.receive_data(BEGIN_IN)

    tracemalloc.start()
    events = [
        event for at in range(0, len(bomb), 4096) for event in connection.receive_data(bomb[at : at + 4096])
    ]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert events[-1] == CompressedInputBroken()
    assert len(connection.data_to_send()) < 1024 * 1024
    assert peak < 32 * 1024 * 1024


def test_pasted_walk_is_no_bomb():
    walk = b"n\n" * 5000
    assert len(zlib.compress(walk)) * 100 < len(walk)

    heard = feed(accepting(), [BEGIN_IN + zlib.compress(walk)])

    assert len(heard.events) == 5001


# The streams themselves.


@given(st.lists(st.binary(max_size=2000), max_size=10))
def test_round_trip_in_batches(batches):
    compressor, inflater = Compressor(), Inflater(ratio=1000)

    for batch in batches:
        assert b"".join(inflater.inflate(compressor.batch(batch))) == batch
    assert b"".join(inflater.inflate(compressor.end(b"the end") + b"rest")) == b"the end"
    assert inflater.ended
    assert inflater.rest == b"rest"


def test_pieces_are_bounded():
    pieces = list(Inflater(ratio=1000).inflate(zlib.compress(b"x" * 100_000)))

    assert max(map(len, pieces)) == PIECE
    assert sum(map(len, pieces)) == 100_000


def test_ratio_counts_beyond_the_allowance():
    assert sum(map(len, Inflater(ratio=1).inflate(zlib.compress(b"x" * ALLOWANCE)))) == ALLOWANCE
    with pytest.raises(RemoteProtocolError):
        list(Inflater(ratio=1).inflate(zlib.compress(b"x" * 2 * ALLOWANCE)))


@given(st.binary())
def test_any_bytes_raise_only_the_remote_error(data):
    with contextlib.suppress(RemoteProtocolError):
        list(Inflater(ratio=20).inflate(data))

"""The telnet options with more to say than on or off: CHARSET, NEW-ENVIRON, TIMING-MARK, STATUS, BINARY."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telnet_feeding import DO, DONT, IAC, WILL, WONT, feed, feed_all_ways, started, subnegotiation

from wyld_gateway.telnet import (
    CharacterSet,
    EnvironmentChanged,
    Limits,
    Line,
    LocalProtocolError,
    OptionChanged,
    RejectReason,
    RemoteProtocolError,
    Side,
    SubnegotiationRejected,
    TelnetConnection,
    TimingMark,
)
from wyld_gateway.telnet.charsets import PREFERRED, codec_of
from wyld_gateway.telnet.events import Event
from wyld_gateway.telnet.options.charset import decode_request, encode_request
from wyld_gateway.telnet.options.new_environ import (
    ASKED,
    decode_variables,
    encode_question,
    encode_variables,
)
from wyld_gateway.telnet.options.status import encode_status

BINARY, STATUS, TM, LINEMODE, ENVIRON, CHARSET = b"\x00", b"\x05", b"\x06", b"\x22", b"\x27", b"\x2a"
MALFORMED = {code: SubnegotiationRejected(code, RejectReason.MALFORMED) for code in (5, 39, 42)}


def charset(body):
    return subnegotiation(42, body)


def environ(body):
    return subnegotiation(39, body)


# CHARSET.


def test_charset_is_asked_when_the_client_agrees_and_used_from_its_answer_on():
    heard = feed_all_ways(started, b"gr\xfcn\r\n" + DO + CHARSET + charset(b"\x02cp437") + b"gr\x81n\r\n")

    assert heard.sent == charset(b"\x01;UTF-8;ISO-8859-1;US-ASCII")
    assert heard.events == [
        Line("grün"),
        OptionChanged(42, Side.LOCAL, True),
        CharacterSet("cp437"),
        Line("grün"),
    ]


def test_charset_that_the_client_refuses_changes_nothing():
    heard = feed_all_ways(started, DO + CHARSET + charset(b"\x03") + "grün\r\n".encode())

    assert heard.events[1:] == [Line("grün")]


def test_client_may_ask_for_a_charset_and_gets_the_first_that_we_speak():
    heard = feed_all_ways(started, DONT + CHARSET + WILL + CHARSET + charset(b"\x01 EBCDIC KOI8-R UTF-8"))

    assert heard.sent == DO + CHARSET + charset(b"\x02KOI8-R")
    assert heard.events[-1] == CharacterSet("koi8-r")


@pytest.mark.parametrize(
    "request_", [b"\x01 EBCDIC", b"\x01", b"\x01;", b"\x01[TTABLE]\x01;UTF-8", b"\x01;\xfcTF"]
)
def test_charset_that_we_do_not_speak_is_rejected(request_):
    heard = feed_all_ways(started, DONT + CHARSET + WILL + CHARSET + charset(request_))

    assert heard.sent == DO + CHARSET + charset(b"\x03")


def test_client_that_asks_while_our_question_is_open_is_refused():
    heard = feed_all_ways(
        started, DO + CHARSET + WILL + CHARSET + charset(b"\x01;CP437") + charset(b"\x02UTF-8")
    )

    assert heard.sent == charset(encode_request(PREFERRED)) + DO + CHARSET + charset(b"\x03")
    assert heard.events[-1] == CharacterSet("utf-8")


@pytest.mark.parametrize("body", [b"", b"\x01;UTF-8", b"\x02EBCDIC", b"\x02\xff", b"\x04x", b"\x09"])
def test_charset_message_that_fits_nowhere_has_no_effect(body):
    heard = feed_all_ways(started, DO + CHARSET + charset(body))

    assert heard.events[-1] == MALFORMED[42]


@pytest.mark.parametrize("body", [b"\x02UTF-8", b"\x03"])
def test_charset_answer_without_a_question_has_no_effect(body):
    heard = feed_all_ways(started, DONT + CHARSET + WILL + CHARSET + charset(body))

    assert heard.events[-1] == MALFORMED[42]


def test_connection_is_negotiating_while_a_charset_is_asked():
    connection = TelnetConnection()
    feed(connection, [DO + CHARSET])
    assert connection.negotiating

    feed(connection, [charset(b"\x03")])

    assert not connection.negotiating


@given(st.lists(st.sampled_from(["UTF-8", "X-1", "latin1"]), min_size=1))
def test_charset_request_survives_the_way_out_and_in(names):
    assert decode_request(encode_request(names)[1:]) == names


@pytest.mark.parametrize("name", PREFERRED)
def test_every_charset_that_we_ask_for_is_one_that_we_speak(name):
    assert codec_of(name.lower())


# NEW-ENVIRON.


def test_variables_are_asked_in_less_than_some_terminals_can_hold():
    heard = feed_all_ways(started, WILL + ENVIRON)

    assert heard.sent == environ(encode_question(ASKED))
    assert len(heard.sent) < 256


def test_variables_are_told_in_one_subnegotiation_or_in_several_and_again_on_change():
    data = (
        WILL
        + ENVIRON
        + environ(b"\x00\x00client_name\x01Mudlet\x03MTTS\x012381")
        + environ(b"\x00\x00CHARSET\x01UTF-8")
        + environ(b"\x02\x00MTTS\x012445")
    )

    heard = feed_all_ways(started, data)

    assert heard.events[1:] == [
        EnvironmentChanged({"CLIENT_NAME": "Mudlet", "MTTS": "2381"}),
        EnvironmentChanged({"CHARSET": "UTF-8"}),
        EnvironmentChanged({"MTTS": "2445"}),
    ]


def test_unknown_variables_are_dropped_and_long_values_cut():
    variables = {"USER": "ann", "IPADDRESS": "10.0.0.1", "CLIENT_NAME": "x" * 500}

    heard = feed_all_ways(
        started, WILL + ENVIRON + environ(encode_variables(variables)) + environ(b"\0\0USER\1x")
    )

    assert heard.events[1:] == [EnvironmentChanged({"CLIENT_NAME": "x" * Limits().variable})]


def test_variable_without_a_value_is_left_out():
    assert decode_variables(b"\x00\x00A\x00B\x01\x03C\x01c\x00D") == {"B": "", "C": "c"}


@pytest.mark.parametrize(
    "body", [b"", b"\x01", b"\x09", b"\x00\x01x", b"\x00A", b"\x00\x00A\x01b\x01c", b"\x00\x00A\x02"]
)
def test_malformed_variables_have_no_effect(body):
    heard = feed_all_ways(started, WILL + ENVIRON + environ(body))

    assert heard.events[-1] == MALFORMED[39]


def test_connection_is_negotiating_while_variables_are_due():
    connection = TelnetConnection()
    feed(connection, [WILL + ENVIRON])
    assert connection.negotiating

    feed(connection, [environ(b"\0")])

    assert not connection.negotiating


@given(
    st.dictionaries(
        st.text(st.characters(codec="ascii"), min_size=1).map(str.upper),
        st.text(st.characters(codec="utf-8")),
    ),
    st.booleans(),
)
def test_variables_survive_the_way_out_and_in(variables, info):
    assert decode_variables(encode_variables(variables, info=info)) == variables


# TIMING-MARK.


def test_timing_mark_of_the_client_is_answered_each_time():
    heard = feed_all_ways(started, (DO + TM) * 100)

    assert heard.sent == (WILL + TM) * 100
    assert heard.events == []


@pytest.mark.parametrize("answer", [WILL, WONT])
def test_timing_mark_of_ours_is_reached_with_either_answer(answer):
    connection = started()
    connection.ask_timing_mark()
    connection.ask_timing_mark()
    assert connection.data_to_send() == (DO + TM) * 2

    assert connection.receive_data(answer + TM) == [TimingMark()]
    assert connection.receive_data((answer + TM) * 2) == [TimingMark()]
    assert connection.data_to_send() == b""


def test_timing_mark_that_nobody_asked_for_says_nothing():
    heard = feed_all_ways(started, WILL + TM + WONT + TM + DONT + TM)

    assert (heard.events, heard.sent) == ([], b"")


def test_client_that_answers_both_marks_of_a_probe_can_be_relied_on():
    connection = started()

    connection.probe_timing_marks()
    connection.probe_timing_marks()

    assert connection.data_to_send() == DO + TM
    connection.receive_data(WONT + TM)
    assert not connection.timing_marks_reliable
    assert connection.data_to_send() == DO + TM
    connection.receive_data(WONT + TM)
    assert connection.timing_marks_reliable
    assert connection.data_to_send() == b""


def test_client_that_answers_only_the_first_mark_is_not_relied_on():
    connection = started()
    connection.probe_timing_marks()

    connection.receive_data(WILL + TM + WILL + b"\x77")

    assert not connection.timing_marks_reliable


def test_connection_without_timing_marks_cannot_ask_for_one():
    with pytest.raises(LocalProtocolError):
        TelnetConnection(options=()).ask_timing_mark()


# STATUS.


def test_status_lists_what_is_on():
    heard = feed_all_ways(started, DO + STATUS + WILL + b"\x1f" + DO + b"\x03" + subnegotiation(5, b"\x01"))

    listed = b"\0" + WILL[1:] + b"\x03" + WILL[1:] + STATUS + DO[1:] + b"\x1f"
    assert heard.sent == WILL + STATUS + WILL + b"\x03" + subnegotiation(5, listed)


@pytest.mark.parametrize("body", [b"", b"\0\xfb\x03", b"\x01\x01"])
def test_status_answers_nothing_but_send(body):
    heard = feed_all_ways(started, DO + STATUS + subnegotiation(5, body))

    assert heard.sent == WILL + STATUS
    assert heard.events[-1] == MALFORMED[5]


def test_status_doubles_an_option_that_looks_like_se():
    assert (
        encode_status([(240, Side.LOCAL), (1, Side.REMOTE)])
        == b"\0" + WILL[1:] + b"\xf0\xf0" + DO[1:] + b"\x01"
    )


# BINARY and LINEMODE.


def test_binary_is_agreed_in_both_directions():
    heard = feed_all_ways(started, DO + BINARY + WILL + BINARY + b"a\r\n")

    assert heard.sent == WILL + BINARY + DO + BINARY
    assert heard.events[-1] == Line("a")


def test_linemode_is_refused_once_for_each_time_it_is_offered():
    heard = feed_all_ways(started, WILL + LINEMODE + WONT + LINEMODE)

    assert heard.sent == DONT + LINEMODE


# All of them.


@given(st.sampled_from([5, 24, 31, 39, 42]), st.binary(max_size=40))
def test_no_body_of_a_subnegotiation_raises_anything_out_of_the_codec(option, body):
    agree = b"".join(word + bytes([option]) for word in (WILL, DO))

    events = feed(started(), [agree + subnegotiation(option, body) + IAC + b"\xf1"]).events

    assert all(isinstance(event, Event) for event in events)


def test_option_decoders_raise_the_remote_family_only():
    with pytest.raises(RemoteProtocolError):
        decode_variables(b"\x07")

"""The telnet codec as a whole: bytes in, events and answers out."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from telnet_feeding import (
    BURST,
    DO,
    DONT,
    IAC,
    REFUSAL,
    SB,
    SE,
    WILL,
    WONT,
    feed,
    feed_all_ways,
    started,
    subnegotiation,
)

from wyld_gateway.telnet import (
    OPTIONS,
    AreYouThere,
    Command,
    ForeignProtocol,
    Limits,
    Line,
    LineTooLong,
    LocalProtocolError,
    NotTelnet,
    OptionChanged,
    OptionCode,
    RejectReason,
    Side,
    SubnegotiationRejected,
    TelnetConnection,
    TerminalType,
    WindowSize,
    encode_text,
    option_name,
)
from wyld_gateway.telnet.charsets import PREFERRED
from wyld_gateway.telnet.options.charset import encode_request
from wyld_gateway.telnet.options.new_environ import ASKED, encode_question
from wyld_gateway.telnet.options.terminal_type import MAX_ANSWERS, MAX_NAME, Mtts, encode_answer
from wyld_gateway.telnet.options.window_size import encode_window_size

ECHO, SGA, EOR, NAWS, TTYPE = b"\x01", b"\x03", b"\x19", b"\x1f", b"\x18"
CHARSET, ENVIRON = b"\x2a", b"\x27"
#: Options that are neither refused nor free of an answer of their own.
SPOKEN = {option.code for option in OPTIONS}


def lines(*texts):
    return [Line(text) for text in texts]


# Lines.


@pytest.mark.parametrize("end", [b"\r\n", b"\n", b"\r\0", b"\n\r", b"\r"])
def test_every_known_line_end_ends_a_line(end):
    heard = feed_all_ways(TelnetConnection, b"look" + end + end + b"say hi" + end)

    assert heard.events == lines("look", "", "say hi")


def test_line_ends_of_all_kinds_may_follow_each_other():
    assert feed_all_ways(TelnetConnection, b"a\nb\r\nc\r\0d\n\re\r\n").events == lines(*"abcde")


def test_line_is_there_with_the_first_byte_of_its_end():
    heard = feed(TelnetConnection(), [b"look\r"])

    assert heard.events == lines("look")
    assert heard.connection.receive_data(b"\nnorth\r") == lines("north")


def test_line_end_is_one_even_with_a_command_in_its_middle():
    assert feed_all_ways(TelnetConnection, b"a\r" + IAC + bytes([Command.NOP]) + b"\nb\r\n").events == lines(
        "a", "b"
    )


def test_text_without_a_line_end_waits():
    assert feed_all_ways(TelnetConnection, b"look").events == []


def test_nul_keepalives_are_no_input():
    assert feed_all_ways(TelnetConnection, b"\0\0\0look\0\r\0\0\n").events == lines("look")


@pytest.mark.parametrize("erase", [b"\x08", b"\x7f", IAC + bytes([Command.EC])])
def test_erasing_takes_one_whole_character_back(erase):
    typed = "é".encode() + erase + b"nortj" + erase + b"h" + "ü…".encode() + erase + erase + b"\r\n"

    assert feed_all_ways(TelnetConnection, erase + typed).events == lines("north")


def test_erase_line_forgets_what_was_typed_on_this_line_only():
    data = b"one\r\ntwo" + IAC + bytes([Command.EL]) + b"three\r\n"

    assert feed_all_ways(TelnetConnection, data).events == lines("one", "three")


def test_line_at_the_limit_passes_and_one_more_byte_does_not():
    def make():
        return TelnetConnection(Limits(line=8))

    assert feed_all_ways(make, b"12345678\r\n").events == lines("12345678")
    assert feed_all_ways(make, b"123456789\r\nlook\r\n").events == [LineTooLong(), Line("look")]


def test_endless_line_is_reported_once_and_kept_nowhere():
    connection = TelnetConnection(Limits(line=100))

    heard = feed(connection, [b"x" * 4096] * 256)

    assert heard.events == [LineTooLong()]
    assert connection.receive_data(b"\r\nlook\r\n") == lines("look")


def test_erasures_cannot_grow_a_line_past_its_limit():
    heard = feed(TelnetConnection(Limits(line=100)), [(IAC + bytes([Command.EC])) * 1000])

    assert heard.events == [LineTooLong()]


# Encodings.


def test_utf_8_is_read_however_it_is_cut():
    assert feed_all_ways(TelnetConnection, "say grüß dich, 世界 👩‍🚀\r\n".encode()).events == lines(
        "say grüß dich, 世界 👩‍🚀"
    )


def test_line_that_is_not_utf_8_is_read_as_latin_1_and_the_next_one_is_not():
    data = "say grüße\r\n".encode("latin-1") + "say grüße\r\n".encode()

    assert feed_all_ways(TelnetConnection, data).events == lines("say grüße", "say grüße")


def test_doubled_iac_in_text_is_one_character():
    assert feed_all_ways(TelnetConnection, b"a" + IAC + IAC + b"b" + IAC * 4 + b"\r\n").events == lines(
        "aÿbÿÿ"
    )


def test_text_goes_out_with_crlf_and_doubled_iac():
    assert encode_text("one\ntwo\r\nthree\rfour") == b"one\r\ntwo\r\nthree\r\nfour"
    assert encode_text("grüß") == "grüß".encode()


def test_character_that_the_encoding_lacks_goes_out_as_a_question_mark():
    assert encode_text("ÿ 世", "latin-1") == b"\xff\xff ?"


# Commands.


def test_are_you_there_is_answered_visibly():
    heard = feed_all_ways(TelnetConnection, b"lo" + IAC + bytes([Command.AYT]) + b"ok\r\n")

    assert heard.events == [AreYouThere(), Line("look")]
    assert heard.sent == b"\r\n[Yes]\r\n"


@pytest.mark.parametrize("code", [c for c in range(255) if not 247 <= c <= 254 or c == Command.GA])
def test_other_and_undefined_commands_are_ignored(code):
    heard = feed_all_ways(TelnetConnection, b"lo" + IAC + bytes([code]) + b"ok\r\n")

    assert [e for e in heard.events if not isinstance(e, AreYouThere)] == lines("look")
    assert heard.sent == b"" or code == Command.AYT


# Negotiation.


def test_opening_burst_asks_for_what_is_implemented_and_for_nothing_else():
    connection = TelnetConnection()

    connection.start()

    assert connection.data_to_send() == BURST
    assert connection.data_to_send() == b""
    assert connection.negotiating


def test_opening_burst_twice_is_our_own_error():
    connection = started()

    with pytest.raises(LocalProtocolError):
        connection.start()


@pytest.mark.parametrize("option", [o for o in range(256) if o not in SPOKEN])
def test_unknown_options_are_refused_in_both_directions(option):
    code = bytes([option])

    heard = feed_all_ways(TelnetConnection, WILL + code + DO + code + WONT + code + DONT + code)

    assert heard.sent == DONT + code + WONT + code
    assert heard.events == []


def test_client_that_refuses_everything_leaves_nothing_open():
    heard = feed_all_ways(started, REFUSAL)

    assert heard.sent == b""
    assert not heard.connection.negotiating
    assert heard.connection.agreed() == []
    assert [e.on for e in heard.events] == [False] * (len(REFUSAL) // 3)


def test_late_refusal_of_an_agreed_option_is_legal_and_answered_once():
    heard = feed_all_ways(started, WILL + NAWS + WONT + NAWS + WONT + NAWS)

    assert heard.sent == DONT + NAWS
    assert heard.events == [
        OptionChanged(OptionCode.WINDOW_SIZE, Side.REMOTE, True),
        OptionChanged(OptionCode.WINDOW_SIZE, Side.REMOTE, False),
    ]


def test_client_may_ask_before_we_do():
    heard = feed_all_ways(TelnetConnection, WILL + NAWS + DO + SGA + WILL + SGA)

    assert heard.sent == DO + NAWS + WILL + SGA + DO + SGA
    assert heard.connection.agreed() == [(3, Side.LOCAL), (3, Side.REMOTE), (31, Side.REMOTE)]


def test_password_is_hidden_by_will_echo_and_shown_again_by_wont_echo():
    connection = started()

    assert connection.set_echo(False) == WILL + ECHO
    assert connection.receive_data(DO + ECHO) == [OptionChanged(OptionCode.ECHO, Side.LOCAL, True)]
    assert connection.set_echo(True) == WONT + ECHO
    assert connection.receive_data(DONT + ECHO) == [OptionChanged(OptionCode.ECHO, Side.LOCAL, False)]

    assert connection.data_to_send() == b""


def test_password_typed_before_the_client_answered_changes_nothing():
    connection = started()
    assert connection.set_echo(False) == WILL + ECHO
    assert connection.set_echo(True) == b""

    connection.receive_data(DO + ECHO)

    assert connection.data_to_send() == WONT + ECHO


def test_client_that_refuses_to_hide_a_password_is_known():
    connection = started()
    connection.set_echo(False)

    events = connection.receive_data(DONT + ECHO)

    assert events == [OptionChanged(OptionCode.ECHO, Side.LOCAL, False)]


def test_we_never_echo_because_a_client_asks():
    heard = feed_all_ways(started, DO + ECHO + WILL + ECHO)

    assert heard.sent == WONT + ECHO + DONT + ECHO


@pytest.mark.parametrize(
    ("answers", "mark"),
    [
        (DO + EOR + DO + SGA, IAC + b"\xef"),
        (DO + EOR, IAC + b"\xef"),
        (DO + EOR + DONT + EOR + WILL + NAWS, IAC + b"\xf9"),
        (DONT + EOR + WILL + NAWS + DONT + SGA, IAC + b"\xf9"),
        (DONT + EOR + WILL + NAWS + DO + SGA, b""),
        (DONT + EOR + WONT + NAWS, b""),
        (b"", b""),
    ],
)
def test_prompt_ends_with_the_mark_that_the_client_understands(answers, mark):
    connection = feed(started(), [answers]).connection

    assert connection.prompt_mark == mark


# Window size.


@pytest.mark.parametrize(
    ("width", "height", "event"),
    [
        (80, 24, WindowSize(80, 24)),
        (255, 255, WindowSize(255, 255)),
        (0, 0, WindowSize(None, None)),
        (1, 1, WindowSize(20, 5)),
        (65535, 65535, WindowSize(500, 500)),
        (0xFF0A, 0x0DFF, WindowSize(500, 500)),
    ],
)
def test_window_size_is_read_and_clamped(width, height, event):
    body = encode_window_size(width, height)

    heard = feed_all_ways(started, WILL + NAWS + subnegotiation(31, body) + b"x\r\n")

    assert heard.events[1:] == [event, Line("x")]


@pytest.mark.parametrize("body", [b"", b"\0P\0", b"\0P\0\x18\0"])
def test_window_size_of_another_length_has_no_effect(body):
    heard = feed_all_ways(started, WILL + NAWS + subnegotiation(31, body))

    assert heard.events[1:] == [SubnegotiationRejected(31, RejectReason.MALFORMED)]


# Terminal type.

ASK = IAC + SB + TTYPE + b"\x01" + IAC + SE


def answer(name):
    return subnegotiation(24, encode_answer(name))


def test_terminal_type_is_asked_until_the_mtts_answer():
    heard = feed_all_ways(
        started, WILL + TTYPE + answer("Mudlet") + answer("ansi-truecolor") + answer("MTTS 2349")
    )

    assert heard.sent == ASK * 3
    assert heard.events[1:] == [
        TerminalType(("MUDLET",), None, complete=False),
        TerminalType(("MUDLET", "ANSI-TRUECOLOR"), None, complete=False),
        TerminalType(("MUDLET", "ANSI-TRUECOLOR"), 2349, complete=True),
    ]
    assert (
        Mtts(2349)
        == Mtts.ANSI | Mtts.UTF_8 | Mtts.COLOURS_256 | Mtts.OSC_COLOUR_PALETTE | Mtts.TRUECOLOR | Mtts.TLS
    )


def test_terminal_type_is_asked_until_an_answer_repeats():
    heard = feed_all_ways(started, WILL + TTYPE + answer("xterm") + answer("vt100") + answer("VT100"))

    assert heard.sent == ASK * 3
    assert heard.events[-1] == TerminalType(("XTERM", "VT100"), None, complete=True)


def test_terminal_type_is_not_asked_for_ever():
    names = [f"T{n}" for n in range(MAX_ANSWERS)]

    heard = feed_all_ways(started, WILL + TTYPE + b"".join(map(answer, names)))

    assert heard.sent == ASK * MAX_ANSWERS
    assert heard.events[-1] == TerminalType(tuple(names), None, complete=True)


def test_terminal_type_without_a_question_has_no_effect():
    heard = feed_all_ways(started, WILL + TTYPE + answer("A") + answer("A") + answer("B"))

    assert heard.events[-1] == SubnegotiationRejected(24, RejectReason.MALFORMED)
    assert heard.sent == ASK * 2


@pytest.mark.parametrize("body", [b"", b"\0", b"\x01XTERM", b"\0X\x1b[31m", b"\0" + b"X" * (MAX_NAME + 1)])
def test_malformed_terminal_type_ends_the_cycle(body):
    heard = feed_all_ways(started, WILL + TTYPE + subnegotiation(24, body))

    assert heard.events[1:] == [SubnegotiationRejected(24, RejectReason.MALFORMED)]
    assert heard.sent == ASK


def test_terminal_type_cycle_starts_again_when_the_client_switches_it_off_and_on():
    heard = feed_all_ways(
        started,
        WILL + TTYPE + answer("A") + answer("A") + WONT + TTYPE + WILL + TTYPE + answer("B") + answer("B"),
    )

    assert heard.events[-1] == TerminalType(("B",), None, complete=True)


def test_negotiating_lasts_until_the_terminal_type_cycle_is_over():
    connection = started()
    feed(connection, [REFUSAL.replace(WONT + TTYPE, WILL + TTYPE)])
    assert connection.negotiating

    feed(connection, [answer("tf"), answer("tf")])

    assert not connection.negotiating


def test_is_on_tells_what_was_agreed():
    connection = feed(started(), [DO + EOR]).connection

    assert connection.is_on(OptionCode.END_OF_RECORD, Side.LOCAL)
    assert not connection.is_on(OptionCode.END_OF_RECORD, Side.REMOTE)


def test_names_of_peer_s_terminal_halves_do_not_mix_with_ours():
    heard = feed_all_ways(started, DO + TTYPE + WILL + TTYPE)

    assert heard.sent == WONT + TTYPE + ASK


def test_options_have_names_for_people():
    assert option_name(OptionCode.END_OF_RECORD) == "END-OF-RECORD"
    assert option_name(77) == "OPTION-77"


# Subnegotiations in general.


def test_bare_se_inside_a_subnegotiation_is_data():
    heard = feed_all_ways(started, WILL + NAWS + IAC + SB + NAWS + b"\0\xf0\0\xf0" + IAC + SE)

    assert heard.events[1:] == [WindowSize(240, 240)]


def test_subnegotiation_of_an_option_that_is_off_has_no_effect():
    heard = feed_all_ways(
        started, subnegotiation(31, b"\0P\0\x18") + subnegotiation(201, b"Core.Ping") + b"x\r\n"
    )

    assert heard.events == [
        SubnegotiationRejected(31, RejectReason.NOT_AGREED),
        SubnegotiationRejected(201, RejectReason.NOT_AGREED),
        Line("x"),
    ]


@pytest.mark.parametrize("code", [0, 1, 3, 25])
def test_option_without_subnegotiations_rejects_them(code):
    connection = started()
    connection.set_echo(False)

    heard = feed(connection, [DO + bytes([code]) + subnegotiation(code, b"x")])

    assert heard.events[1:] == [SubnegotiationRejected(code, RejectReason.MALFORMED)]


def test_subnegotiation_without_an_end_is_bounded_and_reported_once():
    connection = TelnetConnection(Limits(subnegotiation=64))

    heard = feed(connection, [IAC + SB + NAWS, *[b"x" * 4096] * 64])

    assert heard.events == [SubnegotiationRejected(31, RejectReason.TOO_LONG)]
    assert connection.receive_data(IAC + SE + b"look\r\n") == lines("look")


def test_command_inside_a_subnegotiation_ends_it_and_counts():
    heard = feed_all_ways(started, WILL + NAWS + IAC + SB + NAWS + b"\0P" + DO + SGA + b"look\r\n")

    assert heard.events[1:] == [
        SubnegotiationRejected(31, RejectReason.INTERRUPTED),
        OptionChanged(3, Side.LOCAL, True),
        Line("look"),
    ]


def test_command_ends_a_subnegotiation_that_was_too_long_as_well():
    def make():
        return TelnetConnection(Limits(subnegotiation=16))

    heard = feed_all_ways(
        make, IAC + SB + NAWS + b"x" * 30 + IAC + IAC + b"x" + IAC + bytes([Command.NOP]) + b"look\r\n"
    )

    assert heard.events == [SubnegotiationRejected(31, RejectReason.TOO_LONG), Line("look")]


@pytest.mark.parametrize(
    ("option", "limit"),
    [(31, 512), (OptionCode.GMCP, 65536), (OptionCode.MSDP, 16384), (OptionCode.NEW_ENVIRON, 8192)],
)
def test_each_option_has_its_own_limit(option, limit):
    start = IAC + SB + bytes([option])

    fits = feed(TelnetConnection(), [start + b"x" * limit + IAC + SE])
    too_long = feed(TelnetConnection(), [start + b"x" * (limit + 1)])

    assert fits.events == [SubnegotiationRejected(option, RejectReason.NOT_AGREED)]
    assert too_long.events == [SubnegotiationRejected(option, RejectReason.TOO_LONG)]


def test_no_option_has_more_than_the_common_limit():
    connection = TelnetConnection(Limits(subnegotiation=1024))

    heard = feed(connection, [IAC + SB + bytes([OptionCode.GMCP]) + b"x" * 1025])

    assert heard.events == [SubnegotiationRejected(OptionCode.GMCP, RejectReason.TOO_LONG)]


# What is no telnet.


@pytest.mark.parametrize(
    "first", [b"GET / HTTP/1.1", b"POST /x?y HTTP/1.0", b"PRI * HTTP/2.0", b"OPTIONS * HTTP/1.1"]
)
def test_http_request_is_recognised_and_nothing_behind_it_is_read(first):
    heard = feed_all_ways(started, first + b"\r\nHost: example.org\r\n\r\nlook\r\n" + WILL + NAWS)

    assert heard.events == [NotTelnet(ForeignProtocol.HTTP)]
    assert heard.sent == b""


@pytest.mark.parametrize("first", [b"GET sword", b"get / http/1.1", b"say GET / HTTP/1.1", b""])
def test_what_only_resembles_an_http_request_is_a_line(first):
    assert feed_all_ways(started, first + b"\r\n").events == lines(first.decode())


def test_http_request_on_a_later_line_is_a_line():
    assert feed_all_ways(started, b"\r\nGET / HTTP/1.1\r\n").events == lines("", "GET / HTTP/1.1")


def test_http_request_behind_a_line_that_was_too_long_is_a_line():
    def make():
        return TelnetConnection(Limits(line=20))

    assert feed_all_ways(make, b"x" * 21 + b"\nGET / HTTP/1.1\n").events == [
        LineTooLong(),
        Line("GET / HTTP/1.1"),
    ]


def test_tls_client_hello_is_recognised_by_its_first_byte():
    heard = feed_all_ways(
        started, bytes.fromhex("160301020001000 1fc0303".replace(" ", "")) + bytes(range(256))
    )

    assert heard.events == [NotTelnet(ForeignProtocol.TLS)]


def test_byte_of_a_tls_handshake_later_on_is_text():
    assert feed_all_ways(started, b"a\x16\r\n").events == lines("a\x16")


# Hostile input.


@pytest.mark.parametrize("byte", range(256))
def test_every_byte_value_is_taken_in_every_position(byte):
    good = b"ab" + WILL + NAWS + subnegotiation(31, b"\0P\0\x18") + b"\r\n" + WILL + TTYPE + answer("X")

    for at in range(len(good)):
        feed(started(), [good[:at] + bytes([byte]) + good[at:]])
        heard = feed(started(), [good[:at] + bytes([byte]) + good[at + 1 :], b"\r\n", IAC + SE, b"\nlook\n"])

        assert heard.events[-1] == Line("look") or heard.events == [NotTelnet(ForeignProtocol.TLS)]


_NEGOTIATION = st.builds(
    lambda word, option: word + bytes([option]),
    st.sampled_from([WILL, WONT, DO, DONT]),
    st.one_of(st.sampled_from(sorted(SPOKEN)), st.integers(0, 255)),
)
_PIECE = st.one_of(
    _NEGOTIATION,
    st.binary(max_size=20),
    st.sampled_from(
        [IAC, SB, SE, b"\r", b"\n", b"\0", b"\x08", answer("A"), IAC + b"\xf6", b"\xc3", "ü".encode()]
    ),
    st.builds(subnegotiation, st.integers(0, 255), st.binary(max_size=20)),
)


#: Bytes that agreeing to each option once can draw beyond the agreement.
LONGEST_QUESTIONS = (
    len(ASK)
    + len(subnegotiation(39, encode_question(ASKED)))
    + len(subnegotiation(42, encode_request(PREFERRED)))
)


@given(st.lists(_PIECE, max_size=30).map(b"".join))
@example(IAC + SB + NAWS + IAC)
@settings(max_examples=200)
def test_any_bytes_cut_in_any_way_mean_the_same_and_raise_nothing(data):
    heard = feed_all_ways(started, data)

    assert len(heard.sent) <= 5 * len(data) + Limits().answers_per_option * LONGEST_QUESTIONS


@given(st.lists(_NEGOTIATION, max_size=40))
def test_storm_of_negotiations_draws_a_bounded_number_of_answers(storm):
    limits = Limits(answers_per_option=5)
    connection = TelnetConnection(limits)
    connection.start()
    connection.data_to_send()

    sent = feed(connection, storm * 40).sent

    # Each answered word is three bytes; agreeing to some options also asks something. TIMING-MARK is no negotiation.
    marks = sent.count(WILL + bytes([OptionCode.TIMING_MARK]))
    assert len(sent) <= limits.answers_per_option * (256 * 3 + LONGEST_QUESTIONS) + 3 * marks

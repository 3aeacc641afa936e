"""GMCP on the wire, and its messages about the connection itself."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telnet_feeding import DO, IAC, WILL, feed_all_ways, started, subnegotiation

from wyld_gateway.telnet import Limits, Line, RejectReason, Side, SubnegotiationRejected, TelnetConnection
from wyld_gateway.telnet.events import GmcpMessage, OptionChanged
from wyld_gateway.telnet.gmcp_login import (
    MAX_TEXT,
    OFFER,
    Credentials,
    Hello,
    encode_goodbye,
    encode_result,
    read_credentials,
    read_hello,
)
from wyld_gateway.telnet.options.gmcp import (
    MAX_NAME,
    MAX_PACKAGES,
    covers,
    decode_message,
    encode_message,
    read_packages,
)

GMCP = 201
MALFORMED = SubnegotiationRejected(GMCP, RejectReason.MALFORMED)

NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_.-]{0,20}", fullmatch=True)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=10,
)


def agreed():
    connection = started()
    connection.receive_data(DO + bytes([GMCP]))
    connection.data_to_send()
    return connection


def gmcp(body):
    return subnegotiation(GMCP, body)


def heard(body):
    return feed_all_ways(agreed, gmcp(body) + b"look\r\n").events


# On the wire.


def test_gmcp_is_agreed_and_its_messages_come_between_the_lines():
    events = feed_all_ways(started, b"a\r\n" + DO + bytes([GMCP]) + gmcp(b"Core.Ping 12") + b"b\r\n").events

    assert events == [
        Line("a"),
        OptionChanged(GMCP, Side.LOCAL, True),
        GmcpMessage("core.ping", 12),
        Line("b"),
    ]


def test_message_before_gmcp_was_agreed_has_no_effect():
    events = feed_all_ways(started, gmcp(b"Core.Ping")).events

    assert events == [SubnegotiationRejected(GMCP, RejectReason.NOT_AGREED)]


def test_client_that_offers_gmcp_of_its_own_is_refused_that_half():
    assert feed_all_ways(started, WILL + bytes([GMCP])).events == []


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"Core.KeepAlive", GmcpMessage("core.keepalive")),
        (b"Core.KeepAlive ", GmcpMessage("core.keepalive")),
        (b"cOrE.hElLo  {}\n", GmcpMessage("core.hello", {})),
        (b'Comm.Channel.Players ""', GmcpMessage("comm.channel.players", "")),
        (b'X "\xc3\xa9\\u00ff"', GmcpMessage("x", "éÿ")),
        (b"X null", GmcpMessage("x")),
    ],
)
def test_message_is_read(body, message):
    assert heard(body) == [message, Line("look")]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" Core.Ping",
        b"1",
        b"Core.Ping {",
        b"Core.Ping NaN",
        b"Core.Ping [1,]",
        b'Core.Ping "\xff"',
        b"Core\xff.Ping",
        b"a" * (MAX_NAME + 1),
        b"X " + b"[" * 60_000,
        b"X " + b"9" * 5_000,
    ],
)
def test_what_is_no_message_is_counted_and_has_no_effect(body):
    assert heard(body) == [MALFORMED, Line("look")]


@pytest.mark.parametrize("at", range(20))
def test_no_byte_in_any_place_raises_or_disturbs_the_text(at):
    body = b'Core.Ping {"a": "b"}'
    for byte in range(256):
        broken = body[:at] + bytes([byte]) + body[at + 1 :]
        connection = agreed()

        events = connection.receive_data(gmcp(broken) + b"look\r\n")

        assert len(events) == 2
        assert events[-1] == Line("look")


def test_message_beyond_the_limit_is_dropped_and_kept_nowhere():
    def make():
        connection = TelnetConnection(Limits(subnegotiation=100))
        connection.receive_data(DO + bytes([GMCP]))
        connection.data_to_send()
        return connection

    events = feed_all_ways(make, gmcp(b'X "' + b"x" * 500 + b'"') + b"look\r\n").events

    assert events == [SubnegotiationRejected(GMCP, RejectReason.TOO_LONG), Line("look")]


@given(NAMES, JSON)
def test_message_survives_the_way_out_and_in(name, data):
    assert decode_message(encode_message(name, data)) == GmcpMessage(name.lower(), data)


def test_half_of_a_surrogate_pair_goes_out_as_a_question_mark():
    assert encode_message("X", "\ud800") == b'X "?"'


# What a client lists.


def test_packages_are_read_without_their_versions_and_without_case():
    assert read_packages(["Char 1", "Room.Info", "IRE.Rift 2", "Char 1"]) == {"char", "room.info", "ire.rift"}


@pytest.mark.parametrize("data", [None, {}, "Char 1", 7, [None, 1, {}, [], "", " 1", "x" * (MAX_NAME + 1)]])
def test_list_of_packages_that_is_none_is_empty(data):
    assert read_packages(data) == frozenset()


def test_endless_list_of_packages_is_cut():
    assert len(read_packages([f"p{n} 1" for n in range(1000)])) == MAX_PACKAGES


@pytest.mark.parametrize(
    ("name", "covered"),
    [("Char", True), ("Char.Vitals", True), ("Char.Items.Add", True), ("Characters", False), ("Room.Info", True),
     ("Room", False), ("Room.Players", False), ("Core.Ping", False)],
)  # fmt: skip
def test_package_covers_what_is_below_it(name, covered):
    assert covers(frozenset({"char", "room.info"}), name) is covered


# Who the client is, and its login.


def test_hello_is_read():
    data = {"client": "Mudlet", "version": "4.18"}

    assert read_hello(GmcpMessage("core.hello", data)) == Hello("Mudlet", "4.18")


@pytest.mark.parametrize("data", [{}, {"client": 1, "version": None}, {"client": "x" * (MAX_TEXT + 1)}])
def test_hello_that_does_not_say_who_is_one_all_the_same(data):
    assert read_hello(GmcpMessage("core.hello", data)) == Hello("", "")


@pytest.mark.parametrize("message", [GmcpMessage("core.ping", {}), GmcpMessage("core.hello", "Mudlet")])
def test_what_is_no_hello_is_none(message):
    assert read_hello(message) is None


@pytest.mark.parametrize(("name", "key"), [("char.login.credentials", "account"), ("char.login", "name")])
def test_credentials_are_read_in_both_forms(name, key):
    message = GmcpMessage(name, {key: "ann", "password": "correct \ud800"})

    assert read_credentials(message) == Credentials("ann", "correct ?")
    assert "correct" not in repr(read_credentials(message))


@pytest.mark.parametrize(
    "data",
    [None, [], {}, {"account": "ann"}, {"password": "x"}, {"account": "ann", "password": ["x"]},
     {"account": "ann", "provider": "google"}, {"account": "", "password": "x"}],
)  # fmt: skip
def test_client_without_credentials_leaves_the_login_to_its_player(data):
    assert read_credentials(GmcpMessage("char.login.credentials", data)) is None


def test_other_messages_are_no_credentials():
    assert read_credentials(GmcpMessage("char.login.token", {"account": "a", "password": "b"})) is None


def test_what_we_say_about_a_login():
    def said(data):
        assert (data[:3], data[-2:]) == (IAC + b"\xfa\xc9", IAC + b"\xf0")
        name, _, text = data[3:-2].decode().partition(" ")
        return name, json.loads(text)

    assert said(OFFER) == ("Char.Login.Default", {"type": ["password-credentials"]})
    assert said(encode_result(True, "")) == ("Char.Login.Result", {"success": True})
    assert said(encode_result(False, "No.")) == ("Char.Login.Result", {"success": False, "message": "No."})
    assert said(encode_goodbye("Bye.")) == ("Core.Goodbye", "Bye.")

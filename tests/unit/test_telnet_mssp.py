"""MSSP on the wire, and what the gateway tells in it."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from telnet_feeding import DO, feed_all_ways, started, subnegotiation

from wyld_gateway.adapter import Protocol
from wyld_gateway.listing import LOST_COUNT, Listing
from wyld_gateway.sessions.lifecycle import Move
from wyld_gateway.sessions.registry import Registry
from wyld_gateway.sessions.session import Session
from wyld_gateway.telnet import OPTIONS, RejectReason, RemoteProtocolError, Side, SubnegotiationRejected
from wyld_gateway.telnet.events import OptionChanged
from wyld_gateway.telnet.options.mssp import decode_status, encode_status, in_lines
from wyld_rpc.messages import EntityId, SessionId
from wyld_service.settings import ListingSettings

MSSP = 70
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0\1\2\r\n\t"))


def test_client_that_agrees_is_known_and_says_nothing_itself():
    heard = feed_all_ways(started, DO + bytes([MSSP]) + subnegotiation(MSSP, b"\1NAME\2x"))

    assert heard.events == [
        OptionChanged(MSSP, Side.LOCAL, True),
        SubnegotiationRejected(MSSP, RejectReason.MALFORMED),
    ]


@given(st.dictionaries(TEXT, st.lists(TEXT, max_size=3), max_size=5))
def test_status_survives_the_way_out_and_in(status):
    assert decode_status(encode_status(status)) == status


def test_what_would_break_the_form_is_left_out():
    status = {"NA\1ME": ["The\2 Har\0bour\r\n", "a\tb"]}

    assert encode_status(status) == b"\1NAME\2The Harbour\2ab"
    assert in_lines(status) == "MSSP-REPLY-START\nNAME\tThe Harbour\tab\nMSSP-REPLY-END"


def test_value_without_a_name_is_no_status():
    with pytest.raises(RemoteProtocolError):
        decode_status(b"\2x")


# What is told.


class Game:
    """A registry with a clock in the test's hands, and what is told of it."""

    def __init__(self, **settings):
        self.now = 1_700_000_000.75
        self.registry = Registry(lambda: self.now, lambda row: None)
        self.listing = Listing(ListingSettings(**settings), self.registry, lambda: self.now, started=self.now)

    def come(self, number, *moves):
        session = Session(
            SessionId(bytes([number] * 16)), Protocol.TELNET, "192.0.2.7:1", self.now, b"g", b"e"
        )
        session.character_id = EntityId(bytes([number] * 16))
        self.registry.add(session)
        for move in moves:
            self.registry.move(session, move)

    def told(self, name):
        (value,) = self.listing.status()[name]
        return value


PLAYING = (Move.GREET, Move.AUTHENTICATE, Move.SELECT)


def test_players_are_those_who_play_or_were_lost_a_moment_ago():
    game = Game()
    assert game.told("PLAYERS") == "0"
    game.come(1, Move.GREET)
    game.come(2, *PLAYING)
    assert game.told("PLAYERS") == "1"
    game.come(3, *PLAYING, Move.DETACH)

    assert game.told("PLAYERS") == "2"
    game.now += LOST_COUNT + 1
    assert game.told("PLAYERS") == "1"


def test_uptime_is_the_moment_of_the_start_as_a_whole_number():
    game = Game()

    game.now += 3600

    assert game.told("UPTIME") == "1700000000"


def test_what_the_operator_left_open_is_not_told():
    bare, named = Game(), Game(name="The Harbour", website="https://harbour.example")

    assert bare.told("NAME") == "Wyld"
    assert not {"CONTACT", "HOSTNAME", "LANGUAGE", "WEBSITE", "PORT", "TLS"} & set(bare.listing.status())
    assert (named.told("NAME"), named.told("WEBSITE")) == ("The Harbour", "https://harbour.example")


def test_ports_are_told_once_they_are_known():
    game = Game()

    game.listing.ports, game.listing.tls_ports = [23, 4000], [4443]

    assert game.listing.status()["PORT"] == ["23", "4000"]
    assert game.told("TLS") == game.told("SSL") == "4443"


def test_protocols_are_those_that_are_spoken():
    game = Game()
    spoken = {option.code for option in OPTIONS}

    for name, code in {"GMCP": 201, "MSDP": 69, "MCCP": 86, "MXP": 91, "MSP": 90}.items():
        assert game.told(name) == str(int(code in spoken))
    assert game.told("GMCP") == "1"
    assert game.told("PUEBLO") == "0"


def test_every_setting_is_told():
    fields = {field.name: "x" for field in attrs.fields(ListingSettings)}

    told = Game(**fields).listing.status()

    assert sum(value == ["x"] for value in told.values()) == len(fields)

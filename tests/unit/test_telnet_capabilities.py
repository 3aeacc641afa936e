"""What the gateway concludes from a client's answers."""

from __future__ import annotations

import pytest

from wyld_gateway.telnet import TerminalType, WindowSize
from wyld_gateway.telnet.capabilities import Evidence
from wyld_gateway.terminal import ClientProfile, Colours


def answers(*names, mtts=None):
    return TerminalType(names, mtts, complete=True)


@pytest.mark.parametrize(
    ("given", "client", "terminal"),
    [
        (None, "", ""),
        (answers("MUDLET", "ANSI-TRUECOLOR", mtts=2349), "MUDLET", "ANSI-TRUECOLOR"),
        (answers("MUSHCLIENT"), "MUSHCLIENT", ""),
        (answers("XTERM-256COLOR"), "", "XTERM-256COLOR"),
        (answers("VT100", "ANSI"), "", "VT100"),
        (answers(mtts=5), "", ""),
    ],
)
def test_names_of_client_and_terminal_are_told_apart(given, client, terminal):
    evidence = Evidence(terminal=given)

    assert (evidence.client_name, evidence.terminal_type, evidence.client_version) == (client, terminal, "")


def test_variables_know_better_what_the_client_is_called():
    evidence = Evidence(
        terminal=answers("MUDLET 4.16", "ANSI"),
        environment={"CLIENT_NAME": "Mudlet", "CLIENT_VERSION": "4.18", "TERMINAL_TYPE": "ANSI-TRUECOLOR"},
    )

    assert (evidence.client_name, evidence.client_version) == ("Mudlet", "4.18")
    assert evidence.terminal_type == "ANSI-TRUECOLOR"


@pytest.mark.parametrize(
    ("given", "negotiates", "colours"),
    [
        (None, False, Colours.NONE),
        (None, True, Colours.ANSI_16),
        (answers("X", "ANSI", mtts=0), True, Colours.NONE),
        (answers("X", "ANSI-256COLOR", mtts=1), True, Colours.ANSI_16),
        (answers("X", mtts=1 | 8), True, Colours.ANSI_256),
        (answers("X", mtts=1 | 8 | 256), True, Colours.TRUECOLOR),
        (answers("X", "ANSI-TRUECOLOR"), True, Colours.TRUECOLOR),
        (answers("XTERM-256COLOR"), True, Colours.ANSI_256),
        (answers("XTERM"), True, Colours.ANSI_16),
        (answers("DUMB"), True, Colours.NONE),
    ],
)
def test_colours_follow_the_best_evidence(given, negotiates, colours):
    assert Evidence(negotiates=negotiates, terminal=given).profile.colours is colours


@pytest.mark.parametrize(
    ("codec", "environment", "mtts", "encoding"),
    [
        (None, {}, None, "utf-8"),
        (None, {}, 0, "latin-1"),
        (None, {}, 4, "utf-8"),
        (None, {"MTTS": "0"}, 4, "latin-1"),
        (None, {"MTTS": "many"}, 4, "utf-8"),
        (None, {"CHARSET": "cp437"}, 4, "cp437"),
        (None, {"CHARSET": "EBCDIC"}, 0, "latin-1"),
        ("ascii", {"CHARSET": "cp437"}, 4, "ascii"),
    ],
)
def test_encoding_follows_the_best_evidence(codec, environment, mtts, encoding):
    evidence = Evidence(terminal=answers("X", mtts=mtts), environment=environment, codec=codec)

    assert evidence.profile.encoding == encoding


@pytest.mark.parametrize(
    ("environment", "mtts", "screen_reader"),
    [
        ({}, None, False),
        ({}, 4, False),
        ({}, 64, True),
        ({"MTTS": "69"}, 5, True),
        ({"SCREEN_READER": "1"}, None, True),
    ],
)
def test_screen_reader_is_believed_from_bits_and_from_variables(environment, mtts, screen_reader):
    evidence = Evidence(terminal=answers("X", mtts=mtts), environment=environment)

    assert evidence.profile.screen_reader is screen_reader


@pytest.mark.parametrize(
    ("window", "width"), [(None, 80), (WindowSize(None, 24), 80), (WindowSize(132, 43), 132)]
)
def test_width_is_the_window_s_or_the_usual_one(window, width):
    assert Evidence(window=window).profile == ClientProfile(width)

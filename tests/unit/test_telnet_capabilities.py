"""What the gateway concludes from a client's answers."""

from __future__ import annotations

import pytest

from wyld_gateway.telnet import TerminalType, WindowSize
from wyld_gateway.telnet.capabilities import client_and_terminal, profile_of
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
    assert client_and_terminal(given) == (client, terminal)


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
    assert profile_of(given, None, negotiates=negotiates).colours is colours


@pytest.mark.parametrize(
    ("mtts", "encoding", "screen_reader"),
    [(None, "utf-8", False), (0, "latin-1", False), (4, "utf-8", False), (4 | 64, "utf-8", True)],
)
def test_encoding_and_screen_reader_follow_the_bits(mtts, encoding, screen_reader):
    profile = profile_of(answers("X", mtts=mtts), None, negotiates=True)

    assert (profile.encoding, profile.screen_reader) == (encoding, screen_reader)


@pytest.mark.parametrize(
    ("window", "width"), [(None, 80), (WindowSize(None, 24), 80), (WindowSize(132, 43), 132)]
)
def test_width_is_the_window_s_or_the_usual_one(window, width):
    assert profile_of(None, window, negotiates=False) == ClientProfile(width)

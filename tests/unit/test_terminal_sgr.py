"""Colours that come as escape sequences, brought down to what a terminal has."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wyld_gateway.terminal import ClientProfile, Colours, render
from wyld_gateway.terminal.sgr import adapt_colours
from wyld_rpc.messages import FormattedText, Span, Text

OURS = re.compile(r"\x1b\[[0-9;]+m")


def adapted(parameters: str, colours: Colours) -> str:
    """What becomes of one sequence's parameters; empty if nothing is left."""
    text = adapt_colours(f"\x1b[{parameters}mx", colours)
    return text.removesuffix("\x1b[0m").removesuffix("x").removeprefix("\x1b[").removesuffix("m")


@pytest.mark.parametrize("code", [*range(30, 38), 39, *range(40, 48), 49, *range(90, 98), *range(100, 108)])
def test_sixteen_colours_for_letters_and_behind_them_stay(code):
    for colours in (Colours.ANSI_16, Colours.ANSI_256, Colours.TRUECOLOR):
        assert adapted(str(code), colours) == str(code)


@pytest.mark.parametrize(
    ("parameters", "sixteen", "many", "true"),
    [
        ("38;5;9", "91", "38;5;9", "38;5;9"),
        ("48;5;9", "101", "48;5;9", "48;5;9"),
        ("38;5;196", "91", "38;5;196", "38;5;196"),
        ("48;5;16", "40", "48;5;16", "48;5;16"),
        ("38;5;255", "37", "38;5;255", "38;5;255"),
        ("38;2;255;0;0", "91", "38;5;196", "38;2;255;0;0"),
        ("48;2;0;0;0", "40", "48;5;16", "48;2;0;0;0"),
        ("38:2:255:0:0", "91", "38;5;196", "38;2;255;0;0"),
        ("38:2::255:0:0", "91", "38;5;196", "38;2;255;0;0"),
        ("38:5:196", "91", "38;5;196", "38;5;196"),
        ("1;38;5;196;4;48;2;0;0;0", "1;91;4;40", "1;38;5;196;4;48;5;16", "1;38;5;196;4;48;2;0;0;0"),
    ],
)
def test_more_colours_become_the_nearest_that_a_terminal_has(parameters, sixteen, many, true):
    assert adapted(parameters, Colours.ANSI_16) == sixteen
    assert adapted(parameters, Colours.ANSI_256) == many
    assert adapted(parameters, Colours.TRUECOLOR) == true
    assert adapted(parameters, Colours.NONE) == ""


@pytest.mark.parametrize(
    "parameters",
    [
        "5",
        "6",
        "8",
        "10",
        "38",
        "38;5",
        "38;5;256",
        "38;2;1;2",
        "38;2;1;2;300",
        "38;7;1",
        "38:5",
        "48;5;x",
        "999",
        "9999999",
        "53",
    ],
)
def test_what_makes_no_sense_or_annoys_is_dropped(parameters):
    assert not re.search("38|48|5|6|8|9", adapted(parameters, Colours.TRUECOLOR))


def test_no_parameter_is_a_reset():
    assert adapt_colours("\x1b[31mred\x1b[mplain", Colours.ANSI_16) == "\x1b[31mred\x1b[0mplain"


def test_text_that_stays_coloured_is_ended():
    assert adapt_colours("a \x1b[31mred", Colours.ANSI_16) == "a \x1b[31mred\x1b[0m"
    assert adapt_colours("\x1b[31mred\x1b[5m", Colours.ANSI_16) == "\x1b[31mred\x1b[0m"


def test_every_other_sequence_is_taken_out():
    text = "\x1b[2J\x1b[31mred\x1b]0;title\x07\x1b[H\x9b1m\x00\x1b[0m"

    assert adapt_colours(text, Colours.ANSI_16) == "\x1b[31mred]0;title1m\x1b[0m"
    assert adapt_colours(text, Colours.NONE) == "red]0;title1m"


def test_plain_text_is_not_touched():
    text = "A quiet lane."

    assert adapt_colours(text, Colours.ANSI_16) is text
    assert adapt_colours("two\nlines", Colours.ANSI_16) == "two\nlines"


@given(st.text(alphabet="\x1b[0123456789;:mHab\n\x07é", max_size=60), st.sampled_from(list(Colours)))
def test_nothing_but_our_own_sequences_comes_out(text, colours):
    rest = OURS.sub("", adapt_colours(text, colours))

    assert "\x1b" not in rest
    if not colours:
        assert adapt_colours(text, colours) == rest


def test_only_formatted_text_may_bring_colours():
    profile = ClientProfile(colours=Colours.ANSI_16)

    assert render(Text("\x1b[31mred"), profile) == "red\n"
    assert (
        render(FormattedText((Span("\x1b[38;2;255;0;0mred"), Span(" plain"))), profile)
        == "\x1b[91mred\x1b[0m plain\n"
    )

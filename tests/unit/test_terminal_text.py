"""Stripping, wrapping and rendering."""

from __future__ import annotations

import re

import attrs
import pytest
import wcwidth
from hypothesis import given
from hypothesis import strategies as st

from wyld_gateway.terminal import ClientProfile, Colours, render, strip_controls, wrap
from wyld_rpc.messages import (
    STYLES,
    Combat,
    FormattedText,
    RoomDescription,
    Span,
    Structured,
    System,
    Text,
)

PLAIN = ClientProfile()
READER = ClientProfile(width=20, screen_reader=True)
SGR = re.compile(r"\x1b\[[\d;]*m")


# Stripping.


def test_stripping_takes_what_steers_a_terminal_and_nothing_else():
    assert (
        strip_controls("a\x1b[31mb\x1b]0;title\x07c\x9b2Jd\x00\x7fe\tf\r\ng ü世")
        == "ab]0;titlec2Jde\tf\r\ng ü世"
    )


def test_stripping_leaves_clean_text_as_the_object_it_is():
    text = "get the sword, 世界"

    assert strip_controls(text) is text


@given(st.text())
def test_nothing_that_steers_a_terminal_survives_stripping(text):
    assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", strip_controls(text))


# Wrapping.

WORDS = st.lists(st.text("abc-.", min_size=1, max_size=12), max_size=12).map(" ".join)
MIXED = st.lists(
    st.sampled_from(
        ["a", "b", " ", "世", "é", "e\u0301", "👩\u200d🚀", "🇩🇪", "-", "\x1b[1m", "\x1b[0m", "\n"]
    ),
    max_size=40,
).map("".join)


def test_text_that_fits_is_passed_on_untouched():
    text = "  a  table   of things "

    assert wrap(text, len(text)) is text


def test_lines_are_broken_at_spaces():
    assert wrap("the quick brown fox jumps", 10) == "the quick\nbrown fox\njumps"


def test_line_ends_of_the_text_stay():
    assert wrap("one two three\n\nfour\n", 9) == "one two\nthree\n\nfour\n"


def test_word_longer_than_a_line_is_cut():
    assert wrap("see aaaaaaaaaaaaaa b", 6) == "see\naaaaaa\naaaaaa\naa b"


def test_spaces_at_a_break_are_dropped():
    assert wrap("aaaa     bbbb" + " " * 9, 5) == "aaaa\nbbbb"


@given(WORDS, st.integers(1, 30))
def test_plain_text_keeps_its_words_and_never_passes_the_width(text, width):
    wrapped = wrap(text, width)

    assert all(len(line) <= width for line in wrapped.split("\n"))
    assert wrapped.replace("\n", "").replace(" ", "") == text.replace(" ", "")
    if all(len(word) <= width for word in text.split()):
        assert wrapped.split() == text.split()


@given(MIXED, st.integers(2, 20))
def test_any_text_keeps_its_graphemes_and_never_passes_the_width(text, width):
    wrapped = wrap(text, width)

    assert all(wcwidth.width(line) <= width for line in wrapped.split("\n"))
    assert _graphemes(wrapped) == _graphemes(text)


def _graphemes(text):
    return [g for g in wcwidth.iter_graphemes(SGR.sub("", text)) if not g.isspace()]


def test_wide_characters_count_twice():
    assert wrap("世界 世界", 5) == "世界\n世界"


def test_character_wider_than_the_window_stands_alone():
    assert wrap("世界", 1) == "世\n界"


def test_style_open_at_a_break_is_closed_and_opened_again():
    assert wrap("\x1b[1mone two\x1b[0m", 3) == "\x1b[1mone\x1b[0m\n\x1b[1mtwo\x1b[0m"


def test_tab_is_measured_as_what_it_takes():
    assert wrap("a\tbcdef", 10) == "a\nbcdef"


# Rendering.

ROOM = RoomDescription(
    "The Old Quay",
    "Salt and tar.",
    ("north", "up (closed)"),
    ("Ann, dripping wet", "an old fisherman"),
    ("a brass lantern", "a coil of rope"),
)


def test_plain_text_is_one_line():
    assert render(Text("You wake up."), PLAIN) == "You wake up.\n"


def test_text_that_ends_its_line_is_not_given_a_second_end():
    assert render(Text("You wake up.\n"), PLAIN) == "You wake up.\n"


def test_empty_text_shows_nothing():
    assert render(Text(""), PLAIN) == ""


@pytest.mark.parametrize(("channel", "sgr"), [("ooc", "33"), ("say", "36"), ("tell", "36")])
def test_channels_have_a_colour_and_the_same_words_without(channel, sgr):
    output = Text("[ooc] Ann: hi", channel)

    assert render(output, ClientProfile(colours=Colours.ANSI_16)) == f"\x1b[{sgr}m[ooc] Ann: hi\x1b[0m\n"
    assert render(output, PLAIN) == "[ooc] Ann: hi\n"


def test_formatted_text_joins_its_spans():
    output = FormattedText((Span("Go "), Span("north", "exit"), Span(".")))

    assert render(output, PLAIN) == "Go north.\n"
    assert render(output, ClientProfile(colours=Colours.ANSI_16)) == "Go \x1b[32mnorth\x1b[0m.\n"


def test_drawing_is_shown_to_eyes_and_spared_to_ears():
    drawing = FormattedText((Span("+--+\n|  |\n+--+"),), decor=True)

    assert render(drawing, PLAIN) == "+--+\n|  |\n+--+\n"
    assert render(drawing, READER) == ""


def test_structured_output_shows_its_text():
    assert render(Structured("who", {"players": ["Ann"]}, "Ann\n1 player."), PLAIN) == "Ann\n1 player.\n"


def test_system_word_is_shown_as_it_is():
    assert render(System("Saving is automatic."), PLAIN) == "Saving is automatic.\n"


def test_room_is_lists_for_eyes():
    assert render(ROOM, PLAIN) == (
        "The Old Quay\n"
        "Salt and tar.\n"
        "Exits: north, up (closed).\n"
        "Here: Ann, dripping wet; an old fisherman.\n"
        "On the ground: a brass lantern, a coil of rope.\n"
    )


def test_room_is_one_fact_on_a_line_for_ears():
    assert render(ROOM, READER) == (
        "The Old Quay\n"
        "Salt and tar.\n"
        "Exits: north, up (closed).\n"
        "Ann, dripping wet.\n"
        "An old fisherman.\n"
        "A brass lantern, on the ground.\n"
        "A coil of rope, on the ground.\n"
    )


def test_bare_room_says_that_it_has_no_exits():
    assert render(RoomDescription("A cell", "", (), (), ()), PLAIN) == "A cell\nExits: none.\n"


def test_room_in_colours_has_the_same_words():
    coloured = render(ROOM, ClientProfile(colours=Colours.TRUECOLOR))

    assert "\x1b[" in coloured
    assert SGR.sub("", coloured) == render(ROOM, PLAIN)


@pytest.mark.parametrize(
    ("blow", "line"),
    [
        (Combat("You", "the straw dummy", "strike", 5), "You strike the straw dummy: 5 damage.\n"),
        (Combat("the dummy", "you", "swings at", 0), "The dummy swings at you: no damage.\n"),
        (Combat("Ann", "the dummy", "hits", 9, critical=True), "Critical! Ann hits the dummy: 9 damage.\n"),
    ],
)
def test_blow_is_a_sentence(blow, line):
    assert render(blow, PLAIN) == line


def test_window_is_respected_and_a_screen_reader_has_none():
    output = Text("The quick brown fox jumps over the lazy dog.")

    assert render(output, ClientProfile(width=20)) == "The quick brown fox\njumps over the lazy\ndog.\n"
    assert render(output, attrs.evolve(READER, width=20)) == "The quick brown fox jumps over the lazy dog.\n"
    assert render(output, ClientProfile(width=None)) == "The quick brown fox jumps over the lazy dog.\n"


HOSTILE = st.lists(
    st.sampled_from(["\x1b[2J", "\x1b", "\x9b", "\x07", "\x00", "a", " ", "世", "\n"]), max_size=30
).map("".join)
OUTPUTS = st.one_of(
    st.builds(Text, HOSTILE, st.sampled_from([None, "say", "ooc"])),
    st.builds(
        FormattedText, st.lists(st.builds(Span, HOSTILE, st.sampled_from(STYLES))).map(tuple), st.booleans()
    ),
    st.builds(Structured, st.just("x"), st.just({}), HOSTILE),
    st.builds(RoomDescription, HOSTILE, HOSTILE, *[st.lists(HOSTILE, max_size=3).map(tuple)] * 3),
    st.builds(Combat, HOSTILE, HOSTILE, HOSTILE, st.integers(0, 99), st.booleans()),
    st.builds(System, HOSTILE),
)
PROFILES = st.builds(
    ClientProfile,
    width=st.one_of(st.none(), st.integers(2, 200)),
    colours=st.sampled_from(Colours),
    screen_reader=st.booleans(),
)


@given(OUTPUTS, PROFILES)
def test_no_output_brings_a_control_character_or_a_foreign_escape_sequence_to_a_terminal(output, profile):
    shown = render(output, profile)

    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", SGR.sub("", shown))
    assert shown == "" or shown.endswith("\n")
    if not profile.colours:
        assert "\x1b" not in shown

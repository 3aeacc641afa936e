"""Colours, and the world's style names in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wyld_gateway.terminal.colours import PALETTE, Colours, Rgb, nearest_256
from wyld_gateway.terminal.styles import RESET, STYLES, paint
from wyld_rpc import messages

BLACK, WHITE = Rgb(0, 0, 0), Rgb(255, 255, 255)


def contrast(one, other):
    light, dark = sorted((one.luminance, other.luminance), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_every_style_of_the_world_is_known():
    assert set(STYLES) == set(messages.STYLES)


@pytest.mark.parametrize("name", [name for name, style in STYLES.items() if style.colour])
def test_each_colour_can_be_read_on_black_and_on_white(name):
    colour = STYLES[name].colour

    assert contrast(colour, BLACK) >= 4.5
    assert contrast(colour, WHITE) >= 4.5


@pytest.mark.parametrize("name", [name for name, style in STYLES.items() if style.colour])
def test_each_colour_can_be_told_from_its_background_in_256_colours_too(name):
    colour = PALETTE[nearest_256(STYLES[name].colour) - 16]

    assert contrast(colour, BLACK) >= 3
    assert contrast(colour, WHITE) >= 3


def test_luminance_is_that_of_wcag():
    assert BLACK.luminance == 0
    assert WHITE.luminance == pytest.approx(1)
    assert Rgb(255, 0, 0).luminance == pytest.approx(0.2126)


@given(st.integers(16, 255))
def test_palette_colour_is_nearest_to_itself(index):
    assert PALETTE[nearest_256(PALETTE[index - 16]) - 16] == PALETTE[index - 16]


@pytest.mark.parametrize(
    ("colours", "title", "exits"),
    [
        (Colours.NONE, "x", "x"),
        (Colours.ANSI_16, "\x1b[1;34mx\x1b[0m", "\x1b[32mx\x1b[0m"),
        (Colours.ANSI_256, "\x1b[1;38;5;27mx\x1b[0m", "\x1b[38;5;28mx\x1b[0m"),
        (Colours.TRUECOLOR, "\x1b[1;38;2;24;112;236mx\x1b[0m", "\x1b[38;2;34;135;42mx\x1b[0m"),
    ],
)
def test_styles_come_down_to_what_the_terminal_has(colours, title, exits):
    assert paint("x", "title", colours) == title
    assert paint("x", "exit", colours) == exits


@pytest.mark.parametrize("colours", Colours)
def test_unknown_style_and_no_style_leave_the_text_alone(colours):
    assert paint("x", "a style of tomorrow", colours) == "x"
    assert paint("x", "", colours) == "x"
    assert paint("", "title", colours) == ""


def test_each_line_of_a_painted_text_is_complete_in_itself():
    assert paint("a\n\nb", "emphasis", Colours.ANSI_16) == f"\x1b[1ma{RESET}\n\n\x1b[1mb{RESET}"

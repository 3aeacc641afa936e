"""The answers to the questions about a new character."""

from __future__ import annotations

from contextlib import suppress

import attrs
import pytest
from doubles.fake_world import CHOICES
from hypothesis import given
from hypothesis import strategies as st

from wyld_gateway.creation import NotUnderstood, pick, quick, spend, spread_evenly
from wyld_rpc.messages import Choice, CreationChoices

NAMES = ["human", "elf", "elfin"]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("", "human"),
        ("1", "human"),
        ("3", "elfin"),
        ("hu", "human"),
        ("elf", "elf"),
        ("ELFIN", "elfin"),
        ("elfi", "elfin"),
    ],
)
def test_choice_by_number_name_or_beginning(line: str, found: str) -> None:
    assert pick(line, NAMES) == found


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("0", "1 to 3"),
        ("4", "1 to 3"),
        ("9" * 50, "1 to 3"),
        ("el", "elf or elfin"),
        ("x", "human, elf, elfin"),
        ("²", "none"),
    ],
)
def test_what_is_no_choice_is_explained(line: str, problem: str) -> None:
    with pytest.raises(NotUnderstood, match=problem):
        pick(line, NAMES)


@given(st.text())
def test_any_line_is_a_choice_or_explained(line: str) -> None:
    with suppress(NotUnderstood):
        assert pick(line, NAMES) in NAMES


@st.composite
def choices(draw: st.DrawFn) -> CreationChoices:
    names = draw(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=8, unique=True))
    low = draw(st.integers(0, 10))
    high = draw(st.integers(low, 20))
    points = draw(st.integers(0, len(names) * (high - low)))
    return attrs.evolve(
        CHOICES,
        attributes=tuple(Choice(name, "") for name in names),
        attribute_minimum=low,
        attribute_maximum=high,
        attribute_points=points,
    )


@given(choices())
def test_points_are_spread_completely_evenly_and_within_the_bounds(choices: CreationChoices) -> None:
    values = list(spread_evenly(choices).values())

    assert sum(values) - choices.attribute_minimum * len(values) == choices.attribute_points
    assert max(values) <= choices.attribute_maximum
    assert max(values) - min(values) <= 1


def test_spreading_more_than_there_is_room_for_ends() -> None:
    values = spread_evenly(attrs.evolve(CHOICES, attribute_points=1000))

    assert set(values.values()) == {CHOICES.attribute_maximum}


@pytest.mark.parametrize(
    "line", ["strength 3 agility 6", "str 3, agi 6", "s +3 a +6", "agility 6 strength 2 strength 1"]
)
def test_points_are_spent_by_pairs(line: str) -> None:
    assert spend(line, CHOICES) == {"strength": 11, "agility": 14, "mind": 8}


def test_nothing_said_is_spread_evenly() -> None:
    assert spend("  ", CHOICES) == {"strength": 11, "agility": 11, "mind": 11}


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("strength", "pairs"),
        ("strength x", "pairs"),
        ("strength -3", "pairs"),
        ("strength ²", "pairs"),
        ("charm 9", "none of them"),
        ("strength 3", "3 points, and there are 9"),
        ("strength 9", "above 14"),
        ("strength " + "9" * 5000, "to spend"),
    ],
)
def test_what_cannot_be_spent_is_explained(line: str, problem: str) -> None:
    with pytest.raises(NotUnderstood, match=problem):
        spend(line, CHOICES)


@given(choices(), st.text(alphabet="abc 0123456789,+-"))
def test_any_line_spends_all_points_or_is_explained(choices: CreationChoices, line: str) -> None:
    with suppress(NotUnderstood):
        values = spend(line, choices).values()
        assert sum(values) - choices.attribute_minimum * len(values) == choices.attribute_points


def test_quick_character_takes_the_first_of_everything() -> None:
    data = quick("Bron", CHOICES)

    assert (data.name, data.race, data.character_class, data.description) == ("Bron", "human", "fighter", "")
    assert data.attributes == spread_evenly(CHOICES)

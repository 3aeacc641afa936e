from __future__ import annotations

import pytest

from wyld_gateway.wording import for_how_long, masked, quoted, restart_ahead


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0 s"),
        (40.4, "40 s"),
        (59.6, "1 min"),
        (60, "1 min"),
        (192, "3 min 12 s"),
        (3600, "1 h"),
        (7500, "2 h 5 min"),
        (7259, "2 h"),
    ],
)
def test_times_are_said_in_their_two_largest_units(seconds: float, text: str) -> None:
    assert for_how_long(seconds) == text


@pytest.mark.parametrize(
    ("peer", "text"),
    [
        ("10.0.12.7:53124", "a connection at 10.0.x.x"),
        ("[2001:db8:1::7]:53124", "a connection at 2001:db8:..."),
        ("unix", "another connection"),
    ],
)
def test_address_is_recognised_by_its_owner_only(peer: str, text: str) -> None:
    assert masked(peer) == text


def test_lines_are_quoted_and_many_are_counted() -> None:
    assert quoted(["n", "look"]) == '"n", "look"'
    assert quoted(["a", "b", "c", "d"], most=2) == '2 others, "c", "d"'


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (60, "The world restarts in 60 seconds. Stay connected."),
        (9.98, "The world restarts in 10 seconds. Stay connected."),
        (0.2, "The world restarts in 1 second. Stay connected."),
        (90, "The world restarts in 90 seconds. Stay connected."),
        (300, "The world restarts in 5 minutes. Stay connected."),
    ],
)
def test_restart_is_announced_in_one_line(seconds: float, text: str) -> None:
    assert restart_ahead(seconds, "") == text
    assert restart_ahead(seconds, "A new pier.") == f"{text} Reason: A new pier."

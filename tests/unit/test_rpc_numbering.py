"""Numbering: nothing is lost silently, nothing is kept that was confirmed, and every position gets a true answer."""

from __future__ import annotations

import secrets

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from wyld_rpc.errors import LocalProtocolError, RemoteProtocolError, WindowFull
from wyld_rpc.numbering import (
    EPOCH_SIZE,
    Epoch,
    Overflow,
    Receipt,
    ReceiveCursor,
    SendWindow,
    Seq,
    WindowLimits,
    new_epoch,
)

COMMANDS = WindowLimits(count=4, bytes=40, overflow=Overflow.REFUSE)
OUTPUTS = WindowLimits(count=4, bytes=40, overflow=Overflow.EVICT, age=60.0)


def filled(limits: WindowLimits, items: str, size: int = 1) -> SendWindow[str]:
    window = SendWindow[str](limits)
    for item in items:
        window.append(item, size, 0.0)
    return window


def kept(window: SendWindow[str]) -> list[tuple[int, str]]:
    return list(window.replay(window.floor).items)


# -- Sending


def test_numbers_are_dense_from_1() -> None:
    window = SendWindow[str](COMMANDS)

    assert window.next == 1
    assert [window.append(item, 1, 0.0) for item in "abc"] == [1, 2, 3]
    assert (window.next, window.last, window.acked, window.floor) == (4, 3, 0, 0)
    assert len(window) == window.kept_bytes == 3


def test_position_0_is_valid_before_anything_was_sent() -> None:
    replay = SendWindow[str](OUTPUTS).replay(0)

    assert (replay.gap, replay.floor, replay.items) == (False, 0, ())


@pytest.mark.parametrize("sent", range(5))
def test_nothing_missed_succeeds_ten_times_in_a_row(sent: int) -> None:
    window = filled(OUTPUTS, "abcd"[:sent])
    window.ack(sent)

    replays = [window.replay(sent) for _ in range(10)]

    assert [(replay.gap, replay.items) for replay in replays] == [(False, ())] * 10


def test_every_position_gets_exactly_what_follows_it() -> None:
    for sent in range(8):
        for acked in range(sent + 1):
            window = filled(OUTPUTS, "abcdefgh"[:sent])
            window.ack(acked)

            for after in range(sent + 1):
                replay = window.replay(after)

                assert window.floor == max(acked, sent - OUTPUTS.count)
                assert replay.gap == (after < window.floor)
                first = max(after, window.floor) + 1
                assert list(replay.items) == [(n, "abcdefgh"[n - 1]) for n in range(first, sent + 1)]


@pytest.mark.parametrize("position", [-1, 4])
def test_a_position_that_cannot_be_is_a_remote_error(position: int) -> None:
    with pytest.raises(RemoteProtocolError, match=f"position {position}"):
        filled(OUTPUTS, "abc").replay(position)


def test_an_ack_beyond_what_was_sent_is_a_remote_error_and_changes_nothing() -> None:
    window = filled(OUTPUTS, "abc")

    with pytest.raises(RemoteProtocolError, match="acknowledges 4"):
        window.ack(4)

    assert (window.acked, len(window)) == (0, 3)


def test_acks_are_cumulative_and_lower_ones_are_ignored() -> None:
    window = filled(OUTPUTS, "abcd")

    for number in (2, 1, 2, 0, -5):
        window.ack(number)

    assert (window.acked, window.floor, window.kept_bytes) == (2, 2, 2)
    assert kept(window) == [(3, "c"), (4, "d")]


def test_an_ack_of_what_was_evicted_moves_no_floor_back() -> None:
    window = filled(OUTPUTS, "abcdefgh")

    window.ack(2)

    assert (window.acked, window.floor) == (2, 4)


def test_a_refusing_window_gives_no_number_when_full() -> None:
    window = filled(COMMANDS, "abcd")

    assert window.is_full
    with pytest.raises(WindowFull):
        window.append("e", 1, 0.0)
    assert (window.last, kept(window)[-1]) == (4, (4, "d"))

    window.ack(1)
    assert not window.is_full
    assert window.append("e", 1, 0.0) == 5


def test_a_refusing_window_counts_bytes() -> None:
    window = filled(COMMANDS, "a", size=30)

    assert not window.is_full
    with pytest.raises(WindowFull, match="no room for 11 bytes"):
        window.append("b", 11, 0.0)
    window.append("b", 10, 0.0)
    assert window.is_full


def test_an_evicting_window_loses_the_oldest_by_count_and_by_bytes() -> None:
    by_count, by_bytes = filled(OUTPUTS, "abcdef"), filled(OUTPUTS, "abcd", size=15)

    assert kept(by_count) == [(3, "c"), (4, "d"), (5, "e"), (6, "f")]
    assert kept(by_bytes) == [(3, "c"), (4, "d")]
    assert by_bytes.kept_bytes == 30
    assert by_bytes.replay(1).gap


def test_an_item_larger_than_the_window_has_a_number_and_leaves_a_gap() -> None:
    window = filled(OUTPUTS, "a")

    assert window.append("huge", 41, 0.0) == 2
    assert len(window) == window.kept_bytes == 0
    assert window.replay(1).gap
    assert not window.replay(2).gap


def test_what_is_too_old_expires() -> None:
    window = SendWindow[str](OUTPUTS)
    for second, item in enumerate("abc"):
        window.append(item, 1, float(second))

    window.expire(61.0)
    assert kept(window) == [(2, "b"), (3, "c")]
    window.expire(1000.0)
    window.expire(1000.0)
    assert (len(window), window.floor, window.replay(0).gap) == (0, 3, True)


def test_a_window_without_an_age_expires_nothing() -> None:
    window = filled(COMMANDS, "ab")

    window.expire(1e12)

    assert len(window) == 2


def test_an_empty_window_owns_nothing() -> None:
    fresh, drained = SendWindow[str](OUTPUTS), filled(OUTPUTS, "abc")
    drained.ack(3)

    for window in (fresh, drained):
        assert window._kept is None
        assert not hasattr(window, "__dict__")


def test_a_replay_is_a_snapshot() -> None:
    window = filled(OUTPUTS, "ab")
    replay = window.replay(0)

    window.ack(2)
    window.append("c", 1, 0.0)

    assert replay.items == ((1, "a"), (2, "b"))


@pytest.mark.parametrize(("count", "size"), [(0, 1), (1, 0)])
def test_a_window_without_room_for_anything_is_refused(count: int, size: int) -> None:
    with pytest.raises(ValueError, match="must be >= 1"):
        WindowLimits(count=count, bytes=size, overflow=Overflow.EVICT)


# -- Coming back


def test_a_window_is_restored_from_its_position_and_what_was_kept() -> None:
    window = SendWindow[str].resume(OUTPUTS, last=Seq(9), kept=[("h", 1), ("i", 2)], now=100.0)

    assert (window.next, window.acked, window.floor, window.kept_bytes) == (10, 0, 7, 3)
    assert kept(window) == [(8, "h"), (9, "i")]
    window.expire(160.0)
    assert len(window) == 2
    window.expire(160.1)
    assert len(window) == 0


def test_a_restored_window_keeps_its_bounds() -> None:
    window = SendWindow[str].resume(OUTPUTS, last=Seq(9), kept=[(item, 1) for item in "defghi"])

    assert kept(window) == [(6, "f"), (7, "g"), (8, "h"), (9, "i")]


def test_a_window_restored_from_a_position_alone_says_that_the_rest_is_gone() -> None:
    window = SendWindow[str].resume(OUTPUTS, last=Seq(9), acked=Seq(5))

    assert window._kept is None
    assert (window.acked, window.replay(9).gap, window.replay(8).gap) == (5, False, True)


@pytest.mark.parametrize(("last", "acked", "count"), [(1, 0, 2), (5, 4, 2), (3, -1, 0), (3, 4, 0)])
def test_parts_that_contradict_each_other_are_refused(last: int, acked: int, count: int) -> None:
    with pytest.raises(LocalProtocolError, match="do not fit"):
        SendWindow[str].resume(OUTPUTS, last=Seq(last), acked=Seq(acked), kept=[("x", 1)] * count)


def test_handed_back_messages_fill_what_the_window_lacks() -> None:
    window = SendWindow[str].resume(OUTPUTS, last=Seq(5), kept=[("E", 1)])

    window.hand_back(4, [("d", 1), ("e", 1), ("f", 1)], 0.0)

    assert kept(window) == [(4, "d"), (5, "E"), (6, "f")]
    assert (window.next, window.floor, window.kept_bytes) == (7, 3, 3)


def test_handing_back_twice_changes_nothing() -> None:
    window = SendWindow[str].resume(OUTPUTS, last=Seq(2))

    for _ in range(2):
        window.hand_back(1, [("a", 1), ("b", 1), ("c", 1)], 0.0)

    assert kept(window) == [(1, "a"), (2, "b"), (3, "c")]


def test_confirmed_messages_are_not_taken_back() -> None:
    window = filled(OUTPUTS, "abc")
    window.ack(2)

    window.hand_back(1, [("a", 1), ("b", 1), ("c", 1)], 0.0)

    assert kept(window) == [(3, "c")]


def test_messages_before_a_hole_are_given_up() -> None:
    behind, ahead = SendWindow[str].resume(OUTPUTS, last=Seq(9), kept=[("i", 1)]), filled(OUTPUTS, "ab")

    behind.hand_back(3, [("c", 1), ("d", 1)], 0.0)
    ahead.hand_back(5, [("e", 1)], 0.0)

    assert kept(behind) == [(9, "i")]
    assert kept(ahead) == [(5, "e")]
    assert (ahead.floor, ahead.kept_bytes, ahead.replay(2).gap) == (4, 1, True)


def test_an_empty_window_of_a_neighbour_still_tells_its_position() -> None:
    window = filled(OUTPUTS, "ab")

    window.hand_back(8, [], 0.0)

    assert (window.next, window.floor, len(window), window._kept) == (8, 7, 0, None)


def test_an_evicting_window_bounds_what_it_takes_back_and_a_refusing_one_takes_all() -> None:
    letters = [(item, 1) for item in "abcdef"]
    evicting, refusing = SendWindow[str](OUTPUTS), SendWindow[str](COMMANDS)

    evicting.hand_back(1, letters, 0.0)
    refusing.hand_back(1, letters, 0.0)

    assert [number for number, _ in kept(evicting)] == [3, 4, 5, 6]
    assert len(refusing) == 6
    assert refusing.is_full


def test_a_number_below_1_is_not_handed_back() -> None:
    with pytest.raises(RemoteProtocolError, match="begin at 1"):
        SendWindow[str](OUTPUTS).hand_back(0, [("a", 1)], 0.0)


@given(st.data())
def test_handing_back_keeps_the_longest_row_that_ends_at_the_newest_number(data: st.DataObject) -> None:
    def row(label: str) -> tuple[int, int]:
        last = data.draw(st.integers(0, 9), label)
        return data.draw(st.integers(0, last), label), last

    (our_floor, our_last), (their_floor, their_last) = row("ours"), row("theirs")
    acked = data.draw(st.integers(0, our_floor))
    roomy = WindowLimits(count=100, bytes=100, overflow=Overflow.EVICT)
    ours = {number: f"ours {number}" for number in range(our_floor + 1, our_last + 1)}
    theirs = {number: f"theirs {number}" for number in range(their_floor + 1, their_last + 1)}
    window = SendWindow[str].resume(
        roomy, last=Seq(our_last), acked=Seq(acked), kept=[(item, 1) for item in ours.values()]
    )

    window.hand_back(their_floor + 1, [(item, 1) for item in theirs.values()], 0.0)

    expected: list[tuple[int, str]] = []
    union = theirs | ours
    number = last = max(our_last, their_last)
    while number in union and number > acked:
        expected.insert(0, (number, union[number]))
        number -= 1
    assert kept(window) == expected
    assert (window.last, window.floor, window.kept_bytes) == (last, number, len(expected))


class WindowAgainstList(RuleBasedStateMachine):
    """A SendWindow against a plain list of all that was ever appended, and a set of rules in words."""

    def __init__(self) -> None:
        super().__init__()
        self.window = SendWindow[int](OUTPUTS)
        self.sent: list[tuple[int, int, float]] = []  # (item, size, time), the number is the index + 1
        self.gone = self.acked = 0
        self.now = 0.0

    def kept(self) -> list[tuple[int, int, float]]:
        return self.sent[self.gone :]

    @rule(size=st.integers(0, 50))
    def append(self, size: int) -> None:
        item = len(self.sent) * 10
        self.sent.append((item, size, self.now))
        assert self.window.append(item, size, self.now) == len(self.sent)
        while len(self.kept()) > OUTPUTS.count or sum(size for _, size, _ in self.kept()) > OUTPUTS.bytes:
            self.gone += 1

    @rule(data=st.data())
    def ack(self, data: st.DataObject) -> None:
        number = data.draw(st.integers(0, len(self.sent)))
        self.window.ack(number)
        self.acked = max(self.acked, number)
        self.gone = max(self.gone, number)

    @rule(beyond=st.integers(1, 5))
    def ack_too_much(self, beyond: int) -> None:
        with pytest.raises(RemoteProtocolError):
            self.window.ack(len(self.sent) + beyond)

    @rule(seconds=st.integers(0, 40))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds
        self.window.expire(self.now)
        while self.kept() and self.kept()[0][2] < self.now - OUTPUTS.age:
            self.gone += 1

    @rule(data=st.data())
    def replay(self, data: st.DataObject) -> None:
        after = data.draw(st.integers(0, len(self.sent)))
        replay = self.window.replay(after)
        start = max(after, self.gone)
        assert replay.gap == (after < self.gone)
        assert replay.floor == self.gone
        assert list(replay.items) == [(n + 1, self.sent[n][0]) for n in range(start, len(self.sent))]

    @rule()
    def restart(self) -> None:
        """The owner stores the window and resumes it; what it kept is as old as the new life."""
        self.window = SendWindow[int].resume(
            OUTPUTS,
            last=Seq(len(self.sent)),
            acked=Seq(self.acked),
            kept=[(item, size) for item, size, _ in self.kept()],
            now=self.now,
        )
        self.sent[self.gone :] = [(item, size, self.now) for item, size, _ in self.kept()]

    @precondition(lambda self: self.gone > self.acked)
    @rule()
    def neighbour_hands_back(self) -> None:
        """A neighbour that had more room returns everything that was never confirmed."""
        rows = [(item, size) for item, size, _ in self.sent[self.acked :]]
        older = range(self.acked, self.gone)
        for index in older:
            self.sent[index] = (*self.sent[index][:2], self.now)
        self.gone = self.acked
        while len(self.kept()) > OUTPUTS.count or sum(size for _, size, _ in self.kept()) > OUTPUTS.bytes:
            self.gone += 1
        self.window.hand_back(self.acked + 1, rows, self.now)

    @invariant()
    def counters_agree(self) -> None:
        window = self.window
        assert (window.last, window.acked, window.floor) == (len(self.sent), self.acked, self.gone)
        assert len(window) == len(self.kept())
        assert window.kept_bytes == sum(size for _, size, _ in self.kept())
        assert (window._kept is None) == (not self.kept())


WindowAgainstList.TestCase.settings = settings(max_examples=60, stateful_step_count=30)
TestWindowAgainstList = WindowAgainstList.TestCase


# -- Receiving


def test_a_cursor_takes_each_number_once_and_in_order() -> None:
    cursor = ReceiveCursor(Epoch(b"epoch..."))

    answers = [cursor.accept(number) for number in (1, 1, 3, 2, 3, 1, 0, -1)]

    new, duplicate, gap = Receipt.NEW, Receipt.DUPLICATE, Receipt.GAP
    assert answers == [new, duplicate, gap, new, new, duplicate, duplicate, duplicate]
    assert cursor.position == 3


@given(st.lists(st.integers(-2, 12)), st.integers(0, 8))
def test_a_cursor_advances_exactly_with_what_is_new(numbers: list[int], start: int) -> None:
    cursor = ReceiveCursor(Epoch(b"epoch..."), Seq(start))

    taken = [number for number in numbers if cursor.accept(number) is Receipt.NEW]

    assert taken == list(range(start + 1, cursor.position + 1))


def test_epochs_are_random_and_short() -> None:
    epochs = {new_epoch(secrets.token_bytes) for _ in range(100)}

    assert len(epochs) == 100
    assert {len(epoch) for epoch in epochs} == {EPOCH_SIZE}

"""The RFC 1143 table, walked exhaustively and from both ends of a wire."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wyld_gateway.telnet import Command, Side
from wyld_gateway.telnet.negotiation import MOVES, PEER_WORDS, WORDS, Input, NegotiationTable, Say, State

ON_WORDS = {Side.LOCAL: Command.DO, Side.REMOTE: Command.WILL}
OFF_WORDS = {Side.LOCAL: Command.DONT, Side.REMOTE: Command.WONT}
OPTION = 31

#: RFC 1143 section 7, written down a second time in the RFC's own form: state and queue, then per input the
#: new state, queue and word.
RFC_1143 = """
NO        WILL-agreed   YES       DO
NO        WILL-refused  NO        DONT
NO        WONT          NO        -
NO        enable        WANTYES/E DO
NO        disable       NO        -
YES       WILL-agreed   YES       -
YES       WILL-refused  YES       -
YES       WONT          NO        DONT
YES       enable        YES       -
YES       disable       WANTNO/E  DONT
WANTNO/E  WILL-agreed   NO        -
WANTNO/E  WILL-refused  NO        -
WANTNO/E  WONT          NO        -
WANTNO/E  enable        WANTNO/O  -
WANTNO/E  disable       WANTNO/E  -
WANTNO/O  WILL-agreed   YES       -
WANTNO/O  WILL-refused  YES       -
WANTNO/O  WONT          WANTYES/E DO
WANTNO/O  enable        WANTNO/O  -
WANTNO/O  disable       WANTNO/E  -
WANTYES/E WILL-agreed   YES       -
WANTYES/E WILL-refused  YES       -
WANTYES/E WONT          NO        -
WANTYES/E enable        WANTYES/E -
WANTYES/E disable       WANTYES/O -
WANTYES/O WILL-agreed   WANTNO/E  DONT
WANTYES/O WILL-refused  WANTNO/E  DONT
WANTYES/O WONT          NO        -
WANTYES/O enable        WANTYES/E -
WANTYES/O disable       WANTYES/O -
"""
STATES = {
    "NO": State.NO,
    "YES": State.YES,
    "WANTNO/E": State.WANT_NO,
    "WANTNO/O": State.WANT_NO_OPPOSITE,
    "WANTYES/E": State.WANT_YES,
    "WANTYES/O": State.WANT_YES_OPPOSITE,
}
ROWS = [tuple(row.split()) for row in RFC_1143.split("\n") if row]

#: How to bring a half into each state with the public methods.
PATHS = {
    State.NO: [],
    State.YES: ["peer on"],
    State.WANT_NO: ["peer on", "disable"],
    State.WANT_NO_OPPOSITE: ["peer on", "disable", "enable"],
    State.WANT_YES: ["enable"],
    State.WANT_YES_OPPOSITE: ["enable", "disable"],
}


def table_in(state, side):
    table = NegotiationTable(answers_per_option=50)
    for step in PATHS[state]:
        match step:
            case "peer on":
                table.peer_said(OPTION, ON_WORDS[side], wanted=True)
            case "enable":
                table.enable(OPTION, side)
            case "disable":
                table.disable(OPTION, side)
    assert table.state(OPTION, side) is state
    return table


def put_in(table, side, what):
    match what:
        case "WILL-agreed":
            return table.peer_said(OPTION, ON_WORDS[side], wanted=True)
        case "WILL-refused":
            return table.peer_said(OPTION, ON_WORDS[side], wanted=False)
        case "WONT":
            return table.peer_said(OPTION, OFF_WORDS[side], wanted=True)
        case "enable":
            return table.enable(OPTION, side)
        case "disable":
            return table.disable(OPTION, side)


def test_table_has_every_state_with_every_input():
    assert set(MOVES) == set(itertools.product(State, Input))
    assert len(ROWS) == len(MOVES)


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize(("before", "what", "after", "word"), ROWS)
def test_every_move_is_that_of_rfc_1143(side, before, what, after, word):
    table = table_in(STATES[before], side)

    outcome = put_in(table, side, what)

    say = {"-": Say.NOTHING, "DO": Say.ON, "DONT": Say.OFF}[word]
    assert table.state(OPTION, side) is STATES[after]
    assert outcome.word == (None if say is Say.NOTHING else WORDS[side, say])


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize(("before", "what", "after", "word"), ROWS)
def test_settled_tells_each_arrival_at_yes_or_no_and_nothing_else(side, before, what, after, word):
    table = table_in(STATES[before], side)

    outcome = put_in(table, side, what)

    arrived = before != after and after in ("YES", "NO")
    assert outcome.settled == ((after == "YES") if arrived else None)


@pytest.mark.parametrize("side", Side)
def test_other_half_and_other_options_stay_untouched(side):
    table = NegotiationTable(answers_per_option=50)

    table.peer_said(OPTION, ON_WORDS[side], wanted=True)

    assert table.agreed() == [(OPTION, side)]


def test_answers_to_will_and_do_are_never_mixed_up():
    table = NegotiationTable(answers_per_option=50)

    assert table.peer_said(1, Command.DO, wanted=False).word is Command.WONT
    assert table.peer_said(1, Command.WILL, wanted=False).word is Command.DONT


def test_waiting_names_the_halves_with_an_answer_due():
    table = NegotiationTable(answers_per_option=50)

    table.enable(24, Side.REMOTE)
    table.enable(25, Side.LOCAL)
    table.peer_said(25, Command.DONT, wanted=True)

    assert table.waiting == {(24, Side.REMOTE)}


def test_peer_that_keeps_changing_its_mind_is_answered_a_bounded_number_of_times():
    table = NegotiationTable(answers_per_option=7)

    words = [
        table.peer_said(OPTION, word, wanted=True).word
        for _ in range(100)
        for word in (Command.WILL, Command.WONT)
    ]

    assert len([word for word in words if word]) == 7
    assert table.peer_said(OPTION + 1, Command.WILL, wanted=True).word is Command.DO


@given(
    mine=st.lists(
        st.tuples(st.sampled_from(["enable", "disable"]), st.sampled_from(list(Side))), max_size=20
    ),
    theirs=st.lists(
        st.tuples(st.sampled_from(["enable", "disable"]), st.sampled_from(list(Side))), max_size=20
    ),
    agreeable=st.tuples(st.booleans(), st.booleans()),
    order=st.randoms(use_true_random=False),
)
def test_two_tables_on_one_wire_always_come_to_rest_and_agree(mine, theirs, agreeable, order):
    ends = [NegotiationTable(answers_per_option=1000), NegotiationTable(answers_per_option=1000)]
    wires = [[], []]  # wires[i] leads to ends[i]
    plans = [list(mine), list(theirs)]
    sent = 0

    while any(wires) or any(plans):
        end = order.choice([i for i in (0, 1) if wires[i] or plans[i]])
        if wires[end] and (not plans[end] or order.random() < 0.5):
            outcome = ends[end].peer_said(OPTION, wires[end].pop(0), wanted=agreeable[end])
        else:
            verb, side = plans[end].pop(0)
            outcome = getattr(ends[end], verb)(OPTION, side)
        if outcome.word is not None:
            wires[1 - end].append(outcome.word)
            sent += 1

    assert sent <= 2 * (len(mine) + len(theirs)) + 2
    assert not ends[0].waiting
    assert not ends[1].waiting
    for here, there in ((Side.LOCAL, Side.REMOTE), (Side.REMOTE, Side.LOCAL)):
        assert ends[0].state(OPTION, here) is ends[1].state(OPTION, there)


def test_each_word_is_about_one_half():
    assert PEER_WORDS == {
        Command.WILL: (Side.REMOTE, True),
        Command.WONT: (Side.REMOTE, False),
        Command.DO: (Side.LOCAL, True),
        Command.DONT: (Side.LOCAL, False),
    }

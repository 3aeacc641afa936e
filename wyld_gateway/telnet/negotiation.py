"""Option negotiation after RFC 1143, "the Q method of implementing TELNET option negotiation".

Each option has two halves (`Side`), and each half is a machine of six states. `NO` and `YES` are agreed. The
other four wait for an answer of the peer: `WANT_NO` after we asked to switch off, `WANT_YES` after we asked
to switch on, and their `_OPPOSITE` twins when we changed our mind before the answer came, which RFC 1143
writes as a queue of one.

Five inputs move a half. Two come from the peer: it says on (WILL for its half, DO for ours) or off (WONT,
DONT). Whether we agree to a half that the peer switches on unasked is the caller's policy, hence `PEER_ON`
and `PEER_ON_UNWANTED`; the two differ in state `NO` only. Two come from us: `ENABLE` and `DISABLE`. Both
halves follow the same table; only the words on the wire differ.

Three rules of the RFC make loops impossible, and the table holds them all: a request for the state we are in
gets no answer, we never ask for a state that we have asked for already, and there is one answer for each
change of state. A peer that breaks the rules can still keep two machines busy; `NegotiationTable` therefore
stops answering about an option after a bounded number of answers.

The table is complete: every state has every input. Pure.
"""

from __future__ import annotations

from enum import Enum

import attrs

from wyld_gateway.telnet.constants import Command
from wyld_gateway.telnet.events import Side


class State(Enum):
    """Where one half of one option stands (RFC 1143 section 7)."""

    NO = "off"
    YES = "on"
    WANT_NO = "switching off"
    WANT_NO_OPPOSITE = "switching off, then on"
    WANT_YES = "switching on"
    WANT_YES_OPPOSITE = "switching on, then off"


class Input(Enum):
    """What moves a half."""

    PEER_ON = "the peer says on, and we would agree"
    PEER_ON_UNWANTED = "the peer says on, and we would not agree"
    PEER_OFF = "the peer says off"
    ENABLE = "we want it on"
    DISABLE = "we want it off"


class Say(Enum):
    """What we send, before the half decides on the word."""

    NOTHING = "nothing"
    ON = "on"
    OFF = "off"


@attrs.frozen
class Move:
    """One entry of the table: the next state, what is sent, and whether the half settled, as `True` on or
    `False` off.
    """

    state: State
    say: Say = Say.NOTHING
    settled: bool | None = None


NO, YES = State.NO, State.YES
WANT_NO, WANT_NO_OPPOSITE = State.WANT_NO, State.WANT_NO_OPPOSITE
WANT_YES, WANT_YES_OPPOSITE = State.WANT_YES, State.WANT_YES_OPPOSITE

_AGREED = frozenset({NO, YES})

#: RFC 1143 section 7. What the RFC calls an error ("DONT answered by WILL") is accepted as it says there.
MOVES: dict[tuple[State, Input], Move] = {
    (NO, Input.PEER_ON): Move(YES, Say.ON, settled=True),
    (NO, Input.PEER_ON_UNWANTED): Move(NO, Say.OFF),
    (NO, Input.PEER_OFF): Move(NO),
    (NO, Input.ENABLE): Move(WANT_YES, Say.ON),
    (NO, Input.DISABLE): Move(NO),
    (YES, Input.PEER_ON): Move(YES),
    (YES, Input.PEER_ON_UNWANTED): Move(YES),
    (YES, Input.PEER_OFF): Move(NO, Say.OFF, settled=False),
    (YES, Input.ENABLE): Move(YES),
    (YES, Input.DISABLE): Move(WANT_NO, Say.OFF),
    (WANT_NO, Input.PEER_ON): Move(NO, settled=False),
    (WANT_NO, Input.PEER_ON_UNWANTED): Move(NO, settled=False),
    (WANT_NO, Input.PEER_OFF): Move(NO, settled=False),
    (WANT_NO, Input.ENABLE): Move(WANT_NO_OPPOSITE),
    (WANT_NO, Input.DISABLE): Move(WANT_NO),
    (WANT_NO_OPPOSITE, Input.PEER_ON): Move(YES, settled=True),
    (WANT_NO_OPPOSITE, Input.PEER_ON_UNWANTED): Move(YES, settled=True),
    (WANT_NO_OPPOSITE, Input.PEER_OFF): Move(WANT_YES, Say.ON),
    (WANT_NO_OPPOSITE, Input.ENABLE): Move(WANT_NO_OPPOSITE),
    (WANT_NO_OPPOSITE, Input.DISABLE): Move(WANT_NO),
    (WANT_YES, Input.PEER_ON): Move(YES, settled=True),
    (WANT_YES, Input.PEER_ON_UNWANTED): Move(YES, settled=True),
    (WANT_YES, Input.PEER_OFF): Move(NO, settled=False),
    (WANT_YES, Input.ENABLE): Move(WANT_YES),
    (WANT_YES, Input.DISABLE): Move(WANT_YES_OPPOSITE),
    (WANT_YES_OPPOSITE, Input.PEER_ON): Move(WANT_NO, Say.OFF),
    (WANT_YES_OPPOSITE, Input.PEER_ON_UNWANTED): Move(WANT_NO, Say.OFF),
    (WANT_YES_OPPOSITE, Input.PEER_OFF): Move(NO, settled=False),
    (WANT_YES_OPPOSITE, Input.ENABLE): Move(WANT_YES),
    (WANT_YES_OPPOSITE, Input.DISABLE): Move(WANT_YES_OPPOSITE),
}

#: The word on the wire for what we say about each half.
WORDS: dict[tuple[Side, Say], Command] = {
    (Side.LOCAL, Say.ON): Command.WILL,
    (Side.LOCAL, Say.OFF): Command.WONT,
    (Side.REMOTE, Say.ON): Command.DO,
    (Side.REMOTE, Say.OFF): Command.DONT,
}

#: What each word of the peer means: the half that it is about, and whether it says on.
PEER_WORDS: dict[Command, tuple[Side, bool]] = {
    Command.WILL: (Side.REMOTE, True),
    Command.WONT: (Side.REMOTE, False),
    Command.DO: (Side.LOCAL, True),
    Command.DONT: (Side.LOCAL, False),
}


@attrs.frozen
class Outcome:
    """What one input led to: the word to send about the option, if any, and the newly settled state, if any."""

    word: Command | None = None
    settled: bool | None = None


_NOTHING = Outcome()


class NegotiationTable:
    """Both halves of every option of one connection. Memory is one entry for each half that was ever touched:
    at most 512.

    Not for concurrent use; raises nothing.
    """

    __slots__ = ("_answers", "_answers_allowed", "_states", "waiting")

    def __init__(self, answers_per_option: int) -> None:
        self._states: dict[tuple[int, Side], State] = {}
        self.waiting: set[tuple[int, Side]] = set()
        """The halves about which the peer owes an answer; for reading only."""
        self._answers: dict[int, int] = {}
        self._answers_allowed = answers_per_option

    def state(self, option: int, side: Side) -> State:
        """Where one half stands."""
        return self._states.get((option, side), State.NO)

    def is_on(self, option: int, side: Side) -> bool:
        """Whether one half is agreed to be on."""
        return self.state(option, side) is State.YES

    def agreed(self) -> list[tuple[int, Side]]:
        """The halves that are on, in order of their option numbers."""
        on = [half for half, state in self._states.items() if state is State.YES]
        return sorted(on, key=lambda half: (half[0], half[1].value))

    def peer_said(self, option: int, word: Command, *, wanted: bool) -> Outcome:
        """Take WILL, WONT, DO or DONT of the peer. `wanted`: whether we agree to this half if the peer
        switches it on unasked.
        """
        answers = self._answers.get(option, 0)
        if answers >= self._answers_allowed:
            return _NOTHING
        side, on = PEER_WORDS[word]
        if on:
            outcome = self._move(option, side, Input.PEER_ON if wanted else Input.PEER_ON_UNWANTED)
        else:
            outcome = self._move(option, side, Input.PEER_OFF)
        if outcome.word is not None:
            self._answers[option] = answers + 1
        return outcome

    def enable(self, option: int, side: Side) -> Outcome:
        """Ask for one half to be on; nothing is sent if it is, or was asked for already."""
        return self._move(option, side, Input.ENABLE)

    def disable(self, option: int, side: Side) -> Outcome:
        """Ask for one half to be off; nothing is sent if it is, or was asked for already."""
        return self._move(option, side, Input.DISABLE)

    def _move(self, option: int, side: Side, what: Input) -> Outcome:
        half = (option, side)
        move = MOVES[self._states.get(half, State.NO), what]
        self._states[half] = move.state
        if move.state in _AGREED:
            self.waiting.discard(half)
        else:
            self.waiting.add(half)
        word = None if move.say is Say.NOTHING else WORDS[side, move.say]
        return Outcome(word, move.settled)

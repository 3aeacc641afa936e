"""Who sent what, who saw what, and whether both can be true.  (pure)

Each command carries a token, which stands in every line that it causes: who typed it, what it was, and a number that counts this
author's commands of that kind. So one line on one screen says whose command was carried out, and in what voice it is told: "You say"
to the author, "Ann gives you" to the one it concerns, "Ann says" to everybody else in the room. A line in a voice that is not the
viewer's own was meant for another player's eyes.

Some commands also move coins, which the database keeps. A command's number is the number of coins that it moves, so a command that took
effect twice, or only in the database, or only on the screens, leaves a difference that no other command makes up for.

What is judged, once nothing more comes:

- A command is **applied** if anyone saw a line of it, and **lost** if nobody did. It was **repeated** if everybody who could see it saw it more
  than once. One is **doubtful** if its author lost the connection before the answer: then it may be missing, and nothing else may be wrong with it.
- Of an applied command everyone concerned sees one line: it may be **missing** or **repeated** on one screen. It is **out of order** if a later
  command of the same author stands before it. And what all screens show must fit *some* single order in which the world did it.
- A line in another's voice, at someone whom it does not concern, or with another's secret word, means that sessions were **crossed**. A line
  of a command that was never sent is **unknown**.
- The coins must lie where the applied commands put them.
"""

from __future__ import annotations

import enum
import graphlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Final

import attrs

FLOOR: Final = "the floor"
"""The holder of the coins that lie in their owner's room."""

EXAMPLES: Final = 5
"""Findings of one kind that a verdict spells out; the others are only counted."""

Holdings = Mapping[tuple[str, str], int]
"""How many coins of an author (first) each holder has (second): a player, or `FLOOR`. Whoever has none may be left out."""


class Verb(enum.Enum):
    """What a command does."""

    SAY = "say"
    """Heard by everyone in the room."""
    TELL = "tell"
    """Heard by one player, perhaps elsewhere."""
    ASK = "ask"
    """Answered to its author alone; it holds the author's secret word."""
    GIVE = "give"
    """Moves coins to a player in the same room."""
    DROP = "drop"
    GET = "get"


class Voice(enum.Enum):
    """To whom a line speaks."""

    AUTHOR = "author"
    TARGET = "target"
    WITNESS = "witness"


@attrs.frozen(cache_hash=True)
class Token:
    """What is on every line of a command."""

    author: str
    verb: Verb
    number: int

    def __str__(self) -> str:
        return f"'{self.verb.value} {self.number}' of {self.author}"


@attrs.frozen
class Command:
    """One command, and everybody who must see a line of it: its author, its target and the witnesses."""

    token: Token
    target: str | None = None
    witnesses: frozenset[str] = frozenset()

    def audience(self) -> Iterator[str]:
        """Everybody who must see a line of it, each once."""
        yield self.token.author
        if self.target is not None:
            yield self.target
        yield from self.witnesses

    def voice_to(self, viewer: str) -> Voice | None:
        """The voice of the viewer's line; None if it does not concern the viewer."""
        if viewer == self.token.author:
            return Voice.AUTHOR
        if viewer == self.target:
            return Voice.TARGET
        return Voice.WITNESS if viewer in self.witnesses else None


@attrs.frozen
class Verdict:
    """What was found. The fields between `lost` and `dropped`, `expected` and `seen` excepted, must be 0; `findings` has words for them."""

    sent: int = 0
    applied: int = 0
    doubtful: int = 0
    """Not applied, and excused by a connection that its author lost."""
    lost: int = 0
    repeated: int = 0
    expected: int = 0
    """Lines that the applied commands make."""
    seen: int = 0
    lines_missing: int = 0
    lines_repeated: int = 0
    out_of_order: int = 0
    crossed: int = 0
    unknown: int = 0
    misplaced: int = 0
    """Holders of an author's coins who have another number than the applied commands gave them."""
    dropped: int = 0
    """Connections that ended and should not have."""
    findings: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether everything was as promised. A run in which nothing was applied proves nothing, and is not clean."""
        return self.applied > 0 and not any(self.violations())

    def violations(self) -> tuple[int, ...]:
        """The counts that must be 0."""
        commands, lines = (
            (self.lost, self.repeated),
            (self.lines_missing, self.lines_repeated, self.out_of_order),
        )
        return (*commands, *lines, self.crossed, self.unknown, self.misplaced, self.dropped)


@attrs.define
class Ledger:
    """The record of one run. Not for several threads.

    Args:
        start: Where the coins were before the first command.

    Attributes:
        sent: Commands so far.
        awaited: Lines that would still come if everything that was sent is applied.
        seen: Lines so far that had been awaited.
    """

    _start: Holdings = attrs.field(factory=dict)
    _commands: dict[Token, Command] = attrs.field(factory=dict)
    """In the order of sending."""
    _screens: dict[str, dict[Token, int]] = attrs.field(factory=lambda: defaultdict(dict))
    """How often each viewer saw each token, in the order of the first time."""
    _doubtful: set[Token] = attrs.field(factory=set)
    _crossed: list[str] = attrs.field(factory=list)
    _unknown: list[str] = attrs.field(factory=list)
    _dropped: list[str] = attrs.field(factory=list)
    awaited: int = 0
    seen: int = 0

    @property
    def sent(self) -> int:
        return len(self._commands)

    def send(self, command: Command) -> None:
        """Note a command that its author is about to send. Raises `ValueError` if the token was used before."""
        if command.token in self._commands:
            raise ValueError(f"{command.token} was sent before")
        self._commands[command.token] = command
        self.awaited += sum(1 for _ in command.audience())

    def see(self, viewer: str, token: Token, voice: Voice) -> None:
        """Note a line on a viewer's screen."""
        command = self._commands.get(token)
        if command is None:
            self._unknown.append(f"Unknown: {viewer} saw {token}, which nobody has sent.")
        elif command.voice_to(viewer) is not voice:
            self._crossed.append(f"Crossed: {viewer} saw what {token} said to its {voice.value}.")
        else:
            screen = self._screens[viewer]
            times = screen[token] = screen.get(token, 0) + 1
            if times == 1:
                self.awaited -= 1
                self.seen += 1

    def overhear(self, viewer: str, owner: str) -> None:
        """Note that a viewer saw the secret word of another player."""
        self._crossed.append(f"Crossed: {viewer} saw the secret word of {owner}.")

    def disconnect(self, player: str, *, expected: bool) -> None:
        """Note that a player's connection ended: what the player sent and saw no answer to is doubtful from now on."""
        if not expected:
            self._dropped.append(f"Dropped: the connection of {player} ended.")
        answered = self._screens[player]
        self._doubtful.update(
            token for token in self._commands if token.author == player and token not in answered
        )

    def judge(self, final: Holdings) -> Verdict:
        """What can be said when nothing more comes; `final` is where the database has the coins."""
        return _Judgement(self).pass_on(final)


class _Judgement:
    """One look at a whole record."""

    def __init__(self, record: Ledger) -> None:
        self._record = record
        self._commands = record._commands
        self._screens = record._screens
        self._times: dict[Token, int] = {}
        """How often each command was applied, where that is not never."""

    def pass_on(self, final: Holdings) -> Verdict:
        lost, doubtful = self._find_applied()
        repeated = [f"Repeated: {token} was applied {n} times." for token, n in self._times.items() if n > 1]
        missing, lines_repeated, expected = self._compare_lines()
        out_of_order = [*self._compare_with_authors(), *self._compare_screens()]
        misplaced = self._compare_coins(final)
        crossed, unknown, dropped = self._record._crossed, self._record._unknown, self._record._dropped
        kinds = (lost, repeated, missing, lines_repeated, out_of_order, crossed, unknown, misplaced, dropped)
        return Verdict(
            sent=len(self._commands),
            applied=len(self._times),
            doubtful=doubtful,
            lost=len(lost),
            repeated=len(repeated),
            expected=expected,
            seen=sum(sum(screen.values()) for screen in self._screens.values()),
            lines_missing=len(missing),
            lines_repeated=len(lines_repeated),
            out_of_order=len(out_of_order),
            crossed=len(crossed),
            unknown=len(unknown),
            misplaced=len(misplaced),
            dropped=len(dropped),
            findings=tuple(finding for kind in kinds for finding in _examples(kind)),
        )

    def _find_applied(self) -> tuple[list[str], int]:
        """Count how often each command was applied; those that are lost, and how many are missing and excused."""
        lost, doubtful = [], 0
        for token, command in self._commands.items():
            sightings = [self._screens[viewer].get(token, 0) for viewer in command.audience()]
            if any(sightings):
                self._times[token] = max(1, min(sightings))
            elif token in self._record._doubtful:
                doubtful += 1
            else:
                lost.append(f"Lost: nobody saw {token}.")
        return lost, doubtful

    def _compare_lines(self) -> tuple[list[str], list[str], int]:
        """Missing lines, repeated lines, and how many there should be."""
        missing, repeated, expected = [], [], 0
        for token, times in self._times.items():
            for viewer in self._commands[token].audience():
                expected += times
                seen = self._screens[viewer].get(token, 0)
                if seen == 0:
                    missing.append(f"Missing: {viewer} did not see {token}.")
                elif seen > times:
                    repeated.append(f"Repeated: {viewer} saw {token} {seen} times.")
        return missing, repeated, expected

    def _compare_with_authors(self) -> Iterator[str]:
        """Lines that stand behind one of a later command of the same author."""
        order = {token: place for place, token in enumerate(self._commands)}
        for viewer, screen in self._screens.items():
            latest: dict[str, Token] = {}
            for token in screen:
                before = latest.setdefault(token.author, token)
                if order[token] < order[before]:
                    yield f"Out of order: {viewer} saw {before} before {token}."
                else:
                    latest[token.author] = token

    def _compare_screens(self) -> Iterator[str]:
        """A contradiction between screens, if there is one: no order in which the world did things shows all of them."""
        order: graphlib.TopologicalSorter[Token] = graphlib.TopologicalSorter()
        for screen in self._screens.values():
            for earlier, later in pairwise(screen):
                order.add(later, earlier)
        try:
            order.prepare()
        except graphlib.CycleError as error:
            cycle = error.args[1]
            yield f"Out of order: the players do not agree which came first, {cycle[0]} or {cycle[1]}."

    def _compare_coins(self, final: Holdings) -> list[str]:
        expected = dict(self._record._start)
        for token, times in self._times.items():
            for holder, sign in _coins_moved(self._commands[token]):
                key = (token.author, holder)
                expected[key] = expected.get(key, 0) + sign * times * token.number
        return [
            f"Misplaced: {holder} has {final.get((author, holder), 0)} coins of {author}"
            f" and should have {expected.get((author, holder), 0)}."
            for author, holder in sorted({*expected, *final})
            if final.get((author, holder), 0) != expected.get((author, holder), 0)
        ]


def _coins_moved(command: Command) -> tuple[tuple[str, int], ...]:
    """Who has fewer and who has more of the author's coins when the command took effect once."""
    author = command.token.author
    match command.token.verb:
        case Verb.GIVE if command.target is not None:
            return (author, -1), (command.target, 1)
        case Verb.DROP:
            return (author, -1), (FLOOR, 1)
        case Verb.GET:
            return (FLOOR, -1), (author, 1)
    return ()


def _examples(findings: list[str]) -> Iterator[str]:
    yield from findings[:EXAMPLES]
    if len(findings) > EXAMPLES:
        kind = findings[0].partition(":")[0]
        yield f"{kind}: {len(findings) - EXAMPLES:,} more like these."

"""The ledger: a clean record passes, and every kind of damage to one is found."""

from __future__ import annotations

import random
from collections.abc import Callable

import attrs
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from wyld.bench import arena
from wyld.bench.ledger import EXAMPLES, FLOOR, Command, Ledger, Token, Verb, Verdict, Voice

Line = tuple[Token, Voice]


@attrs.define
class Record:
    """What happened in one run, to be damaged: commands in the order of sending, screens, and coins before and after."""

    names: list[str]
    commands: list[Command]
    screens: dict[str, list[Line]]
    start: dict[tuple[str, str], int]
    coins: dict[tuple[str, str], int]

    def ledger(self) -> Ledger:
        ledger = Ledger(self.start)
        for command in self.commands:
            ledger.send(command)
        for viewer, lines in self.screens.items():
            for token, voice in lines:
                ledger.see(viewer, token, voice)
        return ledger

    def verdict(self) -> Verdict:
        return self.ledger().judge(self.coins)

    def move_coins(self, command: Command, times: int = 1) -> None:
        token = command.token
        if token.verb not in (Verb.GIVE, Verb.DROP, Verb.GET):
            return
        holder = command.target or FLOOR
        gained = token.number * times * (-1 if token.verb is Verb.GET else 1)
        key = (token.author, holder)
        self.coins[key] = self.coins.get(key, 0) + gained
        self.coins[token.author, token.author] -= gained


def clean_record(seed: int, players: int, count: int) -> Record:
    """A run in which the world did everything once, in an order of its own in which each author's commands keep theirs."""
    dice = random.Random(seed)
    roles = arena.cast(players, dice)
    names = [role.name for role in roles]
    scripts = {role.name: arena.Script(role, names, dice) for role in roles}
    sent = [scripts[dice.choice(names)].next() for _ in range(count)]
    start = arena.coins_at_start(roles)
    record = Record(names, sent, {name: [] for name in names}, start, dict(start))
    waiting = {name: [command for command in sent if command.token.author == name] for name in names}
    while any(waiting.values()):
        command = waiting[dice.choice([name for name in names if waiting[name]])].pop(0)
        record.move_coins(command)
        for viewer in command.audience():
            voice = command.voice_to(viewer)
            assert voice is not None
            record.screens[viewer].append((command.token, voice))
    return record


records = st.builds(clean_record, st.integers(0, 2**32), st.integers(1, 8), st.integers(1, 60))
crowds = st.builds(clean_record, st.integers(0, 2**32), st.integers(3, 8), st.integers(5, 60))
picks = st.integers(0, 10_000)


def pick(things: list[Command], which: int) -> Command:
    assume(things)
    return things[which % len(things)]


def screens_with(record: Record, token: Token) -> list[list[Line]]:
    return [lines for lines in record.screens.values() if any(seen == token for seen, _ in lines)]


def public(record: Record) -> list[Command]:
    return [command for command in record.commands if len(list(command.audience())) > 1]


def only(verdict: Verdict, **counts: int) -> None:
    """Asserts that these violations were found and no others, and that there are words for them."""
    assert not verdict.clean
    names = {
        *("lost", "repeated", "lines_missing", "lines_repeated", "out_of_order"),
        *("crossed", "unknown", "misplaced", "dropped"),
    }
    assert {name: n for name in names if (n := getattr(verdict, name))} == counts
    assert verdict.findings


@given(records)
def test_a_run_in_which_everything_happened_once_is_clean(record: Record) -> None:
    ledger = record.ledger()

    verdict = ledger.judge(record.coins)

    assert verdict.clean
    assert verdict.findings == ()
    assert verdict.sent == verdict.applied == ledger.sent == len(record.commands)
    assert verdict.expected == verdict.seen == ledger.seen == sum(map(len, record.screens.values()))
    assert ledger.awaited == 0


@given(records, picks)
def test_a_command_that_nobody_saw_is_lost(record: Record, which: int) -> None:
    command = pick(record.commands, which)
    for lines in screens_with(record, command.token):
        lines[:] = [line for line in lines if line[0] != command.token]
    record.move_coins(command, -1)

    assert not record.verdict().clean
    only(record.verdict(), lost=1)
    assert record.ledger().awaited == len(list(command.audience()))


@given(crowds, picks, picks)
def test_a_line_that_one_viewer_did_not_see_is_missing(record: Record, which: int, whose: int) -> None:
    command = pick(public(record), which)
    screens = screens_with(record, command.token)
    lines = screens[whose % len(screens)]
    lines[:] = [line for line in lines if line[0] != command.token]

    only(record.verdict(), lines_missing=1)


@given(crowds, picks, picks, picks)
def test_a_line_that_one_viewer_saw_again_is_repeated(
    record: Record, which: int, whose: int, later: int
) -> None:
    command = pick(public(record), which)
    screens = screens_with(record, command.token)
    lines = screens[whose % len(screens)]
    place = next(i for i, line in enumerate(lines) if line[0] == command.token)
    lines.insert(place + 1 + later % (len(lines) - place), lines[place])

    only(record.verdict(), lines_repeated=1)


@given(records, picks, st.integers(1, 3))
def test_a_command_that_took_effect_again_is_repeated(record: Record, which: int, again: int) -> None:
    command = pick(record.commands, which)
    for lines in screens_with(record, command.token):
        lines += [line for line in lines if line[0] == command.token] * again
    record.move_coins(command, again)

    only(record.verdict(), repeated=1)


@given(records, picks)
def test_a_command_that_took_effect_again_in_the_database_alone_is_found(record: Record, which: int) -> None:
    movers = [c for c in record.commands if c.token.verb in (Verb.GIVE, Verb.DROP, Verb.GET)]
    record.move_coins(pick(movers, which))

    only(record.verdict(), misplaced=2)


@given(records, picks, st.integers(1, 50))
def test_coins_that_came_from_nowhere_are_found(record: Record, which: int, extra: int) -> None:
    key = sorted(record.coins)[which % len(record.coins)]
    record.coins[key] += extra

    only(record.verdict(), misplaced=1)


@given(records, picks, picks)
def test_two_commands_of_one_author_in_the_wrong_order_are_found(
    record: Record, whose: int, which: int
) -> None:
    lines = record.screens[record.names[whose % len(record.names)]]
    pairs = [(i, i + 1) for i in range(len(lines) - 1) if lines[i][0].author == lines[i + 1][0].author]
    assume(pairs)
    first, second = pairs[which % len(pairs)]
    lines[first], lines[second] = lines[second], lines[first]

    verdict = record.verdict()

    assert verdict.out_of_order >= 1
    only(verdict, out_of_order=verdict.out_of_order)


@given(crowds, picks, picks)
def test_two_screens_that_contradict_each_other_are_found(record: Record, whose: int, which: int) -> None:
    name = record.names[whose % len(record.names)]
    lines = record.screens[name]
    others = [{token for token, _ in seen} for viewer, seen in record.screens.items() if viewer != name]
    pairs = [
        i
        for i in range(len(lines) - 1)
        if lines[i][0].author != lines[i + 1][0].author
        and any({lines[i][0], lines[i + 1][0]} <= other for other in others)
    ]
    assume(pairs)
    place = pairs[which % len(pairs)]
    lines[place], lines[place + 1] = lines[place + 1], lines[place]

    only(record.verdict(), out_of_order=1)


@given(crowds, picks, picks)
def test_a_line_on_the_wrong_screen_is_crossed(record: Record, which: int, whose: int) -> None:
    command = pick(record.commands, which)
    voice, viewer = Voice.AUTHOR, record.names[whose % len(record.names)]
    assume(viewer != command.token.author)
    record.screens[viewer].append((command.token, voice))

    only(record.verdict(), crossed=1)


@given(crowds, picks, picks)
def test_two_sessions_that_changed_places_are_crossed(record: Record, which: int, whose: int) -> None:
    one, two = record.names[which % len(record.names)], record.names[whose % len(record.names)]
    assume(one != two and record.screens[one] != record.screens[two])
    record.screens[one], record.screens[two] = record.screens[two], record.screens[one]

    assert record.verdict().crossed >= 1
    assert not record.verdict().clean


@given(records)
def test_a_secret_word_on_a_wrong_screen_is_crossed(record: Record) -> None:
    ledger = record.ledger()
    ledger.overhear("eve", record.names[0])

    only(ledger.judge(record.coins), crossed=1)


@given(records, st.sampled_from(Verb))
def test_a_line_of_a_command_that_was_never_sent_is_unknown(record: Record, verb: Verb) -> None:
    viewer = record.names[0]
    record.screens[viewer].append((Token(viewer, verb, 1), Voice.AUTHOR))

    only(record.verdict(), unknown=1)


@given(records)
def test_a_connection_that_should_have_stayed_is_dropped(record: Record) -> None:
    ledger = record.ledger()
    ledger.disconnect(record.names[0], expected=False)

    only(ledger.judge(record.coins), dropped=1)


@given(crowds, picks)
def test_a_lost_connection_excuses_what_was_not_answered_and_nothing_else(record: Record, which: int) -> None:
    command = pick(public(record), which)
    author = command.token.author
    for lines in screens_with(record, command.token):
        lines[:] = [line for line in lines if line[0] != command.token]
    record.move_coins(command, -1)
    excused, too_late = record.ledger(), record.ledger()
    excused.disconnect(author, expected=True)
    too_late.disconnect(next(name for name in record.names if name != author), expected=True)

    verdict = excused.judge(record.coins)

    assert verdict.lost == 0
    assert verdict.doubtful == 1
    assert verdict.clean == (verdict.applied > 0)
    only(too_late.judge(record.coins), lost=1)


@given(crowds, picks)
def test_a_doubtful_command_that_some_saw_must_have_been_seen_by_all(record: Record, which: int) -> None:
    command = pick(public(record), which)
    author = record.screens[command.token.author]
    author[:] = [line for line in author if line[0] != command.token]
    ledger = record.ledger()
    ledger.disconnect(command.token.author, expected=True)

    only(ledger.judge(record.coins), lines_missing=1)


def test_nothing_proves_nothing() -> None:
    assert not Ledger().judge({}).clean


def test_a_token_cannot_be_used_twice() -> None:
    ledger = Ledger()
    ledger.send(Command(Token("ann", Verb.SAY, 2)))

    with pytest.raises(ValueError, match="'say 2' of ann was sent before"):
        ledger.send(Command(Token("ann", Verb.SAY, 2), witnesses=frozenset({"ben"})))


def say(number: int) -> Command:
    return Command(Token("ann", Verb.SAY, number))


def forget(ledger: Ledger) -> None:
    for number in range(2, 20):
        ledger.send(say(number))


def invent(ledger: Ledger) -> None:
    for number in range(2, 20):
        ledger.see("ann", say(number).token, Voice.AUTHOR)


@pytest.mark.parametrize(("damage", "kind"), [(forget, "Lost"), (invent, "Unknown")])
def test_a_long_list_of_findings_is_cut(damage: Callable[[Ledger], None], kind: str) -> None:
    ledger = Ledger()
    damage(ledger)

    findings = ledger.judge({}).findings

    assert len(findings) == EXAMPLES + 1
    assert all(finding.startswith(kind) for finding in findings)
    assert findings[-1] == f"{kind}: {18 - EXAMPLES} more like these."

"""A small world to play in: its area files, its players, what they type, and what a line on a screen tells.  (pure)

The arena has a gate, where characters wake, and halls, in each of which a few players stay for the whole run: who hears whom never
changes, so the audience of each command is known beforehand. Nobody else lives there and nothing happens by itself.

Every player has coins that no other player mints, half of them in the pocket and half on the floor of the hall. Commands about coins therefore
never fail, whatever became of other commands: they move as many coins as their number says, and the piles only have to last.

The sentences below are those of the world's commands. Names and secret words are of fixed lengths, so that none begins like another.
"""

from __future__ import annotations

import itertools
import random as random_module
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from wyld.bench.ledger import FLOOR, Command, Token, Verb, Voice

AREA: Final = "arena"
GATE: Final = "The Gate of the Arena"
HALL_SIZE: Final = 6
"""Players who hear each other: every line is seen by so many, so the work grows with the players and not with their square."""

PILE: Final = 10_000
PILES: Final = 8
"""Coins in one pile, and piles of one player: as many as an area file may place; 6 players' piles fit the list of a room."""

POCKET: Final = PILE * PILES // 2
LAST_GIFT: Final = 200
"""The number of a player's last gift: all of them together are half a pocket. What is dropped is picked up again, so that the other half lasts
for a day."""

_WEIGHTS: Final = {Verb.SAY: 45, Verb.TELL: 15, Verb.ASK: 10, Verb.GIVE: 6, Verb.DROP: 12, Verb.GET: 12}
"""How often each kind of command is typed, in percent. Drop and get alternate."""

_CONSONANTS, _VOWELS = "bdfgklmnprstvz", "aeiou"
_WORDS: Final = tuple(map("".join, itertools.product(_CONSONANTS, _VOWELS, _CONSONANTS, _VOWELS)))
_SECRET: Final = re.compile(r"\bzq[a-z]{6}\b")
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"

_LINES: Final = tuple(
    (re.compile(pattern), verb, voice)
    for pattern, verb, voice in (
        (r"\bYou say, '(?P<n>\d+) words of (?P<who>\w+)'", Verb.SAY, Voice.AUTHOR),
        (r"\b(?P<who>\w+) says, '(?P<n>\d+) words of (?i:(?P=who))'", Verb.SAY, Voice.WITNESS),
        (r"\[tell\] You to \w+: (?P<n>\d+) whispers of (?P<who>\w+)", Verb.TELL, Voice.AUTHOR),
        (r"\[tell\] (?P<who>\w+) to you: (?P<n>\d+) whispers of (?i:(?P=who))", Verb.TELL, Voice.TARGET),
        (r"\bYou give (?P<n>\d+) (?P<who>\w+)coins to \w+\.", Verb.GIVE, Voice.AUTHOR),
        (r"\b(?P<who>\w+) gives you (?P<n>\d+) (?i:(?P=who))coins\.", Verb.GIVE, Voice.TARGET),
        (r"\b(?P<who>\w+) gives (?P<n>\d+) (?i:(?P=who))coins to \w+\.", Verb.GIVE, Voice.WITNESS),
        (r"\bYou put down (?P<n>\d+) (?P<who>\w+)coins\.", Verb.DROP, Voice.AUTHOR),
        (r"\b(?P<who>\w+) puts down (?P<n>\d+) (?i:(?P=who))coins\.", Verb.DROP, Voice.WITNESS),
        (r"\bYou pick up (?P<n>\d+) (?P<who>\w+)coins\.", Verb.GET, Voice.AUTHOR),
        (r"\b(?P<who>\w+) picks up (?P<n>\d+) (?i:(?P=who))coins\.", Verb.GET, Voice.WITNESS),
    )
)
_ANSWER: Final = re.compile(r"\bYou see no '(?P<n>\d+) (?P<secret>zq[a-z]{6})' here\.")


@attrs.frozen
class Role:
    """One player: name and account, which are the same word, what only this player may see, and who is in the same hall."""

    name: str
    secret: str
    password: str
    hall: str
    mates: tuple[str, ...]


@attrs.frozen
class Step:
    """Something to type, and the words in a line that answer it."""

    line: str
    answer: str


def cast(players: int, random: random_module.Random) -> tuple[Role, ...]:
    """The players of a run, evenly spread over as few halls as will do. Neighbours in the list are in different halls."""
    words = random.sample(_WORDS, players + -(-players // HALL_SIZE))
    people, halls = words[:players], words[players:]
    return tuple(
        Role(
            name,
            secret="zq" + "".join(random.choices(_LETTERS, k=6)),
            password="".join(random.choices(_LETTERS, k=20)),
            hall=halls[index % len(halls)],
            mates=tuple(mate for mate in people[index % len(halls) :: len(halls)] if mate != name),
        )
        for index, name in enumerate(people)
    )


def area_files(roles: Sequence[Role]) -> dict[str, str]:
    """The arena as area files: names and contents."""
    halls = {role.hall: [role.name, *role.mates] for role in roles}
    exits = ", ".join(f'{hall} = {{ to = "{hall}", one_way = true }}' for hall in halls)
    gate = f'[rooms.gate]\nname = "{GATE}"\ndescription = "Many doors."\nexits = {{ {exits} }}\n'
    rooms = [
        f'[rooms.{hall}]\nname = "{_hall_name(hall)}"\ndescription = "Bare walls."\nitems = ['
        + ", ".join([f'{{ item = "{name}", count = {PILE} }}' for name in people for _ in range(PILES)])
        + "]\n"
        for hall, people in halls.items()
    ]
    coins = [
        f'[items.{role.name}]\nname = "a {role.name}coin"\nplural = "{role.name}coins"\ndescription = "Thin."\n'
        for role in roles
    ]
    return {
        f"{AREA}.toml": "\n".join(['name = "The Arena"\n', gate, *rooms, *coins]),
        "characters.toml": _CHARACTERS,
    }


_CHARACTERS: Final = f"""\
start = "{AREA}.gate"
[races.human]
summary = "As you are."
[classes.player]
summary = "Here to play."
[attributes.patience]
summary = "Needed."
[points]
minimum = 1
maximum = 2
spend = 1
"""


def _hall_name(hall: str) -> str:
    return f"The Hall of {hall.capitalize()}"


def entering(role: Role) -> tuple[Step, ...]:
    """From the first prompt to the place in the hall, with half of the coins in the pocket."""
    name = role.name.capitalize()
    return (
        Step(f"create {role.name} {role.password}", "no character yet"),
        Step(f"new {name} quick", f"{name} is ready"),
        Step(f"play {name}", GATE),
        Step(f"go {role.hall}", _hall_name(role.hall)),
        Step(f"get all.{role.name}coins", f"You pick up {PILE}"),
        Step(f"drop {POCKET} {role.name}coins", f"You put down {POCKET}"),
    )


def returning(role: Role) -> tuple[Step, ...]:
    """From the first prompt back to the place in the hall."""
    return (Step(f"connect {role.name} {role.password} {role.name}", _hall_name(role.hall)),)


def coins_at_start(roles: Sequence[Role]) -> dict[tuple[str, str], int]:
    """Where the coins are once everybody has entered."""
    return {(role.name, holder): POCKET for role in roles for holder in (role.name, FLOOR)}


def holder_in(role: Role, place: str) -> str:
    """The holder of coins of `role` that lie at a place, which is a player's name or, as "arena.hall", a room."""
    return FLOOR if place == f"{AREA}.{role.hall}" else place.lower()


def wording(command: Command, role: Role) -> str:
    """What the author, `role`, types."""
    number = command.token.number
    match command.token.verb:
        case Verb.SAY:
            return f"say {number} words of {role.name}"
        case Verb.TELL:
            return f"tell {command.target} {number} whispers of {role.name}"
        case Verb.ASK:
            return f"get {number} {role.secret}"
        case Verb.GIVE:
            return f"give {number} {role.name}coins to {command.target}"
        case _:
            return f"{command.token.verb.value} {number} {role.name}coins"


class Reader:
    """What lines tell, for one set of players."""

    def __init__(self, roles: Sequence[Role]) -> None:
        self._owners: Mapping[str, str] = {role.secret: role.name for role in roles}

    def token(self, line: str) -> tuple[Token, Voice] | None:
        """The command that a line belongs to, and its voice; None for a line that belongs to none."""
        if match := _ANSWER.search(line):
            owner = self._owners.get(match["secret"])
            return (Token(owner, Verb.ASK, int(match["n"])), Voice.AUTHOR) if owner else None
        for pattern, verb, voice in _LINES:
            if match := pattern.search(line):
                number = int(match["n"])
                if number == POCKET:  # the one of `entering`
                    return None
                return Token(match["who"].lower(), verb, number), voice
        return None

    def owners(self, line: str) -> list[str]:
        """The players whose secret words are in a line."""
        if "zq" not in line:
            return []
        return [owner for secret in _SECRET.findall(line) if (owner := self._owners.get(secret))]


class Script:
    """What one player does: an endless series of commands, the same for the same `random`."""

    def __init__(self, role: Role, everybody: Sequence[str], random: random_module.Random) -> None:
        self._role = role
        self._others = [name for name in everybody if name != role.name]
        self._random = random
        # From 2, because one coin is "a coin" and not "1 coins".
        self._numbers = Counter(dict.fromkeys(Verb, 1))

    def next(self) -> Command:
        """The next command."""
        (verb,) = self._random.choices(list(_WEIGHTS), list(_WEIGHTS.values()))
        if verb in (Verb.DROP, Verb.GET):
            verb = Verb.GET if self._numbers[Verb.DROP] > self._numbers[Verb.GET] else Verb.DROP
        people: Sequence[str] = {Verb.TELL: self._others, Verb.GIVE: self._role.mates}.get(verb, ())
        if verb in (Verb.TELL, Verb.GIVE) and not people:
            verb = Verb.SAY
        if verb is Verb.GIVE and self._numbers[verb] == LAST_GIFT:
            verb, people = Verb.SAY, ()
        self._numbers[verb] += 1
        target = self._random.choice(people) if people else None
        witnesses = (
            frozenset(self._role.mates) - {target} if verb not in (Verb.TELL, Verb.ASK) else frozenset()
        )
        return Command(Token(self._role.name, verb, self._numbers[verb]), target, witnesses)

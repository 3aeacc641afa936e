"""The questions about a new character, asked from the lists that the world sends.

Whatever is offered and allowed comes from `CreationChoices`; this module only asks, and explains. The world checks again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from wyld_gateway.dialogue import Dialogue
from wyld_rpc.messages import CharacterCreationData, Choice, CreationChoices

BACK: Final = "back"


class GivenUp(Exception):
    """The player said "back"."""


class NotUnderstood(ValueError):
    """What was typed is no answer; the message says why, to the player."""


def quick(name: str, choices: CreationChoices) -> CharacterCreationData:
    """A character with the first of everything and its points spread evenly."""
    return CharacterCreationData(name, choices.races[0].name, choices.classes[0].name, spread_evenly(choices))


async def ask_for_all(dialogue: Dialogue, name: str, choices: CreationChoices) -> CharacterCreationData:
    """Ask for race, class, attributes and description.

    Raises:
        GivenUp: The player would rather not.
        ConnectionEnded: The client is gone.
    """
    dialogue.say(f'Let us make {name}. Enter alone takes what stands in brackets; "{BACK}" goes back.')
    race = await _ask_choice(dialogue, "Race", choices.races)
    character_class = await _ask_choice(dialogue, "Class", choices.classes)
    attributes = await _ask_attributes(dialogue, choices)
    limit = choices.description_limit
    dialogue.say(f"What does one see who looks at {name}? One line, at most {limit} characters; or nothing.")
    while len(description := await _ask(dialogue, "Description: ")) > limit:
        dialogue.say(
            f"That has {len(description)} characters; at most {limit} are kept. Please say it shorter."
        )
    return CharacterCreationData(name, race, character_class, attributes, description)


async def _ask(dialogue: Dialogue, prompt: str) -> str:
    line = await dialogue.ask(prompt)
    if line.lower() == BACK:
        raise GivenUp
    return line


async def _ask_choice(dialogue: Dialogue, what: str, choices: Sequence[Choice]) -> str:
    dialogue.say("\n".join(f"  {n}. {choice.name} - {choice.summary}" for n, choice in enumerate(choices, 1)))
    while True:
        line = await _ask(dialogue, f"{what} [{choices[0].name}]: ")
        try:
            return pick(line, [choice.name for choice in choices])
        except NotUnderstood as problem:
            dialogue.say(str(problem))


async def _ask_attributes(dialogue: Dialogue, choices: CreationChoices) -> dict[str, int]:
    dialogue.say("\n".join(f"  {choice.name} - {choice.summary}" for choice in choices.attributes))
    first = choices.attributes[0].name
    dialogue.say(
        f"Each begins at {choices.attribute_minimum} and ends at {choices.attribute_maximum}. You have "
        f'{choices.attribute_points} points to add: for example "{first} {choices.attribute_points}".'
    )
    while True:
        line = await _ask(dialogue, "Points [spread evenly]: ")
        try:
            return spend(line, choices)
        except NotUnderstood as problem:
            dialogue.say(str(problem))


def pick(line: str, names: Sequence[str]) -> str:
    """The name that a line means: a number from 1, the name or its beginning; the first one if the line is empty.

    Raises:
        NotUnderstood: It means none of them, or more than one.
    """
    if not line:
        return names[0]
    if line.isdecimal() and line.isascii():
        number = int(line[:9])
        if 1 <= number <= len(names):
            return names[number - 1]
        raise NotUnderstood(f"Please type a number from 1 to {len(names)}, or a name.")
    word = line.lower()
    found = [name for name in names if name.lower() == word] or [
        name for name in names if name.lower().startswith(word)
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise NotUnderstood(f'"{line}" may mean {" or ".join(found)}.')
    raise NotUnderstood(f'"{line}" is none of them: {", ".join(names)}.')


def spread_evenly(choices: CreationChoices) -> dict[str, int]:
    """All points spent, one after another, as far as the maximum lets them."""
    values = {choice.name: choices.attribute_minimum for choice in choices.attributes}
    points = choices.attribute_points
    while points > 0 and (
        open_names := [name for name in values if values[name] < choices.attribute_maximum]
    ):
        for name in open_names[:points]:
            values[name] += 1
        points -= len(open_names)
    return values


def spend(line: str, choices: CreationChoices) -> dict[str, int]:
    """Attributes from a line of pairs such as "strength 3 mind 2"; an empty one spreads the points evenly.

    Raises:
        NotUnderstood: They are no pairs, or not exactly all points are spent, or one attribute gets too many.
    """
    words = line.replace(",", " ").replace("+", " ").split()
    if not words:
        return spread_evenly(choices)
    names = [choice.name for choice in choices.attributes]
    values = dict.fromkeys(names, choices.attribute_minimum)
    if len(words) % 2 or not all(word.isascii() and word.isdecimal() for word in words[1::2]):
        raise NotUnderstood(
            f'Please type pairs of a name and a number, such as "{names[0]} {choices.attribute_points}".'
        )
    for name, points in zip(words[::2], words[1::2], strict=True):
        values[pick(name, names)] += int(points[:9])
    spent = sum(values.values()) - choices.attribute_minimum * len(names)
    if spent != choices.attribute_points:
        raise NotUnderstood(f"These are {spent} points, and there are {choices.attribute_points} to spend.")
    if max(values.values()) > choices.attribute_maximum:
        raise NotUnderstood(f"No attribute may end above {choices.attribute_maximum}.")
    return values

"""Looking around: at the room, at people and things, into containers, along the ways; and reading."""

from __future__ import annotations

from wyld_rpc.messages import FormattedText, Span, Text
from wyld_world.commands.family import Family, Refused
from wyld_world.commands.moving import SHORT_DIRECTIONS, describe_exit, find_exit
from wyld_world.commands.targets import Target, choose, choose_person, parse
from wyld_world.model import views
from wyld_world.model.outlet import Context
from wyld_world.model.prototypes import DIRECTIONS
from wyld_world.model.things import Character, Exit, Item, Npc
from wyld_world.model.wording import capital, definite, listing

FAMILY = Family("looking", "seeing what is around you")


@FAMILY.command(
    "look",
    usage="look, look <thing or person or direction>, look in <container>",
    summary="see the place, or something in it",
    aliases=("l",),
)
def look(context: Context, argument: str) -> None:
    actor = context.actor
    first, _, rest = argument.partition(" ")
    if not argument:
        context.outlet.send((actor,), views.describe(actor.here, actor))
    elif first in ("in", "into", "inside") and rest:
        _look_in(context, rest)
    elif (direction := SHORT_DIRECTIONS.get(argument, argument)) in DIRECTIONS:
        exit_ = actor.here.exits.get(direction)
        text = f"There is no way {direction} from here." if exit_ is None else describe_exit(exit_)
        context.outlet.send((actor,), Text(text))
    else:
        _look_at(context, rest if first == "at" and rest else argument)


@FAMILY.command(
    "examine",
    usage="examine <thing or person>",
    summary="look closely, and see what can be done with a thing",
    aliases=("x",),
)
def examine(context: Context, argument: str) -> None:
    if not argument:
        raise Refused("Examine what?")
    item = choose(visible_items(context), parse(argument))
    if item is None:
        _look_at(context, argument)
        return
    spans = [Span(capital(item.name), "title"), Span(f"\n{item.prototype.description}")]
    spans += [Span(f"\n{fact}") for fact in _facts(item)]
    context.outlet.send((context.actor,), FormattedText(tuple(spans)))


@FAMILY.command("read", usage="read <thing>", summary="read what is written on something")
def read(context: Context, argument: str) -> None:
    if not argument:
        raise Refused("Read what?")
    target = parse(argument)
    item = choose(visible_items(context), target)
    if item is None:
        raise nothing_like(target)
    prototype = item.prototype
    if not prototype.writing:
        raise Refused(f"There is nothing to read on {definite(item.name)}.")
    if prototype.drawing:
        context.outlet.send((context.actor,), FormattedText((Span(prototype.drawing),), decor=True))
    spans = (Span(f"{capital(definite(item.name))} reads:", "title"), Span(f"\n{prototype.writing}"))
    context.outlet.send((context.actor,), FormattedText(spans))


def visible_items(context: Context) -> list[Item]:
    """What the actor can see and touch: what lies here, then what it carries."""
    return [*context.actor.here.items, *context.actor.items]


def nothing_like(target: Target) -> Refused:
    return Refused(f"You see no '{target.said}' here.")


def find_container(context: Context, phrase: str) -> Item:
    """A container in reach; raises `Refused`."""
    target = parse(phrase)
    item = choose(visible_items(context), target)
    if item is None:
        raise nothing_like(target)
    if not item.prototype.capacity:
        raise Refused(f"{capital(definite(item.name))} holds nothing and never will.")
    return item


def _look_in(context: Context, phrase: str) -> None:
    container = find_container(context, phrase)
    name = definite(container.name)
    if container.items:
        text = f"In {name}:\n" + "\n".join(item.name for item in container.items)
    else:
        text = f"{capital(name)} is empty."
    context.outlet.send((context.actor,), Text(text))


def _look_at(context: Context, phrase: str) -> None:
    actor, room = context.actor, context.actor.here
    target = parse("myself" if phrase in ("me", "self") else phrase)
    if target.said == "myself":
        person: Character | Npc | None = actor
    else:
        person = choose_person(room.characters, room.npcs, target)
    if person is not None:
        context.outlet.send((actor,), Text(_describe_person(person)))
        return
    item = choose(visible_items(context), target)
    if item is not None:
        context.outlet.send((actor,), Text(item.prototype.description))
        return
    detail = next((text for word, text in room.details.items() if target.matches(word.split())), None)
    if detail is not None:
        context.outlet.send((actor,), Text(detail))
        return
    exit_ = find_exit(room, target.said) or _exit_with_door(context, target)
    if exit_ is None:
        raise nothing_like(target)
    context.outlet.send((actor,), Text(describe_exit(exit_)))


def _exit_with_door(context: Context, target: Target) -> Exit | None:
    ways = context.actor.here.exits.values()
    return next((way for way in ways if way.door and target.matches(way.door.prototype.keywords)), None)


def _describe_person(person: Character | Npc) -> str:
    if isinstance(person, Npc):
        fallen = f"\n{views.title(person)} lies on its back." if person.rises else ""
        return f"{person.prototype.description}{fallen}"
    lines = [f"{views.person(person)}: {person.race}, {person.character_class}."]
    if person.description:
        lines.append(person.description)
    lines += [f"On {slot.value}: {item.name}." for slot, item in views.worn(person).items()]
    return "\n".join(lines)


def _facts(item: Item) -> list[str]:
    """What can be done with an item, one fact a line."""
    prototype = item.prototype
    facts = []
    if prototype.slot is not None:
        facts.append(f"It is worn on the {prototype.slot.value}.")
    if prototype.capacity:
        inside = listing(inside.name for inside in item.items) or "nothing"
        facts.append(f"It holds {inside}, and has room for {prototype.capacity} things.")
    if prototype.writing:
        facts.append("There is writing on it.")
    if prototype.water:
        facts.append("You can drink from it, and wash in it.")
    if prototype.fixed:
        facts.append("It stays where it is.")
    return facts

import random

import attrs
import pytest
from doubles.played_world import PlayedWorld, RowStore, account, durable, everything
from hypothesis import given, settings
from hypothesis import strategies as st

from wyld_rpc.messages import EntityId
from wyld_world.model import persistence, presence, stacks
from wyld_world.model.journal import Journal
from wyld_world.model.rows import Changes
from wyld_world.model.things import Character, Item, Room
from wyld_world.model.world import World

# Changes of every kind, chosen blindly; whether each makes sense is found out when it is run.
STEPS = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 2**32)), max_size=40)


class Changer:
    """Makes random but lawful changes through a journal, without any command."""

    def __init__(self, played: PlayedWorld) -> None:
        self.played = played
        self.journal = played.journal
        self.world = played.world

    def step(self, kind: int, seed: int) -> None:
        chance = random.Random(seed)
        characters = sorted(
            (t for t in self.world.things() if isinstance(t, Character)), key=lambda c: c.name
        )
        item = chance.choice(sorted(self.played.items(), key=lambda i: i.id))
        character = chance.choice(characters)
        rooms = list(self.world.rooms.values())
        if kind == 0:
            self.journal.set(item, "worn", chance.random() < 0.5)
        elif kind == 1:
            self.journal.set(character, "hp", chance.randint(1, 9))
        elif kind == 2:
            stacks.lay(self.journal, item, chance.choice([*rooms, *characters]))
        elif kind == 3:
            door = next(iter(self.world.doors.values()))
            self.journal.set(door, "open", not door.open)
        elif kind == 4:
            npc = chance.choice(self.world.npcs)
            self.journal.move(npc, chance.choice(rooms))
        elif kind == 5 and item.count > 1:
            part = stacks.split(self.journal, item, chance.randint(1, item.count - 1), self.played.random)
            stacks.lay(self.journal, part, chance.choice(rooms))
        elif kind == 6 and character.location is not None:
            self.journal.set(character, "sleeps_in", character.location)
            self.journal.move(character, None)
        elif kind == 7 and character.location is None:
            self.journal.move(character, character.room)
            self.journal.set(character, "last_played", float(seed))
        elif kind == 8 and character.location is None and len(characters) > 1:
            self.world.delete_character(self.journal, character.account_id, character.id)


@given(before=STEPS, after=STEPS, beyond=STEPS)
@settings(max_examples=60, deadline=None)
def test_undo_restores_exactly_what_was_at_the_mark(before, after, beyond):
    played = PlayedWorld("ann", "bob")
    changer = Changer(played)
    for step in before:
        changer.step(*step)
    outer, outer_picture = played.journal.mark(), everything(played.world)
    for step in after:
        changer.step(*step)
    inner, inner_picture = played.journal.mark(), everything(played.world)
    for step in beyond:
        changer.step(*step)

    played.journal.undo_to(inner)
    assert everything(played.world) == inner_picture

    played.journal.undo_to(outer)
    assert everything(played.world) == outer_picture


@given(rounds=st.lists(st.tuples(STEPS, st.booleans()), max_size=5))
@settings(max_examples=60, deadline=None)
def test_the_rows_taken_are_the_durable_world(rounds):
    played, store = PlayedWorld("ann", "bob"), RowStore()
    changer = Changer(played)
    store.write(played.journal)
    for steps, undone in rounds:
        mark = played.journal.mark()
        for step in steps:
            changer.step(*step)
        if undone:
            played.journal.undo_to(mark)
        store.write(played.journal)

    rows = {repr(row) for row in (*store.entities.values(), *store.characters.values())}

    assert rows == durable(played.world)


def test_nothing_durable_gives_no_changes():
    played = PlayedWorld("ann")
    (ann,) = played.people
    played.journal.take_changes()

    played.journal.set(ann, "hp", 1)
    played.journal.set(ann, "linkdead", True)
    played.journal.move(played.world.npcs[0], played.world.start)
    played.journal.set(played.world.npcs[0], "hits", 3)
    played.do(ann, "say hello", "look", ":smiles", "who")

    assert not played.journal.take_changes()


def test_a_value_that_stays_the_same_is_no_change():
    played = PlayedWorld("ann")
    (ann,) = played.people
    played.journal.take_changes()
    mark = played.journal.mark()

    played.journal.set(ann, "last_played", ann.last_played)

    assert played.journal.mark() == mark
    assert not played.journal.take_changes()


def test_what_was_undone_is_not_durable():
    played = PlayedWorld("ann")
    (ann,) = played.people
    played.journal.take_changes()
    mark = played.journal.mark()

    played.do(ann, "get hat", "north")
    played.journal.undo_to(mark)

    assert not played.journal.take_changes()


def test_changes_are_snapshots_that_share_nothing_with_the_model():
    played = PlayedWorld("ann")
    (ann,) = played.people

    changes = played.journal.take_changes()
    (row,) = changes.characters
    row.attributes["strength"] = 99
    row.metadata["x"] = 1

    assert ann.attributes["strength"] == 4
    assert ann.metadata == {}


def test_a_character_that_only_walks_costs_one_row():
    played = PlayedWorld("ann")
    (ann,) = played.people
    played.journal.take_changes()

    played.do(ann, "up")
    changes = played.journal.take_changes()

    assert [row.room for row in changes.upserts] == ["yard.tree"]
    assert changes.characters == []
    assert changes.deleted == []


def test_a_deleted_character_is_in_deleted_and_nowhere_else():
    played = PlayedWorld("ann")
    (ann,) = played.people
    played.do(ann, "get hat", "quit")
    played.world.delete_character(played.journal, ann.account_id, ann.id)

    changes = played.journal.take_changes()

    assert changes.deleted == [ann.id]
    assert ann.id not in {row.id for row in changes.upserts}
    assert changes.characters == []


def test_a_thing_that_holds_something_cannot_be_removed():
    played = PlayedWorld("ann")
    (ann,) = played.people
    played.do(ann, "get hat")

    with pytest.raises(ValueError, match="still holds 1 thing"):
        played.journal.remove(ann)


def test_an_id_or_a_name_that_is_in_use_is_refused():
    played = PlayedWorld("ann")
    (ann,) = played.people
    other = persistence.restore_character(
        persistence.character_row(ann), played.world.start, played.world.prototypes
    )

    with pytest.raises(ValueError, match="id"):
        played.journal.add(other)
    other.id = EntityId(b"x" * 16)
    with pytest.raises(ValueError, match="name"):
        played.journal.add(other)


@pytest.mark.parametrize("count", [0, 11])
def test_more_or_less_than_a_pile_cannot_be_split_off(count):
    played = PlayedWorld()
    pile = played.item("yard.coin")

    with pytest.raises(ValueError, match=f"cannot take {count} of 10"):
        stacks.split(played.journal, pile, count, played.random)


def test_all_of_a_pile_is_the_pile_itself():
    played = PlayedWorld()
    pile, mark = played.item("yard.coin"), played.journal.mark()

    assert stacks.split(played.journal, pile, 10, played.random) is pile
    assert played.journal.mark() == mark


def test_what_a_thing_looks_like_in_a_log_does_not_hold_the_world():
    played = PlayedWorld("ann")
    (ann,) = played.people

    assert repr([ann, ann.here, ann.here.exits["up"], played.item("yard.coin")]) == (
        "[<Character Ann>, <Room The Lawn>, <Exit up>, <Item 10 coins>]"
    )


def test_keep_ends_the_possibility_of_undoing():
    played = PlayedWorld("ann")
    (ann,) = played.people
    mark = played.journal.mark()
    played.journal.set(ann, "hp", 1)

    played.journal.keep()
    played.journal.undo_to(mark)

    assert ann.hp == 1


def test_later_changes_win_over_earlier_ones():
    played, store, both = PlayedWorld("ann"), RowStore(), RowStore()
    ann, bob = played.people[0], played.join("bob")
    first = played.journal.take_changes()
    played.do(ann, "get hat", "up")
    played.do(bob, "get cap", "quit")
    played.world.delete_character(played.journal, bob.account_id, bob.id)
    second = played.journal.take_changes()

    for target, batches in ((store, (first, second)), (both, (first.then(second),))):
        for changes in batches:
            target.write(OneBatch(changes))

    assert both.entities == store.entities
    assert both.characters == store.characters
    merged = first.then(second)
    assert merged.deleted == [bob.id]
    assert bob.id not in {row.id for row in merged.upserts} | {row.entity_id for row in merged.characters}


class OneBatch:
    def __init__(self, changes: Changes) -> None:
        self.take_changes = lambda: changes


def test_a_thing_that_is_made_again_is_not_deleted():
    played = PlayedWorld("ann")
    (ann,) = played.people
    row = persistence.entity_row(ann)

    merged = Changes([], [], [ann.id]).then(Changes([row], [], []))

    assert merged == Changes([row], [], [])


def test_an_item_that_is_nowhere_has_no_row():
    played = PlayedWorld()
    hat = played.item("yard.hat")
    played.journal.move(hat, None)

    with pytest.raises(ValueError, match="nowhere"):
        persistence.entity_row(hat)


# ---------------------------------------------------------------------------- whole games, then a restart

PLACES = ("north", "south", "up", "down", "garden path", "front door", "well")
NOUNS = ("hat", "cap", "nail", "2.nail", "coins", "3 coins", "sack", "all", "all.nail", "chest", "sign")
VERBS = ("get", "drop", "wear", "remove", "look", "examine", "read")
LINES = st.one_of(
    st.sampled_from(PLACES),
    st.builds(lambda verb, noun: f"{verb} {noun}", st.sampled_from(VERBS), st.sampled_from(NOUNS)),
    st.builds(lambda n, c: f"put {n} in {c}", st.sampled_from(NOUNS), st.sampled_from(("chest", "sack"))),
    st.builds(lambda n, c: f"get {n} from {c}", st.sampled_from(NOUNS), st.sampled_from(("chest", "sack"))),
    st.builds(
        lambda n, p: f"give {n} to {p}", st.sampled_from(NOUNS), st.sampled_from(("ann", "bob", "dog"))
    ),
    st.sampled_from(("open north", "close door", "hit target", "wash", "drink", "inventory", "quit", "beat")),
)
GAMES = st.lists(st.tuples(st.integers(0, 1), LINES), max_size=60)


@given(game=GAMES, seed=st.integers(0, 1_000))
@settings(max_examples=100, deadline=None)
def test_a_restart_from_the_rows_gives_the_same_durable_world(game, seed):
    played, store = PlayedWorld("ann", "bob", seed=seed), RowStore()
    play(played, game, store)

    restarted = World(played.world.prototypes)
    notes = restarted.restore(store.entities.values(), store.characters.values())

    assert notes == []
    assert durable(restarted) == durable(played.world)


@given(game=GAMES, seed=st.integers(0, 1_000))
@settings(max_examples=100, deadline=None)
def test_items_are_conserved_and_each_is_in_exactly_one_place(game, seed):
    played = PlayedWorld("ann", "bob", seed=seed)
    before = census(played)

    play(played, game, RowStore())

    assert census(played) == before
    found: list[Item] = []
    holders = [*played.world.rooms.values(), *(t for t in played.world.things() if hasattr(t, "items"))]
    for holder in holders:
        for item in holder.items:
            assert item.location is holder
            assert not item.worn or isinstance(holder, Character)
        found += holder.items
        piles = [item.prototype.key for item in holder.items if item.prototype.plural]
        assert len(piles) == len(set(piles))
    assert sorted(map(id, found)) == sorted(map(id, played.items()))


def play(played: PlayedWorld, game: list[tuple[int, str]], store: RowStore) -> None:
    store.write(played.journal)
    for who, line in game:
        actor = played.people[who]
        if line == "beat":
            played.beat()
        elif actor.location is None:
            presence.enter(played.context(actor))
        else:
            played.do(actor, line)
        store.write(played.journal)


def census(played: PlayedWorld) -> dict[str, int]:
    """How many there are of every kind of item, all piles counted out."""
    counts: dict[str, int] = {}
    for item in played.items():
        counts[item.prototype.key] = counts.get(item.prototype.key, 0) + item.count
    return counts


# -------------------------------------------------------------------------------------------- restoring


def restart(played: PlayedWorld, areas=None, store: RowStore | None = None) -> tuple[World, list[str]]:
    if store is None:
        store = RowStore()
        store.write(played.journal)
    world = World(areas or played.world.prototypes)
    notes = world.restore(store.entities.values(), store.characters.values())
    return world, notes


def test_seeding_a_restored_world_makes_nothing_twice():
    played = PlayedWorld("ann")
    (ann,) = played.people
    played.do(ann, "get hat", "get 3 coins")
    world, _ = restart(played)
    journal = Journal(world)

    world.seed(journal, random.Random(2))

    assert not journal.take_changes()


def test_seeding_makes_items_of_kinds_that_are_new():
    played = PlayedWorld()
    store = RowStore()
    store.write(played.journal)
    nails = [row.id for row in store.entities.values() if row.prototype == "yard.nail"]
    for nail in nails:
        del store.entities[nail]
    world, _ = restart(played, store=store)
    journal = Journal(world)

    world.seed(journal, random.Random(2))

    # The nail in the sack is not made: its sack exists already, and may be anywhere.
    assert [row.prototype for row in journal.take_changes().upserts] == ["yard.nail", "yard.nail"]


def test_what_has_lost_its_place_is_at_the_start_and_in_the_log():
    played = PlayedWorld("ann")
    (ann,) = played.people
    played.do(
        ann, "get hat", "get coins", "get nail from sack", "put nail in chest", "garden path", "drop coins"
    )
    store = RowStore()
    store.write(played.journal)
    chest = next(row for row in store.entities.values() if row.prototype == "yard.chest")
    broken = {
        chest.id: {"prototype": "yard.gone"},
        ann.id: {"room": "house.gone"},
        next(iter(played.world.doors.values())).id: {"prototype": "yard.gone"},
        next(r.id for r in store.entities.values() if r.room == "house.hall" and r.prototype): {
            "room": "house.gone"
        },
    }
    for key, changes in broken.items():
        store.entities[key] = attrs.evolve(store.entities[key], **changes)

    world, notes = restart(played, store=store)

    assert sorted(notes) == [
        "The door yard.gone is gone.",
        "The place of 10 coins is gone; it lies in yard.lawn.",
        "The place of an iron nail is gone; it lies in yard.lawn.",
        "The room where Ann slept is gone; Ann will wake in yard.lawn.",
        "There is no kind of item yard.gone any more; one of them is left out.",
    ]
    (summary,) = world.summaries(account())
    assert summary.location == "The Lawn"
    lying = [item.prototype.key for item in world.rooms[world.start.key].items]
    assert {"yard.coin", "yard.nail"} <= set(lying)


def test_everyone_is_asleep_after_a_restart_and_holds_what_they_held():
    played = PlayedWorld("ann")
    (ann,) = played.people
    played.do(ann, "get hat", "wear hat", "up")

    world, _ = restart(played)
    again = world.character(ann.account_id, ann.id)

    assert world.playing == {}
    assert again.location is None
    assert isinstance(again.room, Room)
    assert again.room.key == "yard.tree"
    assert [(item.name, item.worn) for item in again.items] == [("a straw hat", True)]

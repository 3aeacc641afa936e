import random

import attrs
import pytest
from doubles.played_world import SESSION, SMALL_AREAS, PlayedWorld, account, creation

from wyld_rpc import wire
from wyld_rpc.messages import (
    CharacterError,
    CharacterErrorCode,
    CharacterInfo,
    CharacterList,
    CharacterSummary,
    CreateCharacter,
    EntityId,
)
from wyld_world.areas import STARTER_FOLDER, load
from wyld_world.model.creation import CHARACTERS_PER_ACCOUNT, RESERVED_NAMES, check_name
from wyld_world.model.journal import Journal
from wyld_world.model.world import World, door_id


@pytest.fixture
def played():
    return PlayedWorld()


def request(name="ann", number=0, id_=b"i" * 16, **changes):
    return CreateCharacter(EntityId(id_), SESSION, account(number), creation(name, **changes))


def refusal(played, message):
    mark = played.journal.mark()
    with pytest.raises(CharacterError) as caught:
        played.world.create_character(played.journal, 5.0, message)
    assert played.journal.mark() == mark
    return caught.value


# ---------------------------------------------------------------------------------------------- creating


def test_a_new_character_sleeps_at_the_start(played):
    ann = played.world.create_character(
        played.journal, 5.0, request("  aNN ", description=" A\tsmith. \x1b ")
    )

    assert ann.name == "Ann"
    assert ann.description == "A smith."
    assert ann.location is None
    assert ann.room is played.world.start
    assert ann.created == 5.0
    assert ann.hp == ann.max_hp == 10 + 1 + 2 + 2 * 1
    assert played.world.info(ann) == CharacterInfo(
        ann.id, "Ann", "human", "farmer", {"strength": 4, "agility": 2}, "A smith.", "The Lawn", 5.0
    )
    assert played.world.summaries(account()) == (
        CharacterSummary(ann.id, "Ann", "human", "farmer", "The Lawn", None),
    )


def test_a_repeated_request_finds_the_character_that_the_first_one_made(played):
    first = played.world.create_character(played.journal, 5.0, request())
    played.journal.take_changes()

    assert played.world.create_character(played.journal, 6.0, request()) is first
    assert not played.journal.take_changes()


def test_an_id_that_belongs_to_something_else_is_refused(played):
    played.world.create_character(played.journal, 5.0, request())

    assert refusal(played, request("bob", number=1)).code is CharacterErrorCode.SERVER_ERROR
    assert refusal(played, request("bob", id_=played.items()[0].id)).code is CharacterErrorCode.SERVER_ERROR


@pytest.mark.parametrize("name", ["", "a", "a" * 21, "an n", "ann1", "änn", "ann\x1b", "an-n", "ａnn"])
def test_a_name_has_two_to_twenty_letters_and_nothing_else(name):
    with pytest.raises(CharacterError, match="2 to 20 letters from a to z") as caught:
        check_name(name)
    assert caught.value.code is CharacterErrorCode.NAME_REFUSED


@pytest.mark.parametrize("name", sorted(RESERVED_NAMES))
def test_a_reserved_name_is_refused(name):
    with pytest.raises(CharacterError, match="is reserved"):
        check_name(name.upper())


def test_names_are_unique_without_regard_to_case(played):
    played.world.create_character(played.journal, 5.0, request("ann"))

    refused = refusal(played, request("ANN", number=1, id_=b"j" * 16))

    assert refused.code is CharacterErrorCode.NAME_TAKEN
    assert refused.text == "The name Ann is taken."


CHOICES = [
    ({"race": "elf"}, "There is no such race. Choose from human."),
    ({"character_class": ""}, "There is no such class. Choose from farmer."),
    ({"attributes": {"strength": 4}}, "The attributes are strength and agility; each needs a value."),
    ({"attributes": {"strength": 6, "agility": 0}}, "Each attribute is from 1 to 5."),
    ({"attributes": {"strength": 1, "agility": 2}}, "There are 4 points to spend above 1 in each attribute, and 1 are spent."),
    ({"description": "x" * 401}, "A description has at most 400 characters, and this one has 401."),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "text"), CHOICES)
def test_a_choice_that_is_not_offered_is_refused_in_words(played, changes, text):
    refused = refusal(played, request(**changes))

    assert refused.code is CharacterErrorCode.CHOICE_REFUSED
    assert refused.text == text


def test_choices_are_taken_without_regard_to_case(played):
    ann = played.world.create_character(played.journal, 5.0, request(race="HUMAN", character_class=" Farmer"))

    assert (ann.race, ann.character_class) == ("human", "farmer")


@pytest.mark.parametrize(
    "metadata",
    [
        {str(n): n for n in range(17)},
        {"k" * 65: 1},
        {"k": "v" * 257},
        {"k": "\0"},
        {"\ud800": 1},
        {"k": 1.5},
        {"k": []},
        {"k": {}},
        {5: 5},
    ],
)
def test_metadata_that_is_large_or_cannot_be_stored_is_refused(played, metadata):
    assert "Metadata" in refusal(played, request(metadata=metadata)).text


def test_small_metadata_is_kept(played):
    metadata = {"client": "tintin", "age": 3, "new": True, "from": None}

    assert played.world.create_character(played.journal, 5.0, request(metadata=metadata)).metadata == metadata


def test_an_account_has_at_most_ten_characters_oldest_first(played):
    for number in range(CHARACTERS_PER_ACCOUNT):
        name = "ab" + chr(ord("a") + number)
        message = request(name, id_=bytes([number]) * 16)
        played.world.create_character(played.journal, 100.0 - number, message)

    refused = refusal(played, request("zed", id_=b"z" * 16))
    names = [summary.name for summary in played.world.summaries(account())]

    assert refused.code is CharacterErrorCode.TOO_MANY
    assert names == ["Ab" + chr(ord("a") + number) for number in reversed(range(CHARACTERS_PER_ACCOUNT))]


# ------------------------------------------------------------------------------------ finding and deleting


def test_only_its_own_account_finds_a_character(played):
    ann = played.create("ann")

    assert played.world.character(account(), ann.id) is ann
    for number, id_ in ((1, ann.id), (0, EntityId(b"x" * 16))):
        with pytest.raises(CharacterError) as caught:
            played.world.character(account(number), id_)
        assert caught.value.code is CharacterErrorCode.NOT_FOUND


def test_a_character_in_play_cannot_be_deleted():
    played = PlayedWorld("ann")
    (ann,) = played.people

    with pytest.raises(CharacterError) as caught:
        played.world.delete_character(played.journal, ann.account_id, ann.id)

    assert caught.value.code is CharacterErrorCode.IN_PLAY


def test_what_a_deleted_character_carried_stays_where_it_slept_and_its_name_is_free():
    played = PlayedWorld("ann")
    (ann,) = played.people
    played.do(ann, "get hat", "wear hat", "get 3 coins", "garden path", "quit")

    assert played.world.delete_character(played.journal, ann.account_id, ann.id) is ann

    hall = played.world.rooms["house.hall"]
    assert sorted(item.name for item in hall.items) == ["3 coins", "a straw hat"]
    assert not any(item.worn for item in hall.items)
    assert played.world.summaries(account()) == ()
    assert played.create("ann").name == "Ann"


# ------------------------------------------------------------------------------------------- the start


def test_worlds_made_from_the_same_areas_have_the_same_doors():
    first, second = World(SMALL_AREAS), World(SMALL_AREAS)

    (door,) = first.doors.values()

    assert door.id == next(iter(second.doors.values())).id == door_id("yard.barn-door")
    assert first.rooms["yard.lawn"].exits["north"].door is first.rooms["yard.barn"].exits["south"].door


def test_the_same_seed_makes_the_same_items():
    first, second = (PlayedWorld(seed=5).journal.take_changes() for _ in range(2))

    assert first == second


def test_the_choices_and_summaries_travel_over_the_link():
    played = PlayedWorld("ann")
    message = CharacterList(played.world.summaries(account()), played.world.choices)

    assert wire.structure(CharacterList, wire.unstructure(message)) == message


def test_the_starter_world_is_durable_from_its_first_moment():
    world = World(load(STARTER_FOLDER))
    journal = Journal(world)

    world.seed(journal, random.Random(1))
    changes = journal.take_changes()

    assert len(changes.upserts) == len(list(world.things())) > 30
    assert all((row.room is None) != (row.container_id is None) for row in changes.upserts)


def test_an_area_may_lose_a_room_without_losing_its_people():
    played = PlayedWorld("ann")
    (ann,) = played.people
    played.do(ann, "up", "quit")
    changes = played.journal.take_changes()
    yard = next(area for area in SMALL_AREAS.areas if area.key == "yard")
    rooms = tuple(
        attrs.evolve(room, exits=()) for room in yard.rooms if room.key in ("yard.lawn", "yard.barn")
    )
    smaller = attrs.evolve(SMALL_AREAS, areas=(attrs.evolve(yard, rooms=rooms),), npcs=())

    world = World(smaller)
    notes = world.restore([row for row in changes.upserts if row.id == ann.id], changes.characters)

    assert notes == ["The room where Ann slept is gone; Ann will wake in yard.lawn."]
    assert world.character(ann.account_id, ann.id).room is world.start

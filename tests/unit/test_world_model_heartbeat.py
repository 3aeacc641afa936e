import pytest
from doubles.played_world import PlayedWorld

from wyld_rpc.messages import PROMPT, StateUpdateType
from wyld_world.model import movement, residents


@pytest.fixture
def played():
    return PlayedWorld("ann")


def npc(played, key):
    return next(npc for npc in played.world.npcs if npc.prototype.key == key)


def test_nothing_happens_while_nobody_plays():
    played = PlayedWorld()
    mark, chance = played.journal.mark(), played.random.getstate()

    played.beat(500)

    assert played.journal.mark() == mark
    assert played.random.getstate() == chance


def test_a_resident_wanders_where_it_may_and_is_seen_coming_and_going(played):
    (ann,) = played.people
    dog = npc(played, "yard.dog")
    seen = set()

    for _ in range(600):
        played.beat()
        seen.add(dog.location.key)

    texts = set(played.outlet.texts(ann))
    assert seen == {"yard.lawn", "yard.tree"}  # the barn's door is closed
    assert {"The dog goes up.", "The dog arrives from above.", "The dog yawns."} <= texts


def test_a_resident_behind_a_closed_door_stays_there(played):
    hen = npc(played, "yard.hen")

    played.beat(300)
    assert hen.location.key == "yard.barn"

    played.do(played.people[0], "open door")
    played.beat(300)
    assert "The hen arrives from the north." in played.outlet.texts(played.people[0])


def test_what_happens_by_itself_is_not_durable(played):
    played.journal.take_changes()

    played.beat(600)

    assert not played.journal.take_changes()


def test_a_resident_out_of_the_world_does_nothing(played):
    dog = npc(played, "yard.dog")
    played.journal.move(dog, None)

    played.beat(200)

    assert dog.location is None


def test_wetness_ends_after_its_time(played):
    (ann,) = played.people
    played.do(ann, "wash")
    assert ann.prompt == "15/15 hp, dripping wet> "
    played.outlet.clear()

    played.beat(89)
    assert ann.effects
    played.outlet.clear()
    played.beat()

    assert ann.effects == ()
    assert played.outlet.texts(ann) == ["You are dry again."]
    states = played.outlet.states(ann)
    assert states[StateUpdateType.STATUS_EFFECTS, ""] == {"effects": []}
    assert states[StateUpdateType.CUSTOM, PROMPT] == {"text": "15/15 hp> "}


def test_washing_again_lasts_anew(played):
    (ann,) = played.people
    played.do(ann, "wash")
    played.now += 60
    played.do(ann, "wash")

    played.now += 60
    played.beat()

    assert len(ann.effects) == 1


def test_wounds_heal_and_no_further(played):
    (ann,) = played.people
    played.journal.set(ann, "hp", 12)

    played.beat(120)

    assert ann.hp == ann.max_hp
    prompts = [u.data["text"] for _, u in played.outlet.updates if u.name == PROMPT]
    assert prompts == ["13/15 hp> ", "14/15 hp> ", "15/15 hp> "]


@pytest.mark.parametrize("watched", [True, False])
def test_a_fallen_target_stands_up_again(played, watched):
    (ann,) = played.people
    played.put(ann, "yard.barn" if watched else "yard.lawn")
    target = npc(played, "yard.target")
    residents.strike(played.context(ann), target, 30)
    assert target.rises

    played.beat(19)
    assert target.rises
    played.beat()

    assert target.rises == target.hits == 0
    assert ("The straw target swings upright again." in played.outlet.texts(ann)) is watched


@pytest.mark.parametrize("words", ["Hello!", "hi", "dog"])
def test_a_resident_greets_whoever_speaks_to_it(played, words):
    assert residents.answer(npc(played, "yard.dog"), words) == "Woof."


def test_a_resident_answers_what_it_knows_and_is_silent_otherwise(played):
    dog, rock = npc(played, "yard.dog"), npc(played, "yard.rock")

    assert residents.answer(dog, "A dog, a 'bone'?") == "Woof!"
    assert residents.answer(dog, "nice weather") is None
    assert residents.answer(rock, "hello rock") is None


def test_walking_through_a_closed_door_or_from_nowhere_is_a_mistake_of_the_caller(played):
    (ann,) = played.people
    north = ann.here.exits["north"]

    with pytest.raises(ValueError, match="cannot go north"):
        movement.walk(played.journal, played.outlet, ann, north)
    played.journal.move(ann, None)
    with pytest.raises(ValueError, match="cannot go north"):
        movement.walk(played.journal, played.outlet, ann, north)

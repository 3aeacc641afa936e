import pytest
from doubles.played_world import PlayedWorld

from wyld_rpc.messages import (
    ROOM,
    Combat,
    DisconnectReason,
    FormattedText,
    RoomDescription,
    StateUpdateType,
    Structured,
    System,
    Text,
)
from wyld_world.commands import carrying, talking
from wyld_world.commands.dispatch import FAMILIES
from wyld_world.commands.helping import help_text
from wyld_world.model import presence, views


@pytest.fixture
def played():
    return PlayedWorld("ann", "bob", "cid")


@pytest.fixture
def ann(played):
    return played.people[0]


@pytest.fixture
def bob(played):
    return played.people[1]


# Everything that is refused, with the words; what leads to it comes first, divided by semicolons.
REFUSALS = [
    ("go", "Go where? Type 'exits' for the ways from here."),
    ("go home", "There is no way 'home' from here. Type 'exits' for those that there are."),
    ("north", "The barn door is closed."),
    ("down", "There is no way down from here."),
    ("look unicorn", "You see no 'unicorn' here."),
    ("look at unicorn", "You see no 'unicorn' here."),
    ("look in unicorn", "You see no 'unicorn' here."),
    ("look in hat", "The straw hat holds nothing and never will."),
    ("look the", "Which one is 'the'?"),
    ("look in the", "Which one is 'the'?"),
    ("examine", "Examine what?"),
    ("examine unicorn", "You see no 'unicorn' here."),
    ("read", "Read what?"),
    ("read unicorn", "You see no 'unicorn' here."),
    ("read hat", "There is nothing to read on the straw hat."),
    ("say", "Say what?"),
    ("tell", "Tell whom what? For example: tell ann good evening."),
    ("tell bob", "Tell whom what? For example: tell ann good evening."),
    ("tell zed hello", "Nobody called 'zed' is here now."),
    ("tell ann hello", "You already know that."),
    ("emote", "Emote what? For example: emote waves."),
    ("shout", "Shout what?"),
    ("ooc", "Say what to all players?"),
    ("get", "Get what?"),
    ("get unicorn", "You see no 'unicorn' here."),
    ("get 3.hat", "You see no '3.hat' here."),
    ("get 0.hat", "Which one is '0.hat'?"),
    ("get 0 coins", "Which one is '0 coins'?"),
    ("get 2.", "Which one is '2.'?"),
    ("get chest", "The chest stays where it is."),
    ("get 11 coins", "There are only 10 coins."),
    ("get 2 hats", "You see no '2 hats' here."),
    ("get 2 hat", "There is only a straw hat."),
    ("get nail from chest", "You see no 'nail' in the chest."),
    ("get all from chest", "There is nothing in the chest to take."),
    ("garden path; get all", "There is nothing here to take."),
    ("up; get letter; get 2 letters", "You see no '2 letters' here."),
    ("drop", "Drop what?"),
    ("drop hat", "You carry no 'hat'."),
    ("drop all", "You carry nothing."),
    ("get hat; wear hat; drop hat", "You are wearing that. Remove it first."),
    ("put hat", "Put what in what? For example: put rope in chest."),
    ("put in chest", "Put what in what? For example: put rope in chest."),
    ("put hat in chest", "You carry no 'hat'."),
    ("get hat; put hat in pond", "The pond holds nothing and never will."),
    ("get sack; put sack in chest", "One container does not go into another."),
    ("get sack; put all in chest", "You carry nothing that goes in there."),
    ("get hat; get cap; get 1 coin; get nail from sack; put all in chest", "The chest has room for 3 things."),
    ("give hat", "Give what to whom? For example: give rope to ann."),
    ("give to bob", "Give what to whom? For example: give rope to ann."),
    ("give hat to bob", "You carry no 'hat'."),
    ("get hat; give hat to zed", "You see no 'zed' here."),
    ("get hat; give hat to ann", "You have it already."),
    ("get hat; give hat to dog", "The dog will not take the straw hat from you."),
    ("wear", "Wear what?"),
    ("wear hat", "You carry no 'hat'."),
    ("get coins; wear coins", "10 coins is not for wearing."),
    ("get hat; get cap; wear hat; wear cap", "You wear a straw hat on your head already."),
    ("remove", "Remove what?"),
    ("get hat; remove hat", "You wear no 'hat'."),
    ("open", "Open what?"),
    ("close", "Close what?"),
    ("open chest", "There is no door 'chest' here."),
    ("open up", "There is no door 'up' here."),
    ("close door", "The barn door is closed already."),
    ("open door; open north", "The barn door is open already."),
    ("hit", "Hit what?"),
    ("hit unicorn", "You see no 'unicorn' here."),
    ("hit bob", "You would not hit Bob."),
    ("hit dog", "You would not hit the dog."),
    ("up; drink", "There is no water here that you would use."),
    ("up; wash", "There is no water here that you would use."),
    ("drink hat", "Hat is not something to drink from or wash in."),
    ("wash in the", "Which one is 'the'?"),
    ("help unicorns", "There is no help on 'unicorns'. Type 'help topics' for what there is."),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "words"), REFUSALS)
def test_a_refusal_is_in_words_and_changes_nothing(played, ann, bob, lines, words):
    *before, refused = lines.split("; ")
    for line in before:
        played.do(ann, line)
        assert not any(isinstance(output, System) for output in played.outlet.outputs(ann)), line
    mark = played.journal.mark()

    assert played.do(ann, refused) == [words]

    assert isinstance(played.outlet.outputs(ann)[0], System)
    assert played.outlet.outputs(bob) == []
    assert played.journal.mark() == mark


# ---------------------------------------------------------------------------------------------- moving


def test_walking_is_seen_on_both_sides(played, ann, bob):
    cid = played.people[2]
    played.do(cid, "up")

    played.do(ann, "u")

    assert isinstance(played.outlet.outputs(ann)[0], RoomDescription)
    assert played.outlet.texts(bob) == ["Ann goes up."]
    assert played.outlet.texts(cid) == ["Ann arrives from below."]
    played.do(ann, "d")
    assert played.outlet.texts(cid) == ["Ann goes down."]
    assert played.outlet.texts(bob) == ["Ann arrives from above."]


def test_walking_by_a_compass_point_or_a_way_is_told_so(played, ann, bob):
    cid = played.people[2]
    played.do(ann, "open north")
    played.do(cid, "north")
    played.do(ann, "north")

    assert played.outlet.texts(bob) == ["Ann walks north."]
    assert played.outlet.texts(cid) == ["Ann arrives from the south."]
    played.do(cid, "s", "garden path")
    assert played.outlet.texts(bob) == ["Cid leaves by the garden path."]
    played.do(bob, "garden path")
    assert played.outlet.texts(cid) == ["Bob arrives by the front door."]
    played.do(ann, "s", "well")
    played.put(cid, "yard.cellar")
    played.put(ann, "yard.lawn")
    played.do(ann, "well")
    assert played.outlet.texts(cid) == ["Ann arrives."]


def test_exits_are_listed_one_a_line(played, ann):
    assert played.do(ann, "exits") == [
        "North: the barn door, closed.\nUp: Up the Tree.\nGarden path: The Hall.\nWell: The Cellar."
    ]
    assert played.do(ann, "open door", "exits")[0].startswith("North: The Barn, through the barn door, open.")
    assert played.do(ann, "well", "exits") == ["There is no way out of here."]


# ---------------------------------------------------------------------------------------------- looking


def test_a_room_is_described_without_its_viewer(played, ann):
    played.do(ann, "look")

    assert played.outlet.outputs(ann) == [
        RoomDescription(
            "The Lawn",
            "Short grass.",
            ("north (closed)", "up", "garden path", "well"),
            ("the dog", "Bob", "Cid"),
            ("a chest", "a sign", "a straw hat", "a cap", "10 coins", "a sack"),
        )
    ]


def test_a_crowd_is_counted_and_not_listed():
    played = PlayedWorld()
    names = [f"a{a}{b}" for a in "abcdefghi" for b in "abcdefghi"]
    for number, name in enumerate(names):
        played.join(name, number)
    ann = played.join("zed", len(names))

    description = views.describe(ann.here, ann)

    assert len(description.entities) == views.LISTED + 1
    assert description.entities[-1] == f"{len(names) + 1 - views.LISTED} more"


LOOKS = [
    ("look grass", "Green."),
    ("look at the short grass", "Very green."),
    ("look green", "You see no 'green' here."),
    ("look hat", "Wide."),
    ("l dog", "A dog."),
    ("look up", "Up: Up the Tree."),
    ("look n", "North: the barn door, closed."),
    ("look s", "There is no way south from here."),
    ("look garden", "Garden path: The Hall."),
    ("look barn door", "North: the barn door, closed."),
    ("look in chest", "The chest is empty."),
    ("look in sack", "In the sack:\nan iron nail"),
    ("look me", "Ann: human, farmer."),
    ("look ann", "Ann: human, farmer."),
    ("look 2.hat", "You see no '2.hat' here."),
    ("examine dog", "A dog."),
    ("examine hat", "A straw hat\nWide.\nIt is worn on the head."),
    ("x chest", "A chest\nWooden.\nIt holds nothing, and has room for 3 things.\nIt stays where it is."),
    ("x sack", "A sack\nOf cloth.\nIt holds an iron nail, and has room for 2 things."),
    ("x pond", "A pond\nRound.\nYou can drink from it, and wash in it.\nIt stays where it is."),
    ("x sign", "A sign\nOn a post.\nThere is writing on it.\nIt stays where it is."),
]


@pytest.mark.parametrize(("line", "text"), LOOKS)
def test_looking_at_something(played, ann, line, text):
    assert played.do(ann, line) == [text]


def test_writing_needs_no_drawing(played, ann):
    assert played.do(ann, "up", "read letter") == ["The letter reads:\nDear Ann."]


def test_people_are_told_apart_by_ordinals(played, ann, bob):
    played.join("anna", 1)

    assert played.do(ann, "look 2.ann") == ["Anna: human, farmer."]
    assert played.do(ann, "look 3.ann") == ["You see no '3.ann' here."]


def test_a_person_is_described_with_what_they_wear(played, ann, bob):
    played.do(bob, "get hat", "wear hat", "wash")
    bob.description = "Tall."

    assert played.do(ann, "look bob") == ["Bob, dripping wet: human, farmer.\nTall.\nOn head: a straw hat."]


def test_a_drawing_is_decor_and_its_words_follow(played, ann):
    played.do(ann, "read sign")

    drawing, words = played.outlet.outputs(ann)
    assert isinstance(drawing, FormattedText)
    assert isinstance(words, FormattedText)
    assert drawing.decor
    assert not words.decor
    assert "".join(span.text for span in drawing.spans) == " [X]\n  |"
    assert played.outlet.texts(ann)[1] == "The sign reads:\nKeep off."


# ---------------------------------------------------------------------------------------------- talking


def test_say_has_one_text_for_the_speaker_and_one_for_all_others(played, ann, bob):
    played.do(ann, "say well then")

    mine, theirs = played.outlet.sent
    assert mine == ((ann,), Text("You say, 'well then'", "say", "Ann"))
    assert theirs == ((bob, played.people[2]), Text("Ann says, 'well then'", "say", "Ann"))


def test_a_resident_answers_everyone_in_the_room(played, ann, bob):
    played.do(ann, "say want a bone?")

    assert played.outlet.texts(ann)[-1] == played.outlet.texts(bob)[-1] == "The dog says, 'Woof!'"


def test_residents_without_an_answer_keep_quiet(played, ann, bob):
    played.do(ann, "up", "say hello rock")

    assert played.outlet.texts(ann) == ["You say, 'hello rock'"]


def test_whoever_is_alone_hears_only_their_own_voice(played, ann):
    played.do(ann, "garden path", "say hello")

    assert [recipients for recipients, _ in played.outlet.sent] == [(ann,)]


def test_tell_reaches_one_person_anywhere(played, ann, bob):
    played.do(bob, "garden path")

    assert played.do(ann, "tell BOB  see you") == ["[tell] You to Bob: see you"]
    assert played.outlet.texts(bob) == ["[tell] Ann to you: see you"]
    assert played.outlet.texts(played.people[2]) == []


def test_telling_someone_whose_link_is_lost_says_so(played, ann, bob):
    presence.lose_link(played.context(bob))

    assert played.do(ann, "tell bob hi") == [
        "[tell] You to Bob: hi\nBob is staring into nothing and may not hear you."
    ]


def test_residents_can_be_told_things_too(played, ann, bob):
    assert played.do(ann, "tell dog bone") == ["[tell] You to the dog: bone", "[tell] The dog to you: Woof!"]
    assert played.do(ann, "tell dog weather")[1] == "The dog has nothing to say to that."
    assert played.outlet.texts(bob) == []


def test_a_shout_is_heard_in_the_same_area_only(played, ann, bob):
    cid = played.people[2]
    played.do(bob, "up")
    played.do(cid, "garden path")

    assert played.do(ann, "shout hey") == ["You shout, 'hey'"]
    assert played.outlet.texts(bob) == ["Ann shouts, 'hey'"]
    assert played.outlet.texts(cid) == []
    played.do(cid, "shout hey")
    assert len(played.outlet.sent) == 1


def test_ooc_is_one_output_for_everyone_everywhere(played, ann):
    played.do(played.people[2], "garden path")
    played.do(ann, "ooc hi all")

    ((recipients, output),) = played.outlet.sent
    assert set(recipients) == set(played.people)
    assert output == Text("[ooc] Ann: hi all", "ooc", "Ann")


def test_who_lists_the_players_as_data_and_as_lines(played, ann, bob):
    presence.lose_link(played.context(bob))
    played.do(ann, "who")

    (output,) = played.outlet.outputs(ann)
    assert isinstance(output, Structured)
    assert output.topic == "who"
    assert output.data["count"] == 3
    assert output.data["players"][1] == {"name": "Bob", "race": "human", "class": "farmer", "away": True}
    assert output.text == (
        "3 players are here now:\nAnn, human, farmer\nBob, human, farmer, staring into nothing\nCid, human, farmer"
    )


def test_who_counts_those_that_it_does_not_list(monkeypatch, played, ann):
    monkeypatch.setattr(talking, "WHO_LIMIT", 2)

    assert played.do(ann, "who")[0].endswith("\nAnd 1 more.")


# --------------------------------------------------------------------------------------------- carrying


def test_getting_and_dropping_is_told_to_both_sides(played, ann, bob):
    assert played.do(ann, "get hat") == ["You pick up a straw hat."]
    assert played.outlet.texts(bob) == ["Ann picks up a straw hat."]
    assert [(who, u.kind) for who, u in played.outlet.updates if u.name != ROOM] == [
        (ann, StateUpdateType.INVENTORY),
        (ann, StateUpdateType.EQUIPMENT),
    ]
    assert played.do(ann, "drop straw hat") == ["You put down a straw hat."]
    assert played.outlet.texts(bob) == ["Ann puts down a straw hat."]


def test_getting_all_leaves_what_is_fixed(played, ann):
    assert played.do(ann, "take all") == ["You pick up a straw hat, a cap, 10 coins and a sack."]
    assert [item.name for item in ann.here.items] == ["a chest", "a pond", "a sign"]


def test_ordinals_and_all_of_a_kind(played, ann):
    played.put(ann, "yard.barn")
    first, second = (item for item in ann.here.items if item.name == "an iron nail")

    played.do(ann, "get 2.nail")
    assert second in ann.items
    assert first not in ann.items
    played.do(ann, "get all.nail")
    assert first in ann.items


def test_part_of_a_pile_is_taken_and_joins_the_pile_at_its_new_place(played, ann):
    assert played.do(ann, "get 3 coins") == ["You pick up 3 coins."]
    played.do(ann, "get 2 coins")
    assert [item.name for item in ann.items] == ["5 coins"]
    played.do(ann, "drop 1 coin")
    assert "6 coins" in [item.name for item in ann.here.items]
    played.do(ann, "get coins")
    assert [item.name for item in ann.items] == ["10 coins"]


def test_things_go_into_containers_and_out_again(played, ann, bob):
    played.do(ann, "get all")

    assert played.do(ann, "put hat in chest") == ["You put a straw hat in the chest."]
    assert played.outlet.texts(bob) == ["Ann puts a straw hat in the chest."]
    assert played.do(ann, "put all in chest") == ["You put a cap and 10 coins in the chest."]
    assert played.do(bob, "get 4 coins from chest") == ["You take 4 coins from the chest."]
    assert played.outlet.texts(ann) == ["Bob takes 4 coins from the chest."]
    assert played.do(ann, "get nail from sack") == ["You take an iron nail from the sack."]


def test_giving_is_told_to_all_three_sides(played, ann, bob):
    played.do(ann, "get hat")

    assert played.do(ann, "give hat to bob") == ["You give a straw hat to Bob."]
    assert played.outlet.texts(bob) == ["Ann gives you a straw hat."]
    assert played.outlet.texts(played.people[2]) == ["Ann gives a straw hat to Bob."]
    played.put(played.people[2], "house.hall")
    assert played.do(bob, "give hat to ann") == ["You give a straw hat to Ann."]


def test_nobody_gives_to_someone_whose_link_is_lost(played, ann, bob):
    presence.lose_link(played.context(bob))

    assert played.do(ann, "get hat", "give hat to bob") == [
        "Bob is staring into nothing and does not hold out a hand."
    ]


def test_there_is_a_limit_to_what_one_carries(monkeypatch, played, ann, bob):
    monkeypatch.setattr(carrying, "CARRY_LIMIT", 1)
    played.do(bob, "get cap")
    played.do(ann, "get hat")

    assert played.do(ann, "get coins") == ["You cannot carry more than 1 things."]
    assert played.do(ann, "give hat to bob") == ["Bob cannot carry that much."]


def test_inventory_tells_what_is_carried_and_what_is_worn(played, ann, bob):
    played.do(ann, "get hat", "get 2 coins")
    assert played.do(ann, "wear hat") == ["You put on a straw hat."]
    assert played.outlet.texts(bob) == ["Ann puts on a straw hat."]
    assert played.outlet.states(ann)[StateUpdateType.EQUIPMENT, ""] == {"head": "a straw hat"}

    assert played.do(ann, "inventory") == ["You carry:\n2 coins\nA straw hat, worn on head"]
    (output,) = played.outlet.outputs(ann)
    assert isinstance(output, Structured)
    assert output.data == {"carried": [{"name": "2 coins", "count": 2}], "worn": {"head": "a straw hat"}}
    assert played.do(ann, "remove hat") == ["You take off a straw hat."]
    assert played.outlet.texts(bob) == ["Ann takes off a straw hat."]
    assert played.outlet.states(ann)[StateUpdateType.EQUIPMENT, ""] == {}


# ----------------------------------------------------------------------------------------------- doors


def test_a_door_is_heard_on_both_sides(played, ann, bob):
    cid = played.people[2]
    played.put(cid, "yard.barn")

    assert played.do(ann, "open barn door") == ["You open the barn door."]
    assert played.outlet.texts(bob) == ["Ann opens the barn door."]
    assert played.outlet.texts(cid) == ["The barn door opens."]
    assert played.do(cid, "shut south") == ["You close the barn door."]
    assert played.outlet.texts(ann) == ["The barn door closes."]


# ---------------------------------------------------------------------------------------------- bodily


def test_a_blow_is_combat_seen_from_both_sides(played, ann, bob):
    for character in (ann, bob):
        played.put(character, "yard.barn")

    played.do(ann, "hit target")

    mine, theirs = played.outlet.outputs(ann)[0], played.outlet.outputs(bob)[0]
    assert isinstance(mine, Combat)
    assert isinstance(theirs, Combat)
    assert (mine.attacker, mine.defender, mine.action) == ("You", "the straw target", "strike")
    assert (theirs.attacker, theirs.defender, theirs.action) == ("Ann", "the straw target", "strikes")
    assert mine.damage == theirs.damage


def test_practice_has_criticals_swings_back_and_ends_with_a_fall(played, ann, bob):
    for character in (ann, bob):
        played.put(character, "yard.barn")
    outputs, falls = [], 0
    for _ in range(200):
        texts = played.do(ann, "attack target")
        outputs += played.outlet.outputs(bob)
        if "The straw target topples over backwards." in texts:
            falls += 1
            assert played.do(ann, "look target") == ["Straw.\nThe straw target lies on its back."]
            assert played.do(ann, "hit target") == ["The straw target lies on its back. Let it get up first."]
            played.beat(20)

    blows = [output for output in outputs if isinstance(output, Combat)]
    assert falls > 5
    assert {blow.critical for blow in blows} == {True, False}
    assert any(blow.attacker == "The straw target" and blow.defender == "Ann" for blow in blows)
    assert ann.hp >= 1


def test_nobody_is_carried_home_from_practice():
    played = PlayedWorld("ann")
    (ann,) = played.people
    played.put(ann, "yard.barn")
    played.journal.set(ann, "hp", 2)
    target = next(npc for npc in played.world.npcs if npc.prototype.practice)

    for _ in range(300):
        played.do(ann, "hit target")
        played.journal.set(target, "rises", 0.0)
        played.journal.set(target, "hits", 0)

    assert ann.hp == 1


def test_drinking_and_washing(played, ann, bob):
    assert played.do(ann, "drink from pond") == ["You drink from the pond. The water is cold and good."]
    assert played.outlet.texts(bob) == ["Ann drinks from the pond."]
    played.journal.set(ann, "hp", 3)
    played.do(ann, "drink")
    assert ann.hp == 4

    assert played.do(ann, "wash in pond") == ["You wash at the pond, and come up dripping wet."]
    assert played.outlet.texts(bob) == ["Ann washes at the pond, and comes up dripping wet."]
    assert played.outlet.states(ann)[StateUpdateType.STATUS_EFFECTS, ""] == {
        "effects": [{"name": "dripping wet", "until": played.now + 90}]
    }


# -------------------------------------------------------------------------------------- yourself and help


def test_score_tells_how_one_is(played, ann):
    text = "Ann, human, farmer\nHit points: 15 of 15\nStrength: 4\nAgility: 2"

    assert played.do(ann, "score") == [text]
    assert StateUpdateType.STATS in {update.kind for _, update in played.outlet.updates}
    assert played.do(ann, "wash", "score") == [text + "\nYou are dripping wet."]


def test_save_says_that_saving_is_automatic(played, ann):
    assert played.do(ann, "save")[0].startswith("Saving is automatic")


def test_quit_takes_the_character_out_of_play_and_ends_the_session(played, ann, bob):
    played.do(ann, "quit")

    assert played.outlet.texts(bob) == ["Ann heads home for the night."]
    assert ann.location is None
    ((who, reason, text),) = played.outlet.ended
    assert (who, reason) == (ann, DisconnectReason.CLIENT_DISCONNECT)
    assert text == "Good night, Ann. The harbour will be here."
    assert ann not in {who for who, _ in played.outlet.updates}


def test_help_knows_every_command_topic_and_page(played, ann):
    topics = played.do(ann, "help topics")[0]
    for family in FAMILIES:
        assert f"{family.topic}: " in topics
        assert played.do(ann, f"help {family.topic}")[0].count("\n") >= min(len(family.commands), 2) - 1
        for command in family.commands:
            assert command.name in topics
            assert command.usage in help_text(FAMILIES, command.name) or command.name == family.topic
            for alias in command.aliases:
                assert command.usage in help_text(FAMILIES, alias) or alias == family.topic
    for page in ("targets", "abbreviations"):
        assert page in topics
        assert played.do(ann, f"help {page}")[0]


def test_help_understands_beginnings_and_capitals(played, ann):
    assert played.do(ann, "HELP Inv")[0].startswith("Inventory: ")
    assert played.do(ann, "help exam")[0].startswith("Examine: ")

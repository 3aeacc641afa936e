import msgpack
import pytest
from doubles.outlet import plain
from doubles.played_world import SESSION, SMALL_AREAS, PlayedWorld, account, creation
from hypothesis import given, settings
from hypothesis import strategies as st

from wyld_rpc import wire
from wyld_rpc.messages import GAME_OUTPUTS, PROMPT, CreateCharacter, EntityId, StateUpdateType, System
from wyld_world.areas import STARTER_FOLDER, load
from wyld_world.commands.dispatch import FAMILIES, _exact_names
from wyld_world.commands.family import Family
from wyld_world.model import presence
from wyld_world.model.wording import LINE_LIMIT

STARTER = load(STARTER_FOLDER)
NAMES = [command.name for family in FAMILIES for command in family.commands]


@pytest.fixture
def played():
    return PlayedWorld("ann", "bob")


@pytest.mark.parametrize("line", ["", "   ", "\t", "\x1b", "\u202e \u202c"])
def test_an_empty_line_is_answered_with_silence(played, line):
    assert played.do(played.people[0], line) == []


def test_a_line_of_someone_who_is_not_in_play_does_nothing(played):
    cid = played.create("cid")

    assert played.do(cid, "say boo") == []
    assert played.outlet.sent == []


def test_a_line_that_is_too_long_is_refused(played):
    ann, _ = played.people

    assert played.do(ann, "say " + "x" * (LINE_LIMIT - 4)) == [f"You say, '{'x' * (LINE_LIMIT - 4)}'"]
    assert played.do(ann, "say " + "x" * (LINE_LIMIT - 3)) == [
        "That line is too long: 1,001 characters, and 1,000 are the limit."
    ]


def test_what_others_read_holds_no_control_character(played):
    ann, bob = played.people

    played.do(ann, "say \x1b[31mred\x07\u202e\ud800")

    assert played.outlet.texts(bob) == ["Ann says, '[31mred'"]


@pytest.mark.parametrize(
    ("line", "begins"),
    [
        ("SAY hi", "You say, 'hi'"),
        ("sa hi", "You say, 'hi'"),
        ("'hi", "You say, 'hi'"),
        ("' hi", "You say, 'hi'"),
        (":waves", "Ann waves"),
        ("l", "The Lawn"),
        ("i", "You carry nothing."),
        ("inv", "You carry nothing."),
        ("n", "The barn door is closed."),
        ("e", "There is no way east from here."),
        ("sc", "Ann, human, farmer"),
        ("s", "There is no way south from here."),
        ("exa sign", "A sign"),
        ("ex", "North: the barn door, closed."),
        ("w", "There is no way west from here."),
        ("we", "There is no way west from here."),
        ("wh", "2 players are here now:"),
        ("?", "Type 'look'"),
    ],
)
def test_short_forms_mean_the_commonest_command(played, line, begins):
    assert played.do(played.people[0], line)[0].startswith(begins)


def test_quit_must_be_typed_whole(played):
    ann, _ = played.people

    assert played.do(ann, "qui") == ["There is no command 'qui'. Did you mean quit?"]
    assert ann.location is not None


@pytest.mark.parametrize("line", ["garden path", "Garden  Path", "go garden path", "go gard"])
def test_a_way_with_a_name_is_taken_by_its_name(played, line):
    ann, _ = played.people

    played.do(ann, line)

    assert ann.here.key == "house.hall"


def test_an_unknown_command_is_answered_with_near_ones(played):
    ann, _ = played.people

    assert played.do(ann, "inventroy") == ["There is no command 'inventroy'. Did you mean inventory?"]
    assert played.do(ann, "garden pat") == ["There is no command 'garden'. Did you mean garden path?"]
    assert played.do(ann, "zzz") == [
        "There is no command 'zzz'. Type 'help topics' for those that there are."
    ]
    assert played.do(ann, "z" * 31) == [
        "There is no such command. Type 'help topics' for those that there are."
    ]
    assert all(isinstance(output, System) for output in played.outlet.outputs(ann))


def test_two_commands_of_one_name_are_a_defect_that_shows_at_once():
    first, second = Family("a", "a"), Family("b", "b")
    for family in (first, second):
        family.command("x", usage="x", summary="x")(lambda context, argument: None)

    with pytest.raises(ValueError, match="two commands are called x"):
        _exact_names((first, second))


def test_a_prompt_is_sent_when_it_changed_and_not_otherwise(played):
    ann, _ = played.people

    played.do(ann, "say hi")
    assert played.outlet.updates == []
    played.do(ann, "up")
    assert PROMPT not in {update.name for _, update in played.outlet.updates}
    played.do(ann, "down", "wash")
    assert [update.kind for _, update in played.outlet.updates] == [
        StateUpdateType.STATUS_EFFECTS,
        StateUpdateType.CUSTOM,
    ]


def test_one_output_serves_everyone_who_reads_the_same():
    played = PlayedWorld(*("ab" + chr(ord("a") + n) for n in range(9)))
    actor = played.people[0]

    played.do(actor, "say bone")

    assert [len(recipients) for recipients, _ in played.outlet.sent] == [1, 8, 9]


# ---------------------------------------------------------------------------------------- every line

WORDS = st.one_of(
    st.sampled_from(
        [*NAMES, "all", "2.hat", "0.hat", "hat", "coins", "from", "in", "to", "ann", "chest", "the"]
    ),
    st.text(st.characters(), max_size=12),
    st.integers(-5, 10**12).map(str),
)
LINES = st.lists(WORDS, min_size=1, max_size=5).map(" ".join)


@given(lines=st.lists(LINES, max_size=8), starter=st.booleans(), seed=st.integers(0, 99))
@settings(max_examples=300, deadline=None)
def test_no_line_whatever_raises_and_every_answer_fits_the_link(lines, starter, seed):
    played = PlayedWorld(areas=STARTER if starter else SMALL_AREAS, seed=seed)
    actor = starter_character(played) if starter else played.join("ann")

    for line in lines:
        mark = played.journal.mark()
        played.do(actor, line)
        for _, output in played.outlet.sent:
            wire.unpack_output(msgpack.unpackb(wire.encode_output(output)))
            plain(output).encode("utf-8")
            assert len(plain(output)) < 20_000
        refused = any(isinstance(o, System) and "saving" not in o.text.lower() for _, o in played.outlet.sent)
        assert not refused or played.journal.mark() == mark, "a refused command changed something"


def starter_character(played):
    data = creation(
        "ann",
        race="selkie",
        character_class="fiddler",
        attributes={"strength": 3, "agility": 3, "endurance": 3},
    )
    message = CreateCharacter(EntityId(b"a" * 16), SESSION, account(), data)
    character = played.world.create_character(played.journal, 1.0, message)
    presence.enter(played.context(character))
    return character


def test_every_output_and_every_state_is_met_on_a_walk_through_the_starter_area():
    played = PlayedWorld(areas=STARTER, seed=3)
    ann = starter_character(played)
    outputs, states = set(), set()
    walk = [
        "look", "say tide", "who", "northeast", "get oilskin", "wear oilskin", "southwest", "north", "north",
        "wash", "score", "northwest", "read map", "southeast", "southeast", *["hit dummy"] * 9, "save",
    ]  # fmt: skip
    for line in walk:
        played.do(ann, line)
        assert "There is no" not in "".join(played.outlet.texts(ann)), line
        outputs |= {type(output) for _, output in played.outlet.sent}
        states |= {update.kind for _, update in played.outlet.updates}

    assert outputs == set(GAME_OUTPUTS)
    assert states == set(StateUpdateType)

import shutil

import pytest
from doubles.played_world import SMALL_AREAS

from wyld_world.areas import STARTER_FOLDER, AreaErrors, load
from wyld_world.areas.loading import FILE_LIMIT, FILES_LIMIT
from wyld_world.model.prototypes import DIRECTIONS, RoomKey

CHARACTERS = """\
start = "a.one"
[races.human]
summary = "x"
[classes.farmer]
summary = "x"
[attributes.strength]
summary = "x"
[points]
minimum = 1
maximum = 5
spend = 4
"""

AREA = """\
name = "A"
[rooms.one]
name = "One"
description = "First."
exits = { north = "two" }
[rooms.two]
name = "Two"
description = "Second."
exits = { south = "one" }
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "characters.toml").write_text(CHARACTERS)
    (tmp_path / "a.toml").write_text(AREA)
    return tmp_path


def problems(folder):
    with pytest.raises(AreaErrors) as caught:
        load(folder)
    assert str(caught.value) == "\n".join(map(str, caught.value.problems))
    return [str(problem) for problem in caught.value.problems]


# ------------------------------------------------------------------------------------- the starter area


def test_the_starter_area_is_large_enough_and_every_room_can_be_reached():
    areas = load(STARTER_FOLDER)
    rooms = {room.key: room for area in areas.areas for room in area.rooms}
    reached, waiting = set(), [areas.start]
    while waiting:
        key = waiting.pop()
        if key not in reached:
            reached.add(key)
            waiting += [exit_.to for exit_ in rooms[key].exits]

    assert len(areas.areas) >= 3
    assert len(rooms) >= 25
    assert reached == set(rooms)
    assert {exit_.name for room in rooms.values() for exit_ in room.exits} > set(DIRECTIONS)


def test_every_kind_of_item_of_the_starter_area_lies_somewhere():
    areas = load(STARTER_FOLDER)
    placed = {placement.item for area in areas.areas for room in area.rooms for placement in room.items}

    assert placed == set(areas.items)


def test_the_starter_area_reads_well():
    areas = load(STARTER_FOLDER)
    for area in areas.areas:
        for room in area.rooms:
            assert 80 <= len(room.description) <= 900, room.key
            assert room.description.isprintable() or "\n" in room.description
    descriptions = [room.description for area in areas.areas for room in area.rooms]
    assert len(set(descriptions)) == len(descriptions)


# --------------------------------------------------------------------------------------- what is made


def test_references_without_an_area_speak_of_their_own_file():
    lawn = next(room for area in SMALL_AREAS.areas for room in area.rooms if room.key == "yard.lawn")

    assert [(exit_.name, exit_.to) for exit_ in lawn.exits] == [
        ("north", "yard.barn"),
        ("up", "yard.tree"),
        ("garden path", "house.hall"),
        ("well", "yard.cellar"),
    ]
    assert lawn.exits[0].door == "yard.barn-door"


def test_line_ends_within_a_paragraph_become_blanks(folder):
    (folder / "a.toml").write_text(AREA.replace('"First."', '"""\nOne\n  two.\n\nThree.\n"""'))

    areas = load(folder)

    assert areas.areas[0].rooms[0].description == "One two.\nThree."


def test_windows_line_ends_are_accepted(folder):
    (folder / "a.toml").write_bytes(AREA.replace("\n", "\r\n").encode())

    assert load(folder).start == RoomKey("a.one")


def test_keywords_are_the_words_of_the_name_and_those_that_are_added():
    coin = SMALL_AREAS.items["yard.coin"]

    assert coin.keywords == {"coin", "coins"}
    assert SMALL_AREAS.items["yard.hat"].keywords == {"straw", "hat"}


# -------------------------------------------------------------------------------------------- problems

MISTAKES = [
    # (old text, new text, problems)
    ('name = "One"\n', "", ["a.toml:2: rooms.one has no 'name'"]),
    ('name = "One"', "name = 5", ["a.toml:3: rooms.one.name must be text"]),
    ('name = "One"', 'name = " "', ["a.toml:3: rooms.one.name must not be empty"]),
    (
        'name = "One"',
        f'name = "{"x" * 61}"',
        ["a.toml:3: rooms.one.name is too long: 61 characters, and 60 are the limit"],
    ),
    (
        'name = "One"',
        r'name = "O\u001bne"',
        ["a.toml:3: rooms.one.name holds control characters, or a line end where there may be none"],
    ),
    ('"First."', "[]", ["a.toml:4: rooms.one.description must be text"]),
    (
        '"First."',
        f'"""{"long " * 200}\n\n{"long " * 300}"""',
        ["a.toml:4: rooms.one.description is too long: at most 2,000 characters"],
    ),
    (
        "description = ",
        "descripton = ",
        [
            "a.toml:2: rooms.one has no 'description'",
            "a.toml:4: unknown key 'descripton' in rooms.one; did you mean 'description'?",
            "a.toml:6: rooms.two has no 'description'",
            "a.toml:8: unknown key 'descripton' in rooms.two; did you mean 'description'?",
        ],
    ),
    ("[rooms.one]", "colour = 1\n[rooms.one]", ["a.toml:2: unknown key 'colour' in the file"]),
    (
        "[rooms.one]",
        "[rooms.Big]\nname='x'\ndescription='x'\n[rooms.one]",
        ["a.toml:2: rooms.Big is no key: use up to 40 of a-z, 0-9 and '-', beginning with a letter"],
    ),
    ("[rooms.one]", "rooms.x = 5\n[rooms.one]", None),
    (
        'north = "two"',
        'north = "twoo"',
        [
            "a.toml:5: there is no room 'a.twoo'; did you mean 'a.two'?",
            "a.toml:9: no way leads back from a.one to a.two; make one, or mark this one 'one_way = true'",
        ],
    ),
    ('north = "two"', 'north = "two", down = { to = "b.zzz", one_way = true }', ["a.toml:5: there is no room 'b.zzz'"]),
    ('north = "two"', 'north = { to = "two", one_way = "yes" }', ["a.toml:5: rooms.one.exits.north.one_way must be true or false"]),
    ('north = "two"', 'north = { to = "two", dor = "d" }', ["a.toml:5: unknown key 'dor' in rooms.one.exits.north; did you mean 'door'?"]),
    ('north = "two"', 'north = 3, south = "two"', None),
    ('north = "two"', 'north = { to = "two", door = "gate" }', ["a.toml:5: there is no door 'a.gate'"]),
    (
        'north = "two"',
        '"North!" = "two"',
        ["a.toml:5: 'North!' is no name for a way: use up to 30 of a-z, blanks and '-'"],
    ),
    ('exits = { north = "two" }', 'exits = "two"', None),
    (
        'exits = { north = "two" }',
        'exits = { north = "two" }\nitems = "nail"',
        ["a.toml:6: rooms.one.items must be an array of at most 50 entries"],
    ),
    (
        'exits = { north = "two" }',
        'exits = { north = "two" }\nitems = [\n"nail", 5]',
        [
            "a.toml:6: rooms.one.items.1 must be a table",
            "a.toml:6: rooms.one.items.1 has no 'item'",
            "a.toml:6: there is no item 'a.'",
            "a.toml:6: there is no item 'a.nail'",
        ],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), MISTAKES)
def test_a_mistake_in_an_area_is_named_with_its_line(folder, old, new, expected):
    assert old in AREA
    (folder / "a.toml").write_text(AREA.replace(old, new))

    found = problems(folder)

    if expected is None:
        assert all(problem.startswith("a.toml:") for problem in found)
    else:
        assert sorted(found) == sorted(expected)


ITEMS = [
    ("capacity = 101", "a.toml:13: items.x.capacity must be a whole number from 0 to 100"),
    ("capacity = true", "a.toml:13: items.x.capacity must be a whole number from 0 to 100"),
    ('fixed = "no"', "a.toml:13: items.x.fixed must be true or false"),
    ('wear = "heads"', "a.toml:13: items.x.wear must be one of head, neck, body, hands, feet; did you mean 'head'?"),
    ('plural = "xs"\nfixed = true', "a.toml:13: items.x.plural is for what is counted in piles: not for what is worn, read, fixed or a container"),
    ('wear = "head"\nfixed = true', "a.toml:14: items.x.fixed cannot be true of something to wear"),
    ("listed = false", "a.toml:13: items.x.listed can be false only for what is fixed: anything else could be lost from sight"),
    ("drawing = '#'", "a.toml:13: items.x.drawing needs a 'writing' that says the same in words, for those who cannot see it"),
    ("writing = 'w'\ndrawing = 5", "a.toml:14: items.x.drawing must be text"),
    (f"writing = 'w'\ndrawing = '{'x' * 79}'", "a.toml:14: items.x.drawing must have at most 50 lines of at most 78 printable characters"),
    ("keywords = [1]", "a.toml:13: items.x.keywords must be text"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), ITEMS)
def test_a_mistake_in_an_item_is_named(folder, text, expected):
    item = f'[items.x]\nname = "a thing"\ndescription = "It."\n{text}\n'
    (folder / "a.toml").write_text(AREA + item)

    assert problems(folder) == [expected]


PLACEMENTS = [
    ('{ item = "nail", count = 2 }', "a.nail is not counted; give it a 'plural', or name it several times"),
    ('{ item = "coin", count = 0 }', "rooms.one.items.0.count must be a whole number from 1 to 10000"),
    ('{ item = "nail", holds = ["coin"] }', "a.nail has room for 0 things, and 1 are put in it"),
    ('{ item = "bag", holds = ["bag"] }', "a.bag cannot be put in a.bag: it is a container"),
    ('{ item = "bag", holds = ["tree"] }', "a.tree cannot be put in a.bag: it is fixed"),
    ('{ item = "bag", holds = ["nial"] }', "there is no item 'a.nial'; did you mean 'a.nail'?"),
    ('{ item = "bag", hold = ["nail"] }', "unknown key 'hold' in rooms.one.items.0; did you mean 'holds'?"),
]


@pytest.mark.parametrize(("placement", "expected"), PLACEMENTS)
def test_a_mistake_in_what_lies_in_a_room_is_named(folder, placement, expected):
    items = "\n".join(
        f'[items.{name}]\nname = "a {name}"\ndescription = "It."\n{more}'
        for name, more in [
            ("nail", ""),
            ("bag", "capacity = 1\n"),
            ("tree", "fixed = true\n"),
            ("coin", 'plural = "coins"\n'),
        ]
    )
    text = AREA.replace('"First."\n', f'"First."\nitems = [{placement}]\n') + items
    (folder / "a.toml").write_text(text)

    assert problems(folder) == [f"a.toml:5: {expected}"]


DOOR = '[doors.gate]\nname = "the gate"\n'


def test_a_door_needs_a_way(folder):
    (folder / "a.toml").write_text(AREA + DOOR)

    assert problems(folder) == ["a.toml:10: no way has the door a.gate"]


def test_a_door_may_have_one_side_or_two(folder):
    one = AREA.replace('north = "two"', 'north = { to = "two", door = "gate" }') + DOOR
    two = one.replace('south = "one"', 'south = { to = "one", door = "gate" }')

    for text in (one, two):
        (folder / "a.toml").write_text(text)
        assert load(folder).doors["a.gate"].keywords == {"gate", "door"}


def test_a_door_cannot_be_on_ways_between_different_rooms(folder):
    gate = 'door = "gate"'
    text = AREA.replace('north = "two"', f'north = {{ to = "two", {gate} }}, up = {{ to = "two", {gate} }}')
    (folder / "a.toml").write_text(text + DOOR)

    assert problems(folder) == ["a.toml:10: the door a.gate must be on one way, or on a way and the way back"]


def test_residents_are_checked(folder):
    npc = '[npcs.dog]\nname = "a dog"\ndescription = "d"\nhome = "tow"\nwanders = ["one", "b.x"]\nanswers = [{ reply = "r" }, 5]\n'
    (folder / "a.toml").write_text(AREA + npc)

    assert problems(folder) == [
        "a.toml:13: there is no room 'a.tow'; did you mean 'a.two'?",
        "a.toml:14: there is no room 'b.x'",
        "a.toml:15: npcs.dog.answers.0.words must name at least one word",
        "a.toml:15: npcs.dog.answers.1 has no 'reply'",
        "a.toml:15: npcs.dog.answers.1 must be a table",
        "a.toml:15: npcs.dog.answers.1.words must name at least one word",
    ]


CHARACTER_MISTAKES = [
    ('start = "a.one"', 'start = "a.oen"', ["characters.toml:1: there is no room 'a.oen'; did you mean 'a.one'?"]),
    ("[classes.farmer]", "[classes.human]", ["characters.toml:4: 'human' is used twice among races, classes and attributes"]),
    ("spend = 4", "spend = 5", ["characters.toml:11: points.spend must be a whole number from 0 to 4"]),
    ("spend = 4", "", ["characters.toml:8: points has no 'spend'"]),
    ("maximum = 5", "maximum = 0", ["characters.toml:10: points.maximum must be a whole number from 1 to 100", "characters.toml:11: points.spend must be a whole number from 0 to 0"]),
    ('[races.human]\nsummary = "x"\n', "", ["characters.toml: races must have at least one entry"]),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), CHARACTER_MISTAKES)
def test_a_mistake_in_what_characters_may_be_is_named(folder, old, new, expected):
    assert old in CHARACTERS
    (folder / "characters.toml").write_text(CHARACTERS.replace(old, new))

    assert problems(folder) == expected


def test_the_problems_of_all_files_are_reported_at_once(folder):
    (folder / "b.toml").write_text("name = 'B'\n[rooms.x]\nname = 'x'\n")
    (folder / "c.toml").write_text("name = 'C'\nname = 'again'\n")
    (folder / "d.toml").write_bytes(b"name = 'D'\n\n# \xff")
    (folder / "e.toml").write_text("# " + "x" * FILE_LIMIT)
    (folder / "F.toml").write_text("")
    (folder / "g.toml").mkdir()

    found = problems(folder)

    assert found[0].startswith("F.toml: is no name for an area file")
    assert found[1:] == [
        "b.toml:2: rooms.x has no 'description'",
        "c.toml:2: is not TOML: Cannot overwrite a value (at line 2, column 15)",
        "d.toml:3: is not UTF-8",
        "e.toml: is larger than 256 KiB",
        "g.toml: cannot be read: Is a directory",
    ]


def test_a_folder_without_characters_is_refused(folder):
    (folder / "characters.toml").unlink()

    assert problems(folder) == [f"characters.toml: is missing in {folder}"]


def test_a_folder_that_does_not_exist_is_one_clear_problem(tmp_path):
    missing = tmp_path / "nowhere"

    assert f"{missing}: cannot be read: No such file or directory" in problems(missing)


def test_too_many_files_are_refused(folder):
    for number in range(FILES_LIMIT + 1):
        (folder / f"x{number}.toml").write_text("name = 'X'\n")

    assert any("has more than 200 files" in problem for problem in problems(folder))


def test_too_many_entries_are_refused(folder):
    rooms = "".join(f'[rooms.r{n}]\nname = "x"\ndescription = "x"\n' for n in range(1_001))
    (folder / "b.toml").write_text("name = 'B'\n" + rooms)

    assert problems(folder) == ["b.toml:2: rooms has 1,001 entries, and 1,000 are the limit"]


def test_hopeless_nesting_is_a_problem_and_not_a_crash(folder):
    (folder / "b.toml").write_text("name = " + "[" * 50_000)

    (found,) = problems(folder)

    assert found.startswith("b.toml:")


def test_areas_load_alike_from_any_folder(tmp_path):
    for path in STARTER_FOLDER.glob("*.toml"):
        shutil.copy(path, tmp_path)

    assert load(tmp_path) == load(STARTER_FOLDER)

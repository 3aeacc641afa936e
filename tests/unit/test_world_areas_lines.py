import tomllib

import pytest

from wyld_world.areas import STARTER_FOLDER
from wyld_world.areas.lines import locate


def test_keys_and_tables_are_found_on_their_lines():
    text = '# first\nname = "x"\n\n[rooms.quay]\nname = "Quay" # here\n[rooms.quay.exits]\n  north = "a"\n'

    found = locate(text)

    assert found["name",] == 2
    assert found["rooms",] == 4
    assert found["rooms", "quay"] == 4
    assert found["rooms", "quay", "name"] == 5
    assert found["rooms", "quay", "exits", "north"] == 7


def test_strings_and_arrays_over_several_lines_are_one_statement():
    text = (
        'a = """\nb = 1\n\\"""\n[c]\n""" # b = 2\n'
        "d = '''\ne = 1'''\n"
        'f = [ "]", # [\n  1,\n]\n'
        'g = { h = "}" }\n'
        "i = 'x\"'\n"
        "last = 1"
    )
    tomllib.loads(text)

    found = locate(text)

    assert found == {("a",): 1, ("d",): 6, ("f",): 8, ("g",): 11, ("i",): 12, ("last",): 13}


def test_dotted_and_quoted_keys_are_taken_apart():
    found = locate('"garden gate".\'to\' = 1\na . b = 2\n["x y".z]\nq = 1\n')

    assert found["garden gate", "to"] == 1
    assert found["a", "b"] == 2
    assert found["x y", "z", "q"] == 4


def test_tables_of_an_array_are_numbered():
    found = locate("[[a.b]]\nc = 1\n[[a.b]]\nc = 2\n")

    assert found["a", "b", 0, "c"] == 2
    assert found["a", "b", 1, "c"] == 4


def test_text_that_is_no_toml_ends_the_search_quietly():
    assert locate('a = 1\nb = "unfinished\nc = 2\n') == {("a",): 1, ("b",): 2}


@pytest.mark.parametrize("path", sorted(STARTER_FOLDER.glob("*.toml")), ids=lambda path: path.name)
def test_every_key_of_the_starter_area_is_found_where_it_is_written(path):
    text = path.read_text("utf-8")
    lines = text.split("\n")

    found = locate(text)

    for keys, line in found.items():
        assert str(keys[-1]) in lines[line - 1]
    for kind, entries in tomllib.loads(text).items():
        if isinstance(entries, dict):
            assert all((kind, name) in found for name in entries)

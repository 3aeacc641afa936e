"""The page for world authors, followed step by step."""

import importlib
import importlib.util
import re
import runpy
import shutil
import sys
from pathlib import Path

import pytest
from doubles.played_world import SESSION, PlayedWorld, account, creation

import wyld_world.commands
from wyld_rpc.messages import CreateCharacter, EntityId
from wyld_world.areas import STARTER_FOLDER, AreaErrors, load
from wyld_world.commands import dispatch
from wyld_world.model import presence

PAGE = (Path(__file__).parents[2] / "docs" / "world-authoring.md").read_text("utf-8")
BLOCKS = dict(re.findall(r"^```(\w+ [^\n]+|text)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))


@pytest.fixture
def folder(tmp_path):
    for path in STARTER_FOLDER.glob("*.toml"):
        shutil.copy(path, tmp_path)
    (tmp_path / "mill.toml").write_text(BLOCKS["toml file=mill.toml"])
    return tmp_path


def link_the_mill(folder):
    header = "[rooms.landward-gate.exits]\n"
    headland = folder / "headland.toml"
    text = headland.read_text("utf-8")
    assert text.count(header) == 1
    line = BLOCKS["toml add-to=headland.toml after=[rooms.landward-gate.exits]"]
    headland.write_text(text.replace(header, header + line))


def test_the_page_shows_the_mistake_that_an_author_would_see(folder):
    with pytest.raises(AreaErrors) as caught:
        load(folder)

    assert str(caught.value) + "\n" == BLOCKS["text"]


def test_the_new_area_is_where_the_page_says(folder):
    link_the_mill(folder)
    played = PlayedWorld(areas=load(folder))
    data = creation(
        "ann",
        race="selkie",
        character_class="smith",
        attributes={"strength": 3, "agility": 3, "endurance": 3},
    )
    ann = played.world.create_character(
        played.journal, 1.0, CreateCharacter(EntityId(b"a" * 16), SESSION, account(), data)
    )
    presence.enter(played.context(ann))

    played.do(ann, *re.search(r"from the quay go ([^.]+)\.", PAGE)[1].replace("`", "").split(", "))
    assert ann.here.key == "mill.yard"

    played.do(ann, "open door", "east")
    assert played.do(ann, "say any mice?")[-1] == "The barn owl says, 'Quite.'"


def test_authors_can_ask_what_is_wrong(folder, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["areas", str(folder)])
    assert ask() == 2
    assert capsys.readouterr().err == BLOCKS["text"]

    link_the_mill(folder)
    assert ask() == 0
    assert "mill: The Old Mill, 2 rooms\n" in capsys.readouterr().out

    monkeypatch.setattr(sys, "argv", ["areas"])
    assert ask() == 0
    assert "New characters begin in harbour.quay." in capsys.readouterr().out


def test_importing_the_check_runs_nothing(monkeypatch):
    module = "wyld_world.areas.__main__"

    importlib.import_module(module)

    monkeypatch.delitem(sys.modules, module)  # or running it as a program would warn


def ask() -> int:
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("wyld_world.areas", run_name="__main__")
    return ended.value.code


def test_the_new_command_works_as_the_page_shows(tmp_path, monkeypatch):
    source = Path(wyld_world.commands.__path__[0])
    doors = tmp_path / "doors_with_knock.py"
    doors.write_text((source / "doors.py").read_text("utf-8") + "\n\n" + BLOCKS["python add-to=doors.py"])
    spec = importlib.util.spec_from_file_location("doors_with_knock", doors)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(dispatch, "_EXACT", dispatch._exact_names((module.FAMILY,)))
    names = {"PlayedWorld": PlayedWorld}
    exec(BLOCKS["python test"], names)

    names["test_a_knock_is_heard_on_the_other_side"]()

    played = PlayedWorld("ann", "bob")
    ann, bob = played.people
    assert played.do(ann, "knock") == ["Knock on what?"]
    played.do(ann, "knock door")
    assert played.outlet.texts(bob) == ["Ann knocks three times."]
    assert played.do(ann, "open door", "knock door") == ["It is open. Walk in."]

"""Reading a folder of area files. The only part of the world's model and content that touches files."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from wyld_world.areas import linking
from wyld_world.areas.lines import locate
from wyld_world.areas.problems import AreaErrors, AreaProblem, Source
from wyld_world.areas.reading import CharacterChoices, Links, read_area, read_characters
from wyld_world.areas.table import Table
from wyld_world.model.prototypes import Areas

STARTER_FOLDER = Path(__file__).parent
CHARACTERS = "characters.toml"

FILE_LIMIT = 256 * 1024
"""Bytes of one file: larger than any area that a person writes, small enough to read at a start."""
FILES_LIMIT = 200

_FILE_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}\.toml")
_AT_LINE = re.compile(r"at line (\d+)")


def load(folder: Path) -> Areas:
    """Everything that the `*.toml` files of `folder` say.

    Reads only that folder and nothing below it. Raises `AreaErrors` with every problem at once: whatever is wrong with the files or
    the folder, no other exception.
    """
    problems: list[AreaProblem] = []
    links = Links()
    characters: CharacterChoices | None = None
    for path in _files(folder, problems):
        table = _open(path, problems)
        if table is None:
            continue
        if path.name == CHARACTERS:
            characters = read_characters(table, links)
        else:
            read_area(table, path.stem, links)
    linking.check(links)
    if characters is None and not any(problem.file == CHARACTERS for problem in problems):
        problems.append(AreaProblem(CHARACTERS, 0, f"is missing in {folder}"))
    if problems or characters is None:
        raise AreaErrors(problems)
    return Areas(
        tuple(links.areas),
        links.items,
        {key: door for key, (_, door) in links.doors.items()},
        tuple(links.npcs),
        characters.start,
        characters.choices,
        characters.health,
    )


def _files(folder: Path, problems: list[AreaProblem]) -> list[Path]:
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix == ".toml")
    except OSError as error:
        problems.append(AreaProblem(str(folder), 0, f"cannot be read: {error.strerror}"))
        return []
    if len(files) > FILES_LIMIT:
        problems.append(AreaProblem(str(folder), 0, f"has more than {FILES_LIMIT} files"))
    return files[:FILES_LIMIT]


def _open(path: Path, problems: list[AreaProblem]) -> Table | None:
    """The file's outermost table; None if it is not even TOML."""

    def refuse(text: str, line: int = 0) -> None:
        problems.append(AreaProblem(path.name, line, text))

    if not _FILE_NAME.fullmatch(path.name):
        refuse("is no name for an area file: use up to 40 of a-z, 0-9 and '-', beginning with a letter")
        return None
    try:
        with path.open("rb") as file:
            content = file.read(FILE_LIMIT + 1)
        if len(content) > FILE_LIMIT:
            refuse(f"is larger than {FILE_LIMIT // 1024} KiB")
            return None
        text = content.decode("utf-8").replace("\r\n", "\n")
        values = tomllib.loads(text)
    except OSError as error:
        refuse(f"cannot be read: {error.strerror}")
    except UnicodeDecodeError as error:
        refuse("is not UTF-8", content[: error.start].count(b"\n") + 1)
    except tomllib.TOMLDecodeError as error:
        at = _AT_LINE.search(str(error))
        refuse(f"is not TOML: {error}", int(at[1]) if at else 0)
    except RecursionError:
        refuse("is nested too deeply")
    else:
        return Table(Source(path.name, locate(text), problems), (), values)
    return None

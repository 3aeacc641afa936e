"""One TOML table being read: it hands out checked values, and in the end says which of its keys nobody asked for.

Pure. A problem is reported to the file's `Source` and reading goes on with a harmless value, so that one start shows everything that is
wrong. The keys that were asked for are the keys that exist: there is no list of them to keep in step.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from wyld_world.areas.problems import Path, Source, Where, did_you_mean
from wyld_world.model.wording import clean

NAME_LIMIT = 60
"""Characters of a name: it must fit a line beside others."""
TEXT_LIMIT = 2_000
"""Characters of a description: about a screen."""
LIST_LIMIT = 50
"""Entries of an array."""
ENTRY_LIMIT = 1_000
"""Entries of a table such as `rooms`: a larger area reads better as two files."""

_KEY = re.compile(r"[a-z][a-z0-9-]{0,39}")


class Table:
    """A table at `path`. Every reading method takes a key and returns its value, or `default` where there is none or a wrong one."""

    def __init__(self, source: Source, path: Path, values: object) -> None:
        self.source = source
        self.path = path
        if not isinstance(values, dict):
            source.report(path, f"{_spell(path)} must be a table")
            values = {}
        self._values: dict[str, object] = values
        self._asked: set[str] = set()

    def where(self, *keys: str | int) -> Where:
        return Where(self.source, (*self.path, *keys))

    def report(self, key: str, text: str) -> None:
        self.source.report((*self.path, key), f"{_spell((*self.path, key))} {text}")

    # ------------------------------------------------------------------------------------- values

    def text(self, key: str, default: str | None = None, limit: int = NAME_LIMIT) -> str:
        """One line of text; required unless there is a default."""
        value = self._take(key, required=default is None)
        if value is None:
            return default or ""
        return self._checked_text(key, value, limit)

    def prose(self, key: str, default: str | None = None, limit: int = TEXT_LIMIT) -> str:
        """Text of one or more paragraphs, which an empty line divides; line ends within a paragraph become blanks."""
        value = self._take(key, required=default is None)
        if not isinstance(value, str):
            return default or "" if value is None else self._checked_text(key, value, limit)
        paragraphs = [" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", value.strip())]
        checked = [self._checked_text(key, paragraph, limit) for paragraph in paragraphs]
        if sum(map(len, checked)) > limit:
            self.report(key, f"is too long: at most {limit:,} characters")
        return "\n".join(checked)

    def verbatim(self, key: str) -> str:
        """Lines that are kept as they are, such as a drawing; empty if there are none."""
        value = self._take(key, required=False)
        if value is None:
            return ""
        if not isinstance(value, str):
            self.report(key, "must be text")
            return ""
        lines = value.strip("\n").split("\n")
        if len(lines) > LIST_LIMIT or any(len(line) > 78 or not line.isprintable() for line in lines):
            self.report(key, f"must have at most {LIST_LIMIT} lines of at most 78 printable characters")
        return "\n".join(line.rstrip() for line in lines)

    def integer(self, key: str, default: int | None, low: int, high: int) -> int:
        """A whole number from `low` to `high`; required if the default is None."""
        value = self._take(key, required=default is None)
        if value is None:
            return low if default is None else default
        if type(value) is not int or not low <= value <= high:
            self.report(key, f"must be a whole number from {low} to {high}")
            return low
        return value

    def flag(self, key: str, default: bool) -> bool:
        value = self._take(key, required=False)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.report(key, "must be true or false")
            return default
        return value

    def words(self, key: str, limit: int = NAME_LIMIT) -> tuple[str, ...]:
        """An array of lines of text; empty if there is none."""
        return tuple(
            [self._checked_text(key, value, limit) for _, value in self.array(key)],
        )

    def array(self, key: str) -> list[tuple[int, object]]:
        """The entries of an array with their positions; empty if there is none."""
        value = self._take(key, required=False)
        if value is None:
            return []
        if not isinstance(value, list) or len(value) > LIST_LIMIT:
            self.report(key, f"must be an array of at most {LIST_LIMIT} entries")
            return []
        return list(enumerate(value))

    # ------------------------------------------------------------------------------------- tables

    def table(self, key: str, *, required: bool = False) -> Table:
        """A table within this one; empty if there is none."""
        value = self._take(key, required)
        return Table(self.source, (*self.path, key), {} if value is None else value)

    def entries(self, key: str) -> Iterator[tuple[str, Table]]:
        """The tables within the table at `key`, by their keys, which must be fit to be one half of "area.name"."""
        outer = self.table(key)
        if len(outer._values) > ENTRY_LIMIT:
            self.report(key, f"has {len(outer._values):,} entries, and {ENTRY_LIMIT:,} are the limit")
        for name, value in outer._values.items():
            if not _KEY.fullmatch(name):
                outer.report(name, "is no key: use up to 40 of a-z, 0-9 and '-', beginning with a letter")
            yield name, Table(self.source, (*outer.path, name), value)

    def items(self) -> Iterator[tuple[str, object]]:
        """All keys and their values as they are, for a table whose keys are free."""
        self._asked.update(self._values)
        yield from self._values.items()

    def close(self) -> None:
        """Report the keys that nobody asked for."""
        for key in self._values:
            if key not in self._asked:
                near = did_you_mean(key, self._asked)
                self.source.report((*self.path, key), f"unknown key '{key}' in {_spell(self.path)}{near}")

    def _take(self, key: str, required: bool) -> object:
        self._asked.add(key)
        if required and key not in self._values:
            self.source.report(self.path, f"{_spell(self.path)} has no '{key}'")
        return self._values.get(key)

    def _checked_text(self, key: str, value: object, limit: int) -> str:
        if not isinstance(value, str):
            self.report(key, "must be text")
        elif not value.strip():
            self.report(key, "must not be empty")
        elif len(value) > limit:
            self.report(key, f"is too long: {len(value):,} characters, and {limit:,} are the limit")
        elif clean(value) != value:
            self.report(key, "holds control characters, or a line end where there may be none")
        else:
            return value
        return "?"


def _spell(path: Path) -> str:
    return ".".join(map(str, path)) or "the file"

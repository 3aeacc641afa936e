"""What can be wrong with area files, each thing with its file and line, and all things at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import TypeAlias

import attrs

Path: TypeAlias = tuple[str | int, ...]
"""Where in a TOML document: keys, and positions in arrays."""


@attrs.frozen(order=True)
class AreaProblem:
    """`line` counts from 1; 0 speaks of the file as a whole."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}" if self.line else f"{self.file}: {self.text}"


class AreaErrors(Exception):
    """The area files cannot be used: print it, one line for each problem, and do not start.

    Attributes:
        problems: All of them, by file and line; at least one.
    """

    def __init__(self, problems: Iterable[AreaProblem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(map(str, self.problems)))


@attrs.frozen(eq=False)
class Source:
    """One file being read: its name, where its keys stand, and the list, shared by all files, of what was found wrong."""

    file: str
    lines: Mapping[Path, int]
    problems: list[AreaProblem]

    def report(self, path: Path, text: str) -> None:
        """Note a problem at `path`, or at the nearest key around it whose line is known."""
        while path and path not in self.lines:
            path = path[:-1]
        self.problems.append(AreaProblem(self.file, self.lines.get(path, 0), text))


@attrs.frozen(eq=False)
class Where:
    """A place in a file, kept for what can be checked only when all files have been read."""

    source: Source
    path: Path

    def report(self, text: str) -> None:
        self.source.report(self.path, text)


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """ "; did you mean 'quay'?", or nothing where nothing is near."""
    near = difflib.get_close_matches(wrong, list(known), n=1)
    return f"; did you mean '{near[0]}'?" if near else ""

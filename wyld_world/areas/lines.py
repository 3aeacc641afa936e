"""On which line of a TOML text each key stands.

Pure. `tomllib` says what a document means and not where; this scanner finds the lines and leaves meaning alone. It expects text that
`tomllib` has accepted, and knows of TOML 1.0 what moves a line: comments, the four kinds of strings, brackets over several
lines, headers, dotted and quoted keys. Keys within an inline table or an array have no entry of their own: look up the
nearest key around them.
"""

from __future__ import annotations

import re

from wyld_world.areas.problems import Path

_TOKEN = re.compile(
    r'''
      (?P<string> """ (?: \\. | (?!""") . )* """ "{0,2}
                | \'\'\' (?: (?!\'\'\') . )* \'\'\' '{0,2}
                | " (?: \\. | [^"\\\n] )* "
                | ' [^'\n]* ' )
    | (?P<comment> \# [^\n]* )
    | (?P<newline> \n )
    | (?P<open> [\[{] )
    | (?P<close> [\]}] )
    | (?P<other> [^\n\#"'\[\]{}]+ )
    ''',
    re.VERBOSE | re.DOTALL,
)
_KEY_PART = re.compile(r"""\s*(?:"((?:\\.|[^"\\])*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*""")


def locate(text: str) -> dict[Path, int]:
    """The line, from 1, of every key outside of inline tables, and of every table, at its first mention."""
    found: dict[Path, int] = {}
    tables: dict[Path, int] = {}
    prefix: Path = ()
    position, line = 0, 1
    while position < len(text):
        end = _statement_end(text, position)
        statement = text[position:end]
        bare = statement.lstrip()
        at = line + statement[: len(statement) - len(bare)].count("\n")
        if bare.startswith("[["):
            key = _keys(bare[2:], prefix=())
            tables[key] = tables.get(key, -1) + 1
            prefix = (*key, tables[key])
            _note(found, prefix, at)
        elif bare.startswith("["):
            prefix = _keys(bare[1:], prefix=())
            _note(found, prefix, at)
        elif bare and not bare.startswith("#"):
            _note(found, _keys(bare, prefix), at)
        line += statement.count("\n")
        position = end
    return found


def _statement_end(text: str, start: int) -> int:
    """Just after the newline that ends the statement at `start`: one outside of strings and brackets."""
    depth, position = 0, start
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            return len(text)
        position = token.end()
        if token.lastgroup == "open":
            depth += 1
        elif token.lastgroup == "close":
            depth -= 1
        elif token.lastgroup == "newline" and depth <= 0:
            return position
    return position


def _keys(text: str, prefix: Path) -> Path:
    """`prefix` and the dotted key at the beginning of `text`."""
    path, position, dotted = prefix, 0, True
    while dotted and (part := _KEY_PART.match(text, position)):
        path = (*path, next(group for group in part.groups() if group is not None))
        position = part.end() + 1
        dotted = text[part.end() : position] == "."
    return path


def _note(found: dict[Path, int], path: Path, line: int) -> None:
    for length in range(1, len(path) + 1):
        found.setdefault(path[:length], line)

"""The area files: reading them, checking them, and the starter areas themselves as data beside this code.

General layout:

- `problems`: what can be wrong, each with its file and line; `AreaErrors` carries all of them at once.
- `lines`: on which line of a TOML text each key stands, which the parser of the standard library does not tell.
- `table`: one TOML table being read: typed values, limits, unknown keys.
- `reading`: the tables of one file, made into prototypes.
- `linking`: what only all files together can show: references, ways back, doors with two sides.
- `loading`: `load`, the only part that touches files.
- `*.toml`: the starter areas, and `characters.toml`, what a new character may be.

Imports `wyld_world.model.prototypes`, and nothing of the model that lives. docs/world-authoring.md shows how to write an area.
"""

from wyld_world.areas.loading import STARTER_FOLDER, load
from wyld_world.areas.problems import AreaErrors, AreaProblem

__all__ = ["STARTER_FOLDER", "AreaErrors", "AreaProblem", "load"]

"""`python -m wyld_world.areas [FOLDER]`: what is wrong with a folder of area files, or what is in it; the starter areas by default.

For authors, before they let players into what they have written. Exit status 0 if a world could start with them, else 2.
"""

from __future__ import annotations

import sys
from pathlib import Path

from wyld_world.areas import STARTER_FOLDER, AreaErrors, load
from wyld_world.model.wording import counted


def main(folder: Path) -> int:
    try:
        areas = load(folder)
    except AreaErrors as errors:
        sys.stderr.write(f"{errors}\n")
        return 2
    for area in areas.areas:
        sys.stdout.write(f"{area.key}: {area.name}, {counted(len(area.rooms), 'room', 'rooms')}\n")
    items = counted(len(areas.items), "kind of item", "kinds of items")
    residents = counted(len(areas.npcs), "resident", "residents")
    sys.stdout.write(f"{items}, {residents}. New characters begin in {areas.start}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else STARTER_FOLDER))

"""Restarts the world when a file of it changes, so that an author sees the effect without dropping a player.

Watched are the Python and TOML files of one folder. A change that Python or TOML cannot even read restarts nothing:
players keep the old world, and the author gets the sentence.
"""

import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path

import trio
from watchfiles import Change, awatch

from wyld.console import Console

# Milliseconds. Long enough that an editor's "save all" is one restart, short enough to feel immediate.
QUIET_TIME = 200
# Milliseconds after which the watching thread looks whether it is still wanted: cancellation waits that long.
LOOK_UP_TIME = 250
_SUFFIXES = frozenset({".py", ".toml"})


async def restart_on_change(folder: Path, restart: Callable[[], None], console: Console) -> None:
    """Call `restart` after every readable change below `folder`, until cancelled (within `LOOK_UP_TIME`).

    Where the system cannot watch files (its limit of watches is reached: the library's RuntimeError), it says so and
    waits.
    """
    try:
        await _restart_on_change(folder, restart, console)
    except (OSError, RuntimeError) as error:
        console.notice(f"Changes of the world's files are not noticed here: {error}.")
        await trio.sleep_forever()


async def _restart_on_change(folder: Path, restart: Callable[[], None], console: Console) -> None:
    async for changes in awatch(folder, watch_filter=_matters, step=QUIET_TIME, rust_timeout=LOOK_UP_TIME):
        paths = sorted({Path(path) for _, path in changes})
        names = ", ".join(str(path.relative_to(folder)) for path in paths)
        problems = list(unreadable(paths))
        if problems:
            console.notice(f"Not restarted, the world goes on as it was: {'; '.join(problems)}.")
        else:
            console.notice(f"The world restarts: {names} changed.")
            restart()


def unreadable(paths: Iterable[Path]) -> Iterable[str]:
    """One phrase for each of `paths` that holds a syntax error; a file that is gone holds none."""
    for path in paths:
        try:
            if path.suffix == ".toml":
                tomllib.loads(path.read_text("utf-8"))
            else:
                compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
        except FileNotFoundError:
            continue
        except SyntaxError as error:
            yield f"{path.name} line {error.lineno}: {error.msg}"
        except (OSError, ValueError) as error:
            yield f"{path.name}: {error}"


def _matters(_change: Change, path: str) -> bool:
    return Path(path).suffix in _SUFFIXES

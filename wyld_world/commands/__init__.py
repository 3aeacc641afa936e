"""What players can do: one file for each family of commands, and the dispatcher that finds the right one.

Pure, like the model that the commands work on: no await, no I/O; the clock and the source of chance come with the `Context`.

General layout:

- `family`: `Command`, `Family` and its decorator, `Refused`.
- `targets`: what "2.sword" and "all" mean.
- `moving`, `looking`, `talking`, `carrying`, `doors`, `bodily`, `yourself`: the commands.
- `helping`: help, made from what all commands say of themselves.
- `dispatch`: the table of them all, and `perform`.

docs/world-authoring.md shows how to add one.
"""

from wyld_world.commands.dispatch import perform

__all__ = ["perform"]

"""Options that several commands have."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def config_option(function: F) -> F:
    """`-c FILE`, for commands that run a process."""
    return click.option(
        "-c",
        "--config",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Settings file; WYLD_* variables are stronger.",
    )(function)


def running_options(function: F) -> F:
    """`--data DIR` and `-c FILE`, for commands that talk to processes that run."""
    data = click.option(
        "--data",
        metavar="DIR",
        type=click.Path(path_type=Path),
        help="Folder of the `wyld up` that is meant.",
    )
    config = click.option(
        "-c",
        "--config",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Settings file of the processes that are meant.",
    )
    return data(config(function))

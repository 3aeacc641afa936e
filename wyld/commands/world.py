"""`wyld world`: the world in the foreground."""

from collections.abc import Callable
from pathlib import Path

import click
import trio

from wyld.foreground import run_in_foreground
from wyld_service.settings import Settings


@click.command("world", epilog="Example: WYLD_LINK__KEY_FILE=link.key wyld world -c wyld.toml")
@click.option(
    "-c",
    "--config",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Settings file; WYLD_* variables are stronger.",
)
def command(config: Path | None) -> None:
    """Run the world, which holds rooms, characters and commands, until SIGTERM.

    It brings the database's schema up to date first. It prints the bound address and then `Ready.` to stdout, and
    its log to stderr.
    """
    from wyld_world.areas import AreaErrors

    run_in_foreground(_serve, process="world", settings_file=config, complaints=(AreaErrors,))


async def _serve(settings: Settings, *, stop: trio.Event, announce: Callable[[str], None]) -> None:
    from wyld_service.postgres import open_database
    from wyld_service.schema import apply_schema
    from wyld_world.app import serve

    async with open_database(settings.store, application="wyld world: schema") as database:
        await apply_schema(database)
    await serve(settings, stop=stop, announce=announce)

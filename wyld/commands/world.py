"""`wyld world`: the world in the foreground; `wyld world restart`: another one in its place."""

from collections.abc import Callable
from pathlib import Path

import click
import trio

from wyld.commands.options import config_option, running_options
from wyld.console import Console
from wyld.errors import ProblemFound
from wyld.foreground import run_in_foreground
from wyld_service.settings import Settings


@click.group(
    "world",
    invoke_without_command=True,
    subcommand_metavar="[restart]",
    epilog="Example: WYLD_LINK__KEY_FILE=link.key wyld world -c wyld.toml",
)
@config_option
@click.pass_context
def command(context: click.Context, config: Path | None) -> None:
    """Run the world, which holds rooms, characters and commands, until SIGTERM.

    It brings the database's schema up to date first. It prints the bound address and then `Ready.` to stdout, and
    its log to stderr.
    """
    if context.invoked_subcommand is None:
        from wyld_world.areas import AreaErrors

        run_in_foreground(_serve, process="world", settings_file=config, complaints=(AreaErrors,))
    elif config is not None:
        raise click.UsageError(f"-c belongs behind {context.invoked_subcommand!r}.")


async def _serve(settings: Settings, *, stop: trio.Event, announce: Callable[[str], None]) -> None:
    from wyld_service.postgres import open_database
    from wyld_service.schema import apply_schema
    from wyld_world.app import serve

    async with open_database(settings.store, application="wyld world: schema") as database:
        await apply_schema(database)
    await serve(settings, stop=stop, announce=announce)


@command.command("restart", epilog='Example: wyld world restart --in 60 --reason "A new pier."')
@click.option(
    "--in",
    "seconds",
    metavar="SECONDS",
    type=click.FloatRange(0, 3600),
    default=0,
    help="Announce it to the players this long before.",
)
@click.option("--reason", metavar="TEXT", default="", help="What the announcement adds.")
@running_options
def restart(seconds: float, reason: str, data: Path | None, config: Path | None) -> None:
    """Restart the world; players stay connected.

    The world saves and ends, and whoever keeps it running starts it again: `wyld up`, systemd or a container engine.
    Waits until it is back, and tells how many sessions are.

    Exit status: 1 if not all of them are, or no world comes; 3 if no world can be reached.
    """
    from wyld.processes import possible_folders
    from wyld.world_restart import restart_world

    console = Console()
    outcome = trio.run(restart_world, possible_folders(data, config), seconds, reason, console)
    console.result(str(outcome))
    if outcome.back < outcome.of:
        raise ProblemFound("Not every session is back.")

"""The command group `wyld`: every command is a file in `wyld.commands`."""

from importlib.metadata import version

import click

from wyld.commands import bench, gateway, status, up, world


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: wyld up --data ./game --telnet 0.0.0.0:4000",
)
@click.version_option(version("wyld"), prog_name="wyld", message="%(prog)s %(version)s")
def cli() -> None:
    """Wyld keeps a MUD's players connected, whatever happens behind or in front of it.

    Exit status: 0 done, 1 a problem was found, 2 wrong usage or cannot start, 3 the running process cannot be
    reached.
    """


for _module in (up, status, gateway, world, bench):
    cli.add_command(_module.command)


def main() -> None:
    """Run the command line and end the process with its status."""
    cli(prog_name="wyld")

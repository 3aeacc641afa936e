"""`wyld up`: the whole game in one terminal."""

from pathlib import Path

import click

from wyld.console import Console
from wyld.data_folder import default_data_folder
from wyld.up import UpOptions, up
from wyld_service.units import Address


class _AddressType(click.ParamType[Address]):
    name = "ADDR:PORT"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Address:
        if isinstance(value, Address):
            return value
        try:
            return Address.parse(value)
        except ValueError as error:
            self.fail(f"{value!r} must be {error}", param, ctx)


@click.command(
    "up", epilog="Example: wyld up --telnet 0.0.0.0:4000 --web 0.0.0.0:8080   (players of the whole network)"
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    default=default_data_folder,
    show_default="your user data folder",
    help="Folder of the database and the link key.",
)
@click.option(
    "--telnet",
    type=_AddressType(),
    multiple=True,
    default=["127.0.0.1:4000"],
    show_default=True,
    help="Where telnet players connect; may be given more than once.",
)
@click.option(
    "--web",
    type=_AddressType(),
    multiple=True,
    default=["127.0.0.1:8080"],
    show_default=True,
    help="Where browsers connect; may be given more than once.",
)
@click.option(
    "--database",
    metavar="URL",
    envvar="WYLD_STORE__URL",
    help="PostgreSQL to use instead of starting one. Also read from WYLD_STORE__URL.",
)
@click.option(
    "--reload/--no-reload",
    default=True,
    show_default=True,
    help="Restart the world when one of its files changes.",
)
def command(
    data: Path, telnet: tuple[Address, ...], web: tuple[Address, ...], database: str | None, reload: bool
) -> None:
    """Start PostgreSQL, the world and the gateway, and keep them running until Ctrl-C.

    The world restarts by itself when one of its files changes; players stay connected.
    """
    up(UpOptions(data.expanduser(), telnet, web, database, reload), Console())

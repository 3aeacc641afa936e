"""`wyld gateway`: one gateway in the foreground."""

from pathlib import Path

import click

from wyld.commands.options import config_option
from wyld.foreground import run_in_foreground


@click.command("gateway", epilog="Example: WYLD_LINK__KEY_FILE=link.key wyld gateway -c wyld.toml")
@config_option
def command(config: Path | None) -> None:
    """Run a gateway, which holds the players' connections, until SIGTERM.

    It prints every bound address and then `Ready.` to stdout, and its log to stderr.
    """
    from wyld_gateway.app import serve

    run_in_foreground(serve, process="gateway", settings_file=config)

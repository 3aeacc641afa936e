"""`wyld gateway`: one gateway in the foreground."""

from pathlib import Path

import click

from wyld.foreground import run_in_foreground


@click.command("gateway", epilog="Example: WYLD_LINK__KEY_FILE=link.key wyld gateway -c wyld.toml")
@click.option(
    "-c",
    "--config",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Settings file; WYLD_* variables are stronger.",
)
def command(config: Path | None) -> None:
    """Run a gateway, which holds the players' connections, until SIGTERM.

    It prints every bound address and then `Ready.` to stdout, and its log to stderr.
    """
    from wyld_gateway.app import serve

    run_in_foreground(serve, process="gateway", settings_file=config)

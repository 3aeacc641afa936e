"""`wyld status`: how everything is."""

import json
from pathlib import Path

import click
import trio

from wyld.commands.options import running_options
from wyld.console import Console


@click.command("status", epilog="Example: wyld status --json | jq .sessions")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@running_options
@click.pass_context
def command(context: click.Context, as_json: bool, data: Path | None, config: Path | None) -> None:
    """Tell how gateway, link, world and database are, and who is there.

    Without --data and -c it looks into the folder of `wyld up` and then into your runtime folder.

    Exit status: 0 all is well, 1 degraded (people play, but look at it), 2 down (nobody can play), 3 no process can be
    reached.
    """
    from wyld.processes import find_running, possible_folders
    from wyld.report import make_report

    report = make_report(trio.run(find_running, possible_folders(data, config)))
    console = Console()
    if as_json:
        console.result(json.dumps(report.to_json()))
    else:
        console.table(report.rows())
    context.exit(report.health.value)

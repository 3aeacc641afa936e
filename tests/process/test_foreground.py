"""`wyld.foreground` in a process of its own, because it takes over signals, logging and the event loop."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio
from wyld_process import Output

pytestmark = pytest.mark.process

HEAD = """
import click, trio
from wyld.foreground import run_in_foreground
from wyld_service.errors import CannotListen, ServiceError

@click.command()
def command():
    run_in_foreground(serve, process="gateway", settings_file=None, complaints=(LookupError,))
"""
SETTINGS = {"WYLD_STORE__URL": "postgresql://localhost/wyld", "WYLD_LINK__KEY": "k" * 32}


@asynccontextmanager
async def open_service(serve: str, **env: str) -> AsyncIterator[tuple[trio.Process, Output, Output]]:
    """A process with this body of `serve(settings, *, stop, announce)`; killed when the block is left."""
    script = HEAD + "async def serve(settings, *, stop, announce):\n    " + serve + "\ncommand()"
    async with trio.open_nursery() as nursery:
        process: trio.Process = await nursery.start(
            partial(
                trio.run_process,
                [sys.executable, "-c", script],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**os.environ, **SETTINGS, **env},
                check=False,
            )
        )
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        out, err = Output(), Output()
        nursery.start_soon(out.collect, process.stdout)
        nursery.start_soon(err.collect, process.stderr)
        async with process.stdin:
            yield process, out, err
        nursery.cancel_scope.cancel()


async def test_signal_asks_for_an_end_and_a_second_one_insists() -> None:
    deaf = 'announce("Ready."); await stop.wait(); announce("stopping"); await trio.sleep_forever()'

    async with open_service(deaf) as (process, out, _):
        await out.wait_for("^Ready")
        process.send_signal(signal.SIGTERM)
        await out.wait_for("^stopping")
        process.send_signal(signal.SIGINT)

        assert await process.wait() == 0


async def test_supervised_process_ends_with_its_supervisor() -> None:
    service = 'announce("Ready."); await stop.wait(); announce("saved")'

    async with open_service(service, WYLD_SUPERVISED="1") as (process, out, _):
        await out.wait_for("^Ready")
        assert process.stdin is not None
        await process.stdin.aclose()

        await out.wait_for("^saved")
        assert await process.wait() == 0


async def test_all_complaints_are_told_each_once_and_the_status_is_2() -> None:
    service = (
        'raise ExceptionGroup("", [LookupError("No such area."), ExceptionGroup("", '
        '[ServiceError("No database."), ServiceError("No database.")])])'
    )

    async with open_service(service) as (process, _, err):
        assert await process.wait() == 2
        await err.ended.wait()

    assert err.lines == ["Error: No such area.", "No database."]


async def test_bug_is_not_dressed_up_as_a_complaint() -> None:
    async with open_service("raise ZeroDivisionError") as (process, _, err):
        assert await process.wait() == 1

        await err.wait_for("ZeroDivisionError")

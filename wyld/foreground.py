"""Runs one long-lived process in the foreground, as `wyld gateway` and `wyld world` do.

How it is told to stop: SIGTERM or SIGINT; a second one ends it at once. Under `wyld up` also the end of file on stdin
(see `wyld.supervisor`). It never detaches itself: systemd, containers and `wyld up` want the process they started.
"""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import trio

from wyld.errors import CannotStart
from wyld.supervisor import SUPERVISED_VARIABLE
from wyld_service.announce import announce
from wyld_service.errors import ServiceError, SettingsError
from wyld_service.log import configure
from wyld_service.settings import Settings, load_settings

_STDIN = 0


class Serve(Protocol):
    """What a process does: announce its addresses and `Ready.`, and return soon after `stop` is set."""

    async def __call__(
        self, settings: Settings, *, stop: trio.Event, announce: Callable[[str], None]
    ) -> None: ...


def run_in_foreground(
    serve: Serve, *, process: str, settings_file: Path | None, complaints: tuple[type[Exception], ...] = ()
) -> None:
    """Load the settings, set up the log and run `serve` until the process is told to stop.

    `ServiceError` and the further `complaints` are what an operator must mend; they become `CannotStart`. Every
    other exception is a bug and comes through.
    """
    try:
        settings = load_settings(settings_file, environ=os.environ)
    except SettingsError as error:
        raise CannotStart(str(error)) from error
    configure(settings.log, process=process)
    what_an_operator_mends: tuple[type[Exception], ...] = (ServiceError, *complaints)
    found: list[str] = []
    try:
        trio.run(_serve_until_told, serve, settings)
    except* what_an_operator_mends as group:
        found += _sentences(group)
    if found:
        raise CannotStart("\n".join(found))


async def _serve_until_told(serve: Serve, settings: Settings) -> None:
    stop = trio.Event()
    async with trio.open_nursery() as nursery:
        await nursery.start(_obey_signals, stop, nursery.cancel_scope)
        if os.environ.get(SUPERVISED_VARIABLE) == "1":
            nursery.start_soon(_watch_lifeline, stop)
        await serve(settings, stop=stop, announce=announce)
        nursery.cancel_scope.cancel()


async def _obey_signals(
    stop: trio.Event, everything: trio.CancelScope, *, task_status: trio.TaskStatus[None]
) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        task_status.started()
        async for _ in signals:
            if stop.is_set():
                everything.cancel()
            stop.set()


async def _watch_lifeline(stop: trio.Event) -> None:
    """Set `stop` when the process that started us is gone: nobody writes to our stdin, so it only ever ends."""
    await trio.lowlevel.wait_readable(_STDIN)
    stop.set()


def _sentences(group: BaseExceptionGroup[Exception]) -> list[str]:
    """The messages of all errors in a group, each once."""
    found: dict[str, None] = {}
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            found |= dict.fromkeys(_sentences(error))
        else:
            found[str(error)] = None
    return list(found)

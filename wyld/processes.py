"""Which processes run in a control folder, and what they say of themselves: what every operator's command begins with."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import attrs
import trio

from wyld.data_folder import default_data_folder
from wyld.errors import CannotReach, CannotStart
from wyld_service.control import ask, control_folder, control_sockets
from wyld_service.errors import ControlRefused, ControlUnreachable, SettingsError
from wyld_service.settings import load_control_settings
from wyld_service.status import STATUS, GatewayStatus, ProcessStatus, WorldStatus

S = TypeVar("S", bound=ProcessStatus)


@attrs.frozen
class Silent:
    """A process that is there and says nothing: `kind` is `gateway` or `world`, `reason` a sentence."""

    kind: str
    reason: str


@attrs.frozen
class Running:
    """The processes of one control folder, each with its socket."""

    folder: Path
    gateways: dict[Path, GatewayStatus] = attrs.field(factory=dict)
    worlds: dict[Path, WorldStatus] = attrs.field(factory=dict)
    silent: list[Silent] = attrs.field(factory=list)

    def __bool__(self) -> bool:
        return bool(self.gateways or self.worlds or self.silent)


def possible_folders(data: Path | None, config: Path | None) -> list[Path]:
    """Where the processes that an operator means may have their sockets, the likeliest first.

    Args:
        data: The folder of a `wyld up`, if one was named.
        config: The settings file of the processes, if one was named.

    Raises:
        CannotStart: The settings cannot be used.
    """
    if data is not None:
        return [data.expanduser().absolute()]
    try:
        settings = load_control_settings(config, environ=os.environ)
    except SettingsError as error:
        raise CannotStart(str(error)) from error
    try:
        configured = control_folder(settings)
    except OSError as error:
        raise CannotReach(f"There is no runtime folder: {error}.") from error
    if config is not None or settings.path is not None:
        return [configured]
    return [default_data_folder(), configured]


async def find_running(folders: Sequence[Path]) -> Running:
    """What runs in the first of the folders in which anything does.

    Raises:
        CannotReach: Nothing runs in any of them, or this user may not ask.
    """
    for folder in folders:
        running = await look_into(folder)
        if running:
            return running
    places = " or ".join(map(str, folders))
    raise CannotReach(
        f"No gateway and no world runs in {places}. Name the folder of a `wyld up` with --data, or the settings file "
        "of the processes with -c."
    )


async def look_into(folder: Path) -> Running:
    """Ask everybody in a folder how they are, all at the same time. Sockets of dead processes count as nothing.

    Raises:
        CannotReach: This user may not look into the folder.
    """
    running = Running(folder)
    try:
        gateways, worlds = control_sockets(folder, "gateway"), control_sockets(folder, "world")
    except OSError as error:
        raise CannotReach(f"{folder} cannot be looked into: {error.strerror}.") from error
    async with trio.open_nursery() as nursery:
        for path in gateways:
            nursery.start_soon(_ask_status, path, GatewayStatus, running.gateways, running.silent)
        for path in worlds:
            nursery.start_soon(_ask_status, path, WorldStatus, running.worlds, running.silent)
    return running


async def _ask_status(path: Path, kind: type[S], answers: dict[Path, S], silent: list[Silent]) -> None:
    name = "gateway" if kind is GatewayStatus else "world"
    try:
        answers[path] = kind.from_json(await ask(path, STATUS))
    except ControlUnreachable as error:
        if not error.gone:
            silent.append(Silent(name, str(error)))
    except ControlRefused as error:
        silent.append(Silent(name, str(error)))
    except ValueError:
        silent.append(Silent(name, f"What answers at {path} is of another release."))

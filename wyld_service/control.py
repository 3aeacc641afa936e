"""The control socket: how the command line asks something of a process that runs, and how the process answers.

Each process has one Unix socket in the control folder (`[control] path`): `gateway.sock`, `world.sock`, and where that
name belongs to another living process, `gateway-2.sock` and so on; what a dead process left is replaced. One request a
connection, one JSON object on one line in each direction:

    {"verb": "restart", "arguments": {"seconds": 60, "reason": "A new harbour."}}
    {"result": {"seconds": 60}}          or          {"error": "One sentence for whoever asked."}

Who may ask: the process's own user and root, by the credentials that the kernel attests (SO_PEERCRED, unix(7)); the
socket has mode 0600 besides. What changes something is in the log, with the user who asked.

Whoever may ask may still ask nonsense, hence the limits: `MAX_LINE`, `MAX_CONNECTIONS`, `DEADLINE`.

The game does not depend on it: a process that cannot have its socket says so in its log and goes on.
"""

from __future__ import annotations

import json
import math
import os
import socket
import struct
import warnings
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from inspect import isawaitable
from pathlib import Path
from typing import Any, Final

import attrs
import platformdirs
import trio

from wyld_service.errors import CannotListen, ControlRefused, ControlUnreachable
from wyld_service.listening import open_listeners
from wyld_service.log import Event, get_logger
from wyld_service.settings import ControlSettings
from wyld_service.units import UnixAddress

MAX_LINE: Final = 64 * 1024
"""Bytes of a request or an answer. Today's longest has a thousand."""

MAX_CONNECTIONS: Final = 8
"""At once; above it a connection is closed unanswered. Operators are few, and each asks one thing at a time."""

DEADLINE: Final = 5.0
"""Seconds for a request and its answer, on either side. A verb that takes longer is cancelled."""

MAX_SOCKETS: Final = 16
"""Processes of one kind in one folder; more than one machine would run."""

_RECEIVE: Final = 4096
_CREDENTIALS: Final = struct.Struct("iII")
"""`struct ucred`: process, user, group."""
_SHOWN: Final = 40
"""Characters of a wrong word that a refusal repeats."""

_log = get_logger()

Json = dict[str, Any]


class Arguments:
    """The arguments of a request, read one by one by the verb that takes them; each reader may raise `ControlRefused`."""

    def __init__(self, values: Json) -> None:
        self._values = values

    def number(self, name: str, default: float, *, low: float, high: float) -> float:
        """A number from `low` to `high`."""
        value = self._values.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
            raise ControlRefused(f"{name} must be a number.")
        if not low <= value <= high:
            raise ControlRefused(f"{name} must be from {low:g} to {high:g}.")
        return float(value)

    def text(self, name: str, default: str, *, limit: int) -> str:
        """Printable text of one line, at most `limit` characters."""
        value = self._values.get(name, default)
        if not isinstance(value, str) or not value.isprintable() or len(value) > limit:
            raise ControlRefused(f"{name} must be one line of text, at most {limit} characters.")
        return value


@attrs.frozen
class Verb:
    """Something that a process can be asked.

    Attributes:
        run: Does it, and returns what the answer holds, which must be fit for JSON and for one line. A plain function must
            be quick; an async one is cancelled after `DEADLINE`. `ControlRefused` is how it says no.
        takes: Names of its arguments; any other one is refused.
        changes: Whether it does more than tell something; then the log has it.
    """

    run: Callable[[Arguments], Json | Awaitable[Json]]
    takes: frozenset[str] = frozenset()
    changes: bool = True


@attrs.frozen
class Credentials:
    """The process at the other end of a socket, as the kernel knows it."""

    pid: int
    uid: int

    @classmethod
    def of(cls, sock: trio.socket.SocketType) -> Credentials:
        pid, uid, _ = _CREDENTIALS.unpack(
            sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        )
        return cls(pid, uid)


# ---------------------------------------------------------------------------------------------- where


def control_folder(settings: ControlSettings) -> Path:
    """The folder of the sockets. Without a setting it is `wyld` in the user's runtime folder, `$XDG_RUNTIME_DIR`.

    Raises:
        OSError: The user has no runtime folder that is safe to use.
    """
    if settings.path is not None:
        return settings.path.absolute()
    with warnings.catch_warnings():
        # It warns where there is no XDG_RUNTIME_DIR, as in a container; its fallback is fine.
        warnings.simplefilter("ignore")
        return platformdirs.user_runtime_path("wyld")


def control_sockets(folder: Path, process: str) -> list[Path]:
    """The sockets of one kind of process in a folder, the first one first; some may be left by dead processes.

    Raises:
        PermissionError: Nobody but the folder's owner may look into it.
    """
    return [path for name in _names(process) if (path := folder / name).is_socket()]


def _names(process: str) -> Iterator[str]:
    yield f"{process}.sock"
    yield from (f"{process}-{number}.sock" for number in range(2, MAX_SOCKETS + 1))


# --------------------------------------------------------------------------------------------- serving


async def serve_control(
    settings: ControlSettings,
    process: str,
    verbs: Mapping[str, Verb],
    *,
    task_status: trio.TaskStatus[Path | None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Answer on a control socket until cancelled; started, it gives the socket's path.

    Where there can be no socket it logs why, gives None and returns.

    Cancellation: ends what is being asked, and removes the socket.
    """
    try:
        folder = control_folder(settings)
        _make_private(folder)
        path, listener = await _listen(folder, process)
    except (OSError, CannotListen) as error:
        _log.error(Event.CONTROL_OFF, reason=str(error))
        task_status.started(None)
        return
    limiter = trio.CapacityLimiter(MAX_CONNECTIONS)

    async def serve_one(stream: trio.SocketStream) -> None:
        try:
            limiter.acquire_nowait()
        except trio.WouldBlock:
            return
        try:
            with trio.move_on_after(DEADLINE):
                await _serve_one(stream, verbs)
        except Exception:
            # A verb that fails is a mistake of ours; it must not end the game.
            _log.error(Event.CONN_ERROR, listener="control", exc_info=True)
        finally:
            limiter.release()

    with _removed_at_the_end(path):
        task_status.started(path)
        await trio.serve_listeners(serve_one, [listener])


def _make_private(folder: Path) -> None:
    """Create the folder where it is missing. Raises OSError if others could put sockets of theirs into it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.stat()
    if found.st_uid != os.getuid() or found.st_mode & 0o002:
        raise PermissionError(f"{folder} must belong to this process's user, and be writable for no stranger")


async def _listen(folder: Path, process: str) -> tuple[Path, trio.SocketListener]:
    """Listen under the first name that belongs to no living process. Raises `CannotListen`."""
    refusal: CannotListen | None = None
    for name in _names(process):
        try:
            (listener,) = await open_listeners([UnixAddress(str(folder / name))])
            return folder / name, listener
        except CannotListen as error:
            refusal = refusal or error
    assert refusal is not None
    raise refusal


@contextmanager
def _removed_at_the_end(path: Path) -> Iterator[None]:
    """Remove the socket that is there now, unless somebody has replaced it by then."""
    ours = path.stat()
    try:
        yield
    finally:
        with suppress(OSError):
            if os.path.samestat(path.stat(), ours):
                path.unlink()


async def _serve_one(stream: trio.SocketStream, verbs: Mapping[str, Verb]) -> None:
    try:
        peer = Credentials.of(stream.socket)
        if peer.uid not in (os.getuid(), 0):
            _log.warning(Event.ADMIN_ACTION, refused="another user", uid=peer.uid, pid=peer.pid)
            raise ControlRefused("Only this process's user and root may ask it anything.")
        line = await _receive_line(stream)
        if line is None:
            return
        answer: Json = {"result": await _carry_out(line, peer, verbs)}
    except ControlRefused as error:
        answer = {"error": str(error)}
    except trio.BrokenResourceError:
        return
    with suppress(trio.BrokenResourceError):
        await stream.send_all(_line(answer))


async def _carry_out(line: bytes, peer: Credentials, verbs: Mapping[str, Verb]) -> Json:
    name, arguments = _parse_request(line)
    verb = verbs.get(name)
    if verb is None:
        raise ControlRefused(f"There is no verb {name[:_SHOWN]!r}; there are {', '.join(verbs)}.")
    unknown = sorted(arguments.keys() - verb.takes)
    if unknown:
        raise ControlRefused(f"{name} takes no argument {unknown[0][:_SHOWN]!r}.")
    if verb.changes:
        _log.info(Event.ADMIN_ACTION, verb=name, uid=peer.uid, pid=peer.pid)
    answer = verb.run(Arguments(arguments))
    return await answer if isawaitable(answer) else answer


def _parse_request(line: bytes) -> tuple[str, Json]:
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        raise ControlRefused("A request must be one line of JSON.") from None
    match request:
        case {"verb": str(verb), "arguments": dict(arguments)} if len(request) == 2:
            return verb, arguments
        case _:
            raise ControlRefused('A request must be an object with "verb" and "arguments".')


# ---------------------------------------------------------------------------------------------- asking


async def ask(path: Path, verb: str, arguments: Mapping[str, object] | None = None) -> Json:
    """Ask the process behind a control socket; what it answers.

    Raises:
        ControlUnreachable: Nobody is there, or nobody answers within `DEADLINE`.
        ControlRefused: It does not do that, and says why.

    Cancellation: the process may or may not have done it.
    """
    try:
        stream = await trio.open_unix_socket(path)  # which waits for nobody
    except PermissionError as error:
        raise ControlUnreachable(
            f"The socket {path} belongs to another user: ask as that user or as root."
        ) from error
    except OSError as error:
        reason = f"No process answers at {path}: {error.strerror or error}."
        raise ControlUnreachable(reason, gone=True) from error
    async with stream:
        pid = Credentials.of(stream.socket).pid
        line = await _exchange(stream, _line({"verb": verb, "arguments": dict(arguments or {})}), path, pid)
    return _parse_answer(line, path, pid)


async def _exchange(stream: trio.SocketStream, request: bytes, path: Path, pid: int) -> bytes:
    try:
        with trio.fail_after(DEADLINE):
            await stream.send_all(request)
            line = await _receive_line(stream)
    except trio.TooSlowError:
        raise ControlUnreachable(
            f"Process {pid} at {path} does not answer within {DEADLINE:g} s: it may be stuck."
        ) from None
    except (trio.BrokenResourceError, ControlRefused):
        line = None
    if line is None:
        raise ControlUnreachable(f"Process {pid} at {path} gave no answer: its log may tell why.")
    return line


def _parse_answer(line: bytes, path: Path, pid: int) -> Json:
    with suppress(ValueError, RecursionError):
        match json.loads(line):
            case {"result": dict(result)}:
                return result
            case {"error": str(sentence)}:
                raise ControlRefused(sentence)
    raise ControlUnreachable(f"Process {pid} at {path} answers what this version does not know.")


# ----------------------------------------------------------------------------------------------- lines


async def _receive_line(stream: trio.SocketStream) -> bytes | None:
    """One line without its end; None where the peer ends before it. Raises `ControlRefused` for one that is too long."""
    received = bytearray()
    while (end := received.find(b"\n")) < 0:
        if len(received) > MAX_LINE:
            raise ControlRefused(f"A line must not be longer than {MAX_LINE // 1024} KiB.")
        chunk = await stream.receive_some(_RECEIVE)
        if not chunk:
            return None
        received += chunk
    return bytes(received[:end])


def _line(message: Json) -> bytes:
    return json.dumps(message).encode() + b"\n"

"""Real `wyld ...` processes for tests, and a look at which processes exist.

Lives beside conftest.py because tests in more than one folder start Wyld.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path

import attrs
import pytest
import trio

# Seconds. Generous, because a machine may be busy; what is asserted about time is asserted by itself.
PATIENCE = 60.0


@attrs.define
class Output:
    """The lines of one stream of a process, as they come."""

    lines: list[str] = attrs.field(factory=list)
    ended: trio.Event = attrs.field(factory=trio.Event)
    _changed: trio.Event = attrs.field(factory=trio.Event)

    async def collect(self, stream: trio.abc.ReceiveStream) -> None:
        pending = b""
        async with stream:
            async for chunk in stream:
                *whole, pending = (pending + chunk).split(b"\n")
                self.lines += [line.decode() for line in whole]
                self._wake()
        self.ended.set()
        self._wake()

    async def wait_for(self, pattern: str, *, after: int = 0) -> str:
        """The first line from number `after` on in which the pattern is found. Fails when it can no longer come."""
        with trio.move_on_after(PATIENCE):
            while True:
                found = next((line for line in self.lines[after:] if re.search(pattern, line)), None)
                if found is not None:
                    return found
                if self.ended.is_set():
                    break
                await self._changed.wait()
        pytest.fail(f"no line with {pattern!r} came; there were:\n" + "\n".join(self.lines))

    def _wake(self) -> None:
        self._changed.set()
        self._changed = trio.Event()


@attrs.define
class WyldProcess:
    """One running `wyld ...`."""

    process: trio.Process
    stdout: Output
    stderr: Output

    @property
    def pid(self) -> int:
        return self.process.pid

    async def ready(self) -> None:
        await self.stdout.wait_for(r"^Ready\.$")

    def port(self, kind: str) -> int:
        """The port of the line `Telnet on 127.0.0.1:4000` (as `wyld up` prints it) or `telnet 127.0.0.1:4000`."""
        line = next(line for line in self.stdout.lines if line.lower().startswith(kind))
        return int(line.rstrip("/").rpartition(":")[2])

    def send_signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def wait(self) -> int:
        """The exit status, once everybody who shares its streams is gone, too."""
        with trio.fail_after(PATIENCE):
            await self.stdout.ended.wait()
            await self.stderr.ended.wait()
            return await self.process.wait()

    def child(self, process: str) -> int:
        """The pid of the running `wyld gateway` or `wyld world` that `wyld up` has started."""
        (pid,) = [pid for pid in children_of(self.pid) if command_line(pid)[-1:] == [process]]
        return pid


@asynccontextmanager
async def open_wyld(*arguments: str, env: Mapping[str, str] | None = None) -> AsyncIterator[WyldProcess]:
    """Run `wyld` with these arguments; ended gracefully, or else killed, when the block is left."""
    async with trio.open_nursery() as nursery:
        process: trio.Process = await nursery.start(
            partial(
                trio.run_process,
                [sys.executable, "-m", "wyld", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**os.environ, **(env or {})},
                check=False,
                deliver_cancel=_end,
            )
        )
        wyld = WyldProcess(process, Output(), Output())
        assert process.stdout is not None
        assert process.stderr is not None
        nursery.start_soon(wyld.stdout.collect, process.stdout)
        nursery.start_soon(wyld.stderr.collect, process.stderr)
        yield wyld
        nursery.cancel_scope.cancel()


async def _end(process: trio.Process) -> None:
    process.terminate()
    await trio.sleep(10)
    process.kill()


@contextmanager
def data_folder() -> Iterator[Path]:
    """A new folder for `--data`.

    Not below pytest's own temporary folder: as root, PostgreSQL runs as a user who may not enter that.
    """
    with tempfile.TemporaryDirectory(prefix="wyld-data-", ignore_cleanup_errors=True) as folder:
        yield Path(folder) / "data"


async def eventually(condition: Callable[[], object]) -> None:
    """Wait until `condition()` is true; for what only the outside of a process can show."""
    with trio.move_on_after(PATIENCE):
        while not condition():
            await trio.sleep(0.02)
        return
    pytest.fail(f"{condition} did not become true within {PATIENCE:g} s")


def exists(pid: int) -> bool:
    """Whether a process runs. One that has ended and that nobody has asked for its status does not."""
    return _state_and_parent(pid)[0] not in "ZX"


def _state_and_parent(pid: int) -> tuple[str, int]:
    try:
        state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
    except OSError:
        return "X", 0
    return state, int(parent)


def command_line(pid: int) -> list[str]:
    """The arguments of a process; empty if it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")[:-1]
    except OSError:
        return []


def children_of(pid: int) -> list[int]:
    """The direct children of a process."""
    return [child for child in _all_processes() if _state_and_parent(child)[1] == pid]


def processes_that_mention(text: str) -> list[int]:
    """All processes with `text` in their command line, as PostgreSQL and its guard have the data folder."""
    return [
        pid for pid in _all_processes() if exists(pid) and any(text in part for part in command_line(pid))
    ]


def _all_processes() -> list[int]:
    return [int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit()]

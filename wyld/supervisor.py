"""One child process that is kept running: started, awaited until ready, restarted when it dies, stopped in order.

The states of a child, and what moves it on:

    starting --"Ready." on stdout--> running --death or restart()--> starting ...
    starting --death----------------> waiting (only after it was ready once; before that the start has failed)
    running  --exit status 0--------> starting (it was asked to end, and not by us: the next one has no reason to wait)
    waiting  --delay over or restart()--> starting
    any      --stop()---------------> stopped

What a child must do. It writes one line per bound address to stdout and then `Ready.`; log lines and its one
sentence of complaint go to stderr, which it shares with us. SIGTERM means: end gracefully. Exit status 2 means:
cannot start, and I have said why. It watches its stdin, whose other end only we hold and never write to: end of
file there means that we are gone without a word (`kill -9`), and that it must end gracefully by itself. No signal
could tell it so: the parent-death signal of Linux is bound to a thread, and other systems have none.

A child runs in a session of its own, so that Ctrl-C in the terminal reaches only us and the order of stopping
stays ours.
"""

import math
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence

import attrs
import trio

from wyld.backoff import Backoff
from wyld.errors import CannotStart, CannotStartAlreadyTold

READY_LINE = "Ready."
# Tells a child that its stdin is the lifeline described above.
SUPERVISED_VARIABLE = "WYLD_SUPERVISED"
# Seconds from the start of a process until it must be ready. Loading Python and the world takes about one.
START_DEADLINE = 30.0
# Seconds that a process gets to end before it is replaced. The world saves within 5 s; nobody waits for us meanwhile.
RESTART_GRACE = 6.0
# Bytes of one stdout line that are kept. A child prints addresses; more than this is a program gone wrong.
LINE_LIMIT = 4096
CANNOT_START_STATUS = 2


@attrs.frozen
class ChildSpec:
    """How to start one child: `environment` is added to ours, `inherited_fds` keep their numbers."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = attrs.field(factory=dict)
    inherited_fds: Sequence[int] = ()


@attrs.frozen
class _Life:
    """How one process of a child ended.

    Attributes:
        returncode: None if it never began.
        ending: In words that complete "The world ...".
        seconds: How long it lived.
        orderly: Whether it had become ready and then ended as one that was asked to.
    """

    returncode: int | None
    ending: str
    seconds: float
    orderly: bool = False


class Child:
    """Keeps one child process running inside the nursery that `run` is started in.

    `tell` gets the lines that the first process prints before it is ready; `notice` gets a sentence about each
    later event. `restart` and `stop` may be called from any task.
    """

    def __init__(
        self, spec: ChildSpec, *, tell: Callable[[str], None], notice: Callable[[str], None]
    ) -> None:
        self.spec = spec
        self._tell = tell
        self._notice = notice
        self._process: trio.Process | None = None
        self._was_ready = False
        self._stopping = False
        self._disturbed = trio.Event()
        self._ended = trio.Event()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run the child until `stop`; for `nursery.start`, which returns once the child is ready.

        Raises `CannotStart` if the first process ends, or is not ready in time, before that. Cancellation kills
        the process at once and reaps it.
        """
        backoff = Backoff()
        try:
            while not self._stopping:
                self._disturbed = trio.Event()
                life = await self._live(task_status)
                if not self._was_ready:
                    raise self._cannot_start(life)
                if life.orderly and not self._disturbed.is_set():
                    self._notice(f"The {self.spec.name} has ended; it starts again.")
                elif not self._disturbed.is_set():
                    await self._wait_after(life, backoff.after_life_of(life.seconds))
        finally:
            self._ended.set()

    def restart(self) -> None:
        """End the process gracefully, if there is one, and start the next without delay."""
        self._disturbed.set()

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the process, if there is one: for whoever wants to see what becomes of it."""
        if self._process is not None:
            self._process.send_signal(number)

    async def stop(self, grace: float) -> None:
        """End the process gracefully, or after `grace` seconds with SIGKILL, and wait until it is gone.

        Cancellation leaves the stopping under way.
        """
        self._stopping = True
        self._disturbed.set()
        with trio.move_on_after(grace):
            await self._ended.wait()
            return
        if self._process is not None:
            self._give_up(self._process, grace)
        await self._ended.wait()

    async def _live(self, task_status: trio.TaskStatus[None]) -> _Life:
        """One process, from start to end. Returns how it ended."""
        born = trio.current_time()
        async with trio.open_nursery() as nursery:
            try:
                process: trio.Process = await nursery.start(self._run_process)
            except OSError as error:
                return _Life(None, f"could not be started ({error})", 0.0)
            assert process.stdin is not None
            assert process.stdout is not None
            self._process = process
            async with process.stdin, process.stdout:
                nursery.start_soon(self._end_when_disturbed, process)
                with trio.CancelScope(deadline=born + START_DEADLINE) as starting:
                    await self._read_stdout(process.stdout, starting, task_status)
                if starting.cancelled_caught:
                    self._notice(f"The {self.spec.name} was not ready within {START_DEADLINE:g} s.")
                    process.kill()
                returncode = await process.wait()
            nursery.cancel_scope.cancel()
        orderly = returncode == 0 and starting.deadline == math.inf
        return _Life(returncode, _describe(returncode), trio.current_time() - born, orderly)

    async def _read_stdout(
        self, stdout: trio.abc.ReceiveStream, starting: trio.CancelScope, task_status: trio.TaskStatus[None]
    ) -> None:
        """Read until the child closes its end; on the ready line lift the deadline of `starting`."""
        pending = b""
        async for chunk in stdout:
            *lines, pending = (pending + chunk).split(b"\n")
            pending = pending[:LINE_LIMIT]
            for line in lines:
                text = line[:LINE_LIMIT].decode("utf-8", "replace")
                if text == READY_LINE:
                    starting.deadline = math.inf
                    self._now_ready(task_status)
                elif not self._was_ready:
                    self._tell(text)

    async def _run_process(self, *, task_status: trio.TaskStatus[trio.Process]) -> None:
        await trio.run_process(
            self.spec.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            check=False,
            env={**os.environ, **self.spec.environment, SUPERVISED_VARIABLE: "1"},
            pass_fds=tuple(self.spec.inherited_fds),
            start_new_session=True,
            deliver_cancel=_kill,
            task_status=task_status,
        )

    async def _end_when_disturbed(self, process: trio.Process) -> None:
        await self._disturbed.wait()
        process.terminate()
        with trio.move_on_after(RESTART_GRACE):
            await process.wait()
            return
        self._give_up(process, RESTART_GRACE)

    def _give_up(self, process: trio.Process, grace: float) -> None:
        self._notice(f"The {self.spec.name} did not end within {grace:.2g} s and is killed.")
        process.kill()

    def _now_ready(self, task_status: trio.TaskStatus[None]) -> None:
        if self._was_ready:
            self._notice(f"The {self.spec.name} is ready again.")
        else:
            self._was_ready = True
            task_status.started()

    def _cannot_start(self, life: _Life) -> CannotStart:
        if life.returncode == CANNOT_START_STATUS:
            return CannotStartAlreadyTold(f"the {self.spec.name} could not start")
        return CannotStart(f"The {self.spec.name} {life.ending} before it was ready.")

    async def _wait_after(self, life: _Life, delay: float) -> None:
        self._notice(f"The {self.spec.name} {life.ending}; it starts again in {delay:g} s.")
        with trio.move_on_after(delay):
            await self._disturbed.wait()


async def _kill(process: trio.Process) -> None:
    process.kill()


def _describe(returncode: int) -> str:
    if returncode >= 0:
        return f"ended with status {returncode}"
    return f"was ended by {signal.Signals(-returncode).name}"

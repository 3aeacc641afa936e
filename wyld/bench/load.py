"""The players: each one task that types, reads, and writes down what it typed and read.

A player enters the arena and then types commands at random moments, `rate` a second on average, while `Load.typing` is set. It
does what a person's client does: when its connection ends it comes back and takes its character up again. What it sees goes into the
ledger, and nowhere else; with a few hundred players this is one process that is mostly idle.
"""

from __future__ import annotations

import contextlib
import random as random_module
from collections.abc import Callable, Sequence
from typing import Final, NoReturn

import attrs
import trio

from wyld.bench.arena import Reader, Role, Script, Step, entering, returning, wording
from wyld.bench.ledger import Ledger
from wyld.bench.wires import Gone, Wire

ENTERING_AT_ONCE: Final = 8
"""Logins under way: hashing passwords keeps both ends busy, and a login that waits too long is refused."""

COME_BACK_WITHIN: Final = 1.0
"""Seconds, at most, from the end of a connection to the next attempt; evenly spread, so that not everybody comes at once."""

_CHUNK: Final = 65536


@attrs.frozen
class Seat:
    """Where a player connects, and how."""

    role: Role
    host: str
    port: int
    make_wire: Callable[[], Wire]


class Load:
    """All players of one run.

    Args:
        seats: One for each player.
        ledger: Takes down what is typed and seen.
        random: Decides what is typed, and when.
        rate: Commands a second and player, on average.
        drops_expected: Whether connections may end: gateways are killed.

    Attributes:
        typing: Whether players type; nobody does before everybody is in, so set it after `run` has started.
    """

    def __init__(
        self,
        seats: Sequence[Seat],
        ledger: Ledger,
        random: random_module.Random,
        *,
        rate: float,
        drops_expected: bool,
    ) -> None:
        self.typing = False
        self.ledger = ledger
        self.rate = rate
        self.drops_expected = drops_expected
        self.door = trio.CapacityLimiter(ENTERING_AT_ONCE)
        roles = [seat.role for seat in seats]
        names = [role.name for role in roles]
        reader = Reader(roles)
        self._players = [
            _Player(self, seat, names, reader, random_module.Random(random.random())) for seat in seats
        ]

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Play for ever; started once everybody is in. Cancelled, everybody drops their connection without a word."""
        async with trio.open_nursery() as nursery:
            async with trio.open_nursery() as entrance:
                for player in self._players:
                    entrance.start_soon(nursery.start, player.run)
            task_status.started()

    def missing(self) -> list[str]:
        """Of each player who is not in the arena: the name, and the last line on the screen."""
        return [
            f"{player.name} saw last: {player.last_line!r}" for player in self._players if not player.is_in
        ]


class _Player:
    """One player, from the first connection to the end of the run."""

    def __init__(
        self, load: Load, seat: Seat, names: Sequence[str], reader: Reader, random: random_module.Random
    ) -> None:
        self._load = load
        self._seat = seat
        self._role = seat.role
        self._reader = reader
        self._random = random
        # With dice of its own: what is typed must not depend on how often we looked whether it was time.
        self._script = Script(seat.role, names, random_module.Random(random.random()))
        self.name = seat.role.name
        self.is_in = False
        self.last_line = ""

    async def run(self, *, task_status: trio.TaskStatus[None]) -> None:
        steps = entering(self._role)
        while True:
            with contextlib.suppress(OSError, trio.BrokenResourceError, Gone):
                stream = await trio.open_tcp_stream(self._seat.host, self._seat.port)
                async with stream:
                    connection = _Connection(stream, self._seat.make_wire(), self._see)
                    async with self._load.door:
                        await connection.perform(steps)
                    self.is_in, steps = True, returning(self._role)
                    task_status.started()
                    task_status = trio.TASK_STATUS_IGNORED
                    await self._play(connection)
            if self.is_in:
                self._load.ledger.disconnect(self.name, expected=self._load.drops_expected)
                self.is_in = False
            await trio.sleep(self._random.uniform(0, COME_BACK_WITHIN))

    async def _play(self, connection: _Connection) -> NoReturn:
        while True:
            due = trio.current_time() + self._random.expovariate(self._load.rate)
            await connection.exchange(until=due)
            if self._load.typing and connection.wire.takes_commands:
                command = self._script.next()
                self._load.ledger.send(command)
                connection.wire.type(wording(command, self._role))

    def _see(self, line: str) -> None:
        self.last_line = line
        found = self._reader.token(line)
        if found is not None:
            self._load.ledger.see(self.name, *found)
        for owner in self._reader.owners(line):
            if owner != self.name:
                self._load.ledger.overhear(self.name, owner)


class _Connection:
    """A wire on a stream; every line goes to `see`."""

    def __init__(self, stream: trio.SocketStream, wire: Wire, see: Callable[[str], None]) -> None:
        self._stream = stream
        self.wire = wire
        self._see = see

    async def perform(self, steps: Sequence[Step]) -> None:
        """Type each line once the one before it is answered. Raises what `exchange` raises."""
        while not self.wire.takes_lines:
            await self._hear()
        for step in steps:
            self.wire.type(step.line)
            while not any(step.answer in line for line in await self._hear()):
                pass

    async def exchange(self, *, until: float) -> None:
        """Send what is to be sent, and read until then.

        Raises:
            Gone: The server closed the connection, or broke its protocol.
            trio.BrokenResourceError: It broke.
        """
        while True:
            # Not within the deadline, which could leave half of it unsent.
            await self._send()
            with trio.CancelScope(deadline=until) as reading:
                await self._hear()
            if reading.cancelled_caught:
                return

    async def _hear(self) -> list[str]:
        await self._send()
        data = await self._stream.receive_some(_CHUNK)
        if not data:
            raise Gone("the connection was closed")
        lines = self.wire.receive_data(data)
        for line in lines:
            self._see(line)
        return lines

    async def _send(self) -> None:
        data = self.wire.data_to_send()
        if data:
            await self._stream.send_all(data)

"""The ticks of one gateway: how one is written, and how those are kept that it has not acknowledged.

Pure. A tick is written entry by entry while a turn of the engine runs, and sealed when the turn ends: it gets the next number and becomes
the bodies of one or more frames. Once released it is kept until the gateway acknowledges it. The numbers go on for as long as the gateway
lives, over all its links and over every world: a new world goes on behind the last tick that is in the outbox or that the gateway has.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator
from typing import Final, TypeAlias

import attrs

from wyld_rpc import wire
from wyld_rpc.errors import RemoteProtocolError
from wyld_rpc.messages import CommandError, CommandResult, SessionEnded, SessionId, StateUpdateType

MAX_ENTRY: Final = 256 * 1024
"""Bytes of one encoded output or state; far more than anybody can read."""
MAX_RECIPIENTS: Final = 8_192
"""Sessions in one entry: with their numbers at most 27 bytes each, so an entry is smaller than half a frame."""
MAX_ENTRIES_SIZE: Final = 768 * 1024
"""Bytes of outputs and states in one frame. What is left of the frame's 1 MiB is for acks and ends, a turn's worth of which fits."""
MAX_UNACKED: Final = 8 * 1024 * 1024
"""Bytes of released ticks that a gateway has not acknowledged: seconds of the busiest game; one that is further behind is stuck."""

StateKey: TypeAlias = tuple[StateUpdateType, str]
"""Kind and name of a state: of each, only the last one counts."""


@attrs.define(eq=False)
class SealedTick:
    """One tick, ready to be sent: the bodies of its frames. `stored` is true once a commit has taken it into the outbox."""

    number: int
    bodies: tuple[bytes, ...]
    size: int
    stored: bool = False


class TickWriter:
    """Writes the ticks of one gateway, one after the other, numbered densely."""

    __slots__ = (
        "_applied",
        "_ends",
        "_failures",
        "_numbers",
        "_output",
        "_outputs",
        "_sessions",
        "_states",
        "last",
    )

    def __init__(self) -> None:
        self.last = 0
        """The number of the last sealed tick."""
        self._applied: dict[SessionId, int] = {}
        self._failures: list[CommandResult] = []
        self._outputs: list[tuple[bytes, list[SessionId], list[int]]] = []
        self._states: dict[tuple[SessionId, StateKey], bytes] = {}
        self._ends: list[SessionEnded] = []
        self._output: bytes | None = None
        self._sessions: list[SessionId] = []
        self._numbers: list[int] = []

    @property
    def is_empty(self) -> bool:
        return not (self._applied or self._outputs or self._states or self._ends or self._failures)

    def deliver(self, output: bytes, session: SessionId, number: int) -> None:
        """Add an encoded output for one session. Calls in a row with the same object share one entry."""
        if self._output is not output or len(self._sessions) >= MAX_RECIPIENTS:
            self._output = output
            self._sessions, self._numbers = [], []
            self._outputs.append((output, self._sessions, self._numbers))
        self._sessions.append(session)
        self._numbers.append(number)

    def state(self, session: SessionId, key: StateKey, encoded: bytes) -> None:
        """Add an encoded state of one session; within a tick only the last of each kind and name is sent."""
        self._states[session, key] = encoded

    def applied(self, session: SessionId, number: int) -> None:
        """Acknowledge all commands of a session up to `number`."""
        self._applied[session] = number

    def failed(self, session: SessionId, number: int, error: CommandError) -> None:
        """Acknowledge a command that failed."""
        self._failures.append(CommandResult(session, number, error))

    def end(self, ended: SessionEnded) -> None:
        self._ends.append(ended)

    def continue_after(self, number: int) -> None:
        """Give the next tick a number above `number`. Nothing changes if it has one already."""
        self.last = max(self.last, number)

    def seal(self) -> SealedTick:
        """End this tick and begin the next."""
        self.last += 1
        # Acks come in the last frame, a failure before whatever was applied after it.
        acks = self._failures + [CommandResult(session, number) for session, number in self._applied.items()]
        outputs = [wire.encode_delivery(*delivery) for delivery in self._outputs]
        *full, (last_outputs, last_states) = _in_frames(outputs, list(self._states.values()))
        bodies = [
            wire.encode_tick(self.last, more=True, outputs=some, states=others) for some, others in full
        ]
        bodies.append(
            wire.encode_tick(
                self.last, more=False, acks=acks, outputs=last_outputs, states=last_states, ends=self._ends
            )
        )
        self._applied, self._failures, self._outputs, self._states, self._ends = {}, [], [], {}, []
        self._output = None
        return SealedTick(self.last, tuple(bodies), sum(map(len, bodies)))


def _in_frames(outputs: list[bytes], states: list[bytes]) -> list[tuple[list[bytes], list[bytes]]]:
    """Spread entries over as many frames as they need, in order; at least one, which may be empty."""
    if sum(map(len, outputs)) + sum(map(len, states)) <= MAX_ENTRIES_SIZE:
        return [(outputs, states)]
    frames: list[tuple[list[bytes], list[bytes]]] = [([], [])]
    size = 0
    for which, entries in ((0, outputs), (1, states)):
        for entry in entries:
            if size + len(entry) > MAX_ENTRIES_SIZE:
                frames.append(([], []))
                size = 0
            frames[-1][which].append(entry)
            size += len(entry)
    return frames


@attrs.define(eq=False)
class UnackedTicks:
    """What was released to one gateway and is not acknowledged; bounded by whoever looks at `size`.

    Attributes:
        acked: The last tick that was acknowledged.
        released: The last tick that was released.
        size: Bytes kept.
    """

    acked: int = 0
    released: int = 0
    size: int = 0
    _ticks: deque[SealedTick] = attrs.field(factory=deque)

    def keep(self, tick: SealedTick) -> None:
        self._ticks.append(tick)
        self.released = tick.number
        self.size += tick.size

    def __iter__(self) -> Iterator[SealedTick]:
        return iter(self._ticks)

    def ack(self, number: int) -> None:
        """All up to `number` are applied. Raises `RemoteProtocolError` if that one was never released."""
        if number > self.released:
            raise RemoteProtocolError(f"acknowledges tick {number}, but the last one was {self.released}")
        self._drop(number)

    def continue_after(self, number: int) -> None:
        """The gateway has all up to `number`, whoever released them."""
        self.released = max(self.released, number)
        self._drop(number)

    def _drop(self, number: int) -> None:
        while self._ticks and self._ticks[0].number <= number:
            self.size -= self._ticks.popleft().size
        self.acked = max(self.acked, number)

    def unstored(self) -> list[SealedTick]:
        """Those that no commit has taken into the outbox yet, oldest first."""
        unstored = list(itertools.takewhile(lambda tick: not tick.stored, reversed(self._ticks)))
        return unstored[::-1]

"""Who has which message: dense numbers, cumulative acknowledgements, bounded replay.

Every hop uses the same pair, one of each per direction.  The sender numbers what it sends from 1 and keeps it
in a `SendWindow` until the receiver has acknowledged it; the receiver has a `ReceiveCursor`, takes each number
once and in order, and tells its position, which is the acknowledgement.  After a break the receiver says its
position and the sender replays what comes after it.

    numbers     1 ... acked ... floor | floor+1 ... last
                gone: confirmed, or     kept
                thrown away unconfirmed

- Position 0 is valid before anything was sent, and "nothing was missed" is an answer like any other, however
  often it is asked.
- What was thrown away is never hidden: a position below the floor gets an explicit gap.
- A numbering has an epoch.  Whoever cannot prove where it stood starts a new epoch at 0; positions of two
  epochs must never be compared.

Pure: no I/O, no clock.  `now` is in seconds of any clock that does not go back, always the same one for a window.
Nothing here may be used by two threads at once.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from enum import Enum
from itertools import islice
from typing import Any, Final, Generic, NewType, TypeVar

import attrs

from wyld_rpc.errors import LocalProtocolError, RemoteProtocolError, WindowFull

T = TypeVar("T")

Epoch = NewType("Epoch", bytes)
"""The random name of one life of a numbering, `EPOCH_SIZE` bytes."""
Seq = NewType("Seq", int)
"""The number of a message, from 1, or a position, from 0: everything up to it is done."""

EPOCH_SIZE: Final = 8
"""Bytes: two epochs of one session will not collide, and it is cheap to keep with every session."""


def new_epoch(random_bytes: Callable[[int], bytes]) -> Epoch:
    """Return a new epoch from a source of randomness such as `secrets.token_bytes`."""
    return Epoch(random_bytes(EPOCH_SIZE))


# -- Sending -------------------------------------------------------------------------------------------------


class Overflow(Enum):
    """What a window does with an item for which it has no room."""

    REFUSE = "refuse"
    """The newest loses: `append` raises.  For commands, whose sender can be told to wait."""
    EVICT = "evict"
    """The oldest lose, and a replay says so.  For output, which nobody can stop."""


@attrs.frozen
class WindowLimits:
    """What one window may keep; shared by all windows of a kind.

    Attributes:
      count: items, at least 1.
      bytes: the sum of the items' sizes, at least 1.
      overflow: what happens to an item beyond either.
      age: seconds after which `SendWindow.expire` throws an item away; infinite unless given.
    """

    count: int = attrs.field(validator=attrs.validators.ge(1))
    bytes: int = attrs.field(validator=attrs.validators.ge(1))
    overflow: Overflow
    age: float = math.inf


@attrs.frozen
class Replay(Generic[T]):
    """The answer to a position: everything after it that is still kept.

    Attributes:
      gap: messages after the position are gone; `items` begin at `floor` + 1.
      floor: the highest number that is no longer kept.
      items: (number, item), dense and in order; a snapshot, so that the window may change while it is sent.
    """

    gap: bool
    floor: Seq
    items: tuple[tuple[Seq, T], ...]


# An item lies in the deque as three entries in a row, (item, size, time), with no tuple around them: sessions by
# the thousand keep references to the same few texts, and a tuple for each would cost three times the reference.
_STRIDE: Final = 3


class SendWindow(Generic[T]):
    """Numbers what is sent and keeps it until it is acknowledged, expired or evicted.

    An empty window owns nothing but its counters.

    Args:
      limits: how much it may keep and what happens beyond.

    Attributes:
      limits: as given.
      last: the number of the newest message; 0 before the first.
      acked: the highest number that the receiver has confirmed.
      floor: the highest number that is no longer kept; never below `acked`.
      kept_bytes: the sum of the sizes of what is kept.
    """

    __slots__ = ("_kept", "acked", "floor", "kept_bytes", "last", "limits")

    def __init__(self, limits: WindowLimits) -> None:
        self.limits = limits
        self.last = Seq(0)
        self.acked = Seq(0)
        self.floor = Seq(0)
        self.kept_bytes = 0
        self._kept: deque[Any] | None = None

    @classmethod
    def resume(
        cls,
        limits: WindowLimits,
        *,
        last: Seq,
        acked: Seq = Seq(0),
        kept: Sequence[tuple[T, int]] = (),
        now: float = 0.0,
    ) -> SendWindow[T]:
        """Return the window of a numbering that was used before.

        Args:
          limits: as for a new window; what is beyond them goes, oldest first, if the window evicts.
          last: the number of the newest message that was ever sent.
          acked: what the receiver is known to have confirmed; 0 if nobody knows.
          kept: (item, size) of the newest messages, the last of which has the number `last`.
          now: their age begins here.

        Raises:
          LocalProtocolError: the parts contradict each other.
        """
        if not 0 <= acked <= last - len(kept):
            raise LocalProtocolError(f"{len(kept)} kept messages do not fit between {acked} and {last}")
        window = cls(limits)
        window.last = last
        window.acked = acked
        window.floor = Seq(last - len(kept))
        for item, size in kept:
            window._keep(item, size, now)
        window._bound()
        return window

    def __len__(self) -> int:
        """How many messages are kept."""
        return self.last - self.floor

    @property
    def next(self) -> Seq:
        """The number that the next message will get."""
        return Seq(self.last + 1)

    @property
    def is_full(self) -> bool:
        """Whether either bound is reached, so that a refusing window takes nothing more."""
        return len(self) >= self.limits.count or self.kept_bytes >= self.limits.bytes

    def append(self, item: T, size: int, now: float) -> Seq:
        """Give `item`, of `size` bytes, the next number and keep it.

        An evicting window keeps nothing of an item that is larger than the whole window: it has a number, and a
        later replay tells of the gap.

        Raises:
          WindowFull: a refusing window has no room; nothing has changed.
        """
        limits = self.limits
        full = self.last - self.floor >= limits.count or self.kept_bytes + size > limits.bytes
        if full and limits.overflow is Overflow.REFUSE:
            raise WindowFull(
                f"no room for {size} bytes: {len(self)} messages, {self.kept_bytes} bytes are waiting"
            )
        self.last = number = Seq(self.last + 1)
        self._keep(item, size, now)
        if full:
            self._bound()
        return number

    def ack(self, number: int) -> None:
        """Take note that everything up to `number` has arrived.  A number that is no news changes nothing.

        Raises:
          RemoteProtocolError: nothing with that number was ever sent; nothing has changed.
        """
        if number > self.last:
            raise RemoteProtocolError(f"acknowledges {number}, but the last one sent was {self.last}")
        if number > self.acked:
            self.acked = Seq(number)
            self._drop(number)

    def expire(self, now: float) -> None:
        """Throw away what is older than the limit allows."""
        oldest_allowed = now - self.limits.age
        while self._kept is not None and self._kept[2] < oldest_allowed:
            self._drop(self.floor + 1)

    def replay(self, after: int) -> Replay[T]:
        """Return what comes after the position `after`.

        Exact for every position from `floor` to `last`; for one below, `gap` is set and everything kept follows.

        Raises:
          RemoteProtocolError: no receiver of this numbering can have that position.
        """
        if not 0 <= after <= self.last:
            raise RemoteProtocolError(f"claims position {after}, but the last one sent was {self.last}")
        start = max(after, self.floor)
        items = islice(self._kept or (), (start - self.floor) * _STRIDE, None, _STRIDE)
        numbered = tuple((Seq(number), item) for number, item in enumerate(items, start + 1))
        return Replay(after < self.floor, self.floor, numbered)

    def hand_back(self, first: int, items: Sequence[tuple[T, int]], now: float) -> None:
        """Take back what a neighbour kept for us: (item, size) of the numbers from `first`, its floor + 1, on.

        The window keeps the longest row that ends at the newest number either side knows: numbers that it has
        already stay as they are, numbers that were confirmed stay gone, and what lies before a hole is given up,
        because a gap can only be at the beginning.  A refusing window takes them even beyond its bounds: each had
        been accepted once.

        Raises:
          RemoteProtocolError: `first` is no number.
        """
        if first < 1:
            raise RemoteProtocolError(f"hands back messages from number {first}; numbers begin at 1")
        if first > self.last + 1:
            self._drop(self.last)
            self.last = self.floor = Seq(first - 1)
        older = items[max(self.acked + 1 - first, 0) : max(self.floor + 1 - first, 0)]
        newer = items[self.last + 1 - first :]
        if first + len(items) > self.floor:
            for item, size in reversed(older):
                self._keep_before(item, size, now)
        for item, size in newer:
            self.last = Seq(self.last + 1)
            self._keep(item, size, now)
        self._bound()

    def _keep(self, item: T, size: int, now: float) -> None:
        """Put an item, whose number is counted in `last` already, behind the others."""
        kept = self._kept
        if kept is None:
            kept = self._kept = deque()
        kept.append(item)
        kept.append(size)
        kept.append(now)
        self.kept_bytes += size

    def _keep_before(self, item: T, size: int, now: float) -> None:
        """Put the item with the number `floor` before the others."""
        if self._kept is None:
            self._kept = deque()
        self._kept.extendleft((now, size, item))
        self.kept_bytes += size
        self.floor = Seq(self.floor - 1)

    def _drop(self, through: int) -> None:
        """Keep nothing up to and including the number `through`, which must not exceed `last`."""
        kept = self._kept
        if kept is None or through <= self.floor:
            return
        if through == self.last:
            self._kept = None  # an idle session keeps no deque, which is larger than everything else here
            self.kept_bytes = 0
        else:
            for _ in range(through - self.floor):
                kept.popleft()
                self.kept_bytes -= kept.popleft()
                kept.popleft()
        self.floor = Seq(through)

    def _bound(self) -> None:
        """Evict the oldest until both bounds hold, if this window evicts."""
        limits = self.limits
        if limits.overflow is Overflow.EVICT:
            while len(self) > limits.count or self.kept_bytes > limits.bytes:
                self._drop(self.floor + 1)


# -- Receiving -----------------------------------------------------------------------------------------------


class Receipt(Enum):
    """What a received number turned out to be."""

    NEW = "new"
    """The next one: process it."""
    DUPLICATE = "duplicate"
    """Received before: drop it, acknowledge the position again."""
    GAP = "gap"
    """One before it is missing: the numbering is broken, resume from the position."""


@attrs.define
class ReceiveCursor:
    """How far one numbering has been received.

    Attributes:
      epoch: which numbering; a message of another epoch must not come here.
      position: everything up to it has been received; this is what to acknowledge.
    """

    epoch: Epoch
    position: Seq = Seq(0)

    def accept(self, number: int) -> Receipt:
        """Say what `number` is, and if it is new, advance to it.  Any integer is answered, none raises."""
        expected = self.position + 1
        if number == expected:
            self.position = Seq(number)
            return Receipt.NEW
        return Receipt.DUPLICATE if number < expected else Receipt.GAP

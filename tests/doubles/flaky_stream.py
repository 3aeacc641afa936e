"""A pair of memory streams that breaks where a test says so: after so many bytes in either direction, in the middle of whatever it is."""

from __future__ import annotations

import attrs
import trio
import trio.testing


@attrs.define(eq=False)
class Wire:
    """What two `FlakyStream`s have between them. Once cut it is broken for both, and what had not arrived never will.

    Attributes:
        remaining: Bytes that it still carries, both directions together; None for any number.
        carried: Bytes that it has carried.
        frozen: While true nothing arrives, and nobody is told.
    """

    remaining: int | None = None
    carried: int = 0
    cut: bool = False
    _thawed: trio.Event = attrs.field(factory=trio.Event)
    _cancelled: list[trio.CancelScope] = attrs.field(factory=list)

    def freeze(self) -> None:
        """Let nothing through any more, without anybody noticing."""
        self._thawed = trio.Event()

    def thaw(self) -> None:
        self._thawed.set()

    def break_now(self) -> None:
        """Cut it: both ends find it broken at once."""
        self.cut = True
        for scope in self._cancelled:
            scope.cancel()

    def admit(self, data: bytes) -> bytes:
        """As much of `data` as still gets through."""
        if self.remaining is not None:
            data = data[: self.remaining]
            self.remaining -= len(data)
            if not self.remaining:
                self.cut = True
        self.carried += len(data)
        return data


class FlakyStream(trio.abc.Stream):
    """One end of a `Wire`."""

    def __init__(self, wire: Wire, stream: trio.abc.Stream) -> None:
        self._wire = wire
        self._stream = stream

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        if self._wire.cut:
            raise trio.BrokenResourceError
        await self._wire._thawed.wait()
        admitted = self._wire.admit(bytes(data))
        await self._stream.send_all(admitted)
        if len(admitted) < len(data):
            raise trio.BrokenResourceError

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        with trio.CancelScope() as scope:
            self._wire._cancelled.append(scope)
            try:
                data = await self._stream.receive_some(max_bytes)
                await self._wire._thawed.wait()
                return data
            finally:
                self._wire._cancelled.remove(scope)
        raise trio.BrokenResourceError

    async def aclose(self) -> None:
        await self._stream.aclose()


def flaky_pair(wire: Wire) -> tuple[FlakyStream, FlakyStream]:
    """Two ends of one wire."""
    wire.thaw()
    near, far = trio.testing.memory_stream_pair()
    return FlakyStream(wire, near), FlakyStream(wire, far)

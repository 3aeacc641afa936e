"""A TCP proxy between the gateways and the world that can be cut and frozen, as a network can.

Connections to it are connections to the world's listening socket: while no world takes them they wait there, as they would
without the proxy.
"""

from __future__ import annotations

import random as random_module
from contextlib import suppress
from typing import Final

import trio

_CHUNK: Final = 65536


class LinkProxy:
    """Forwards connections to `host:port`; `cut`, `freeze` and `thaw` may be called from any task of the event loop."""

    def __init__(self, host: str, port: int, random: random_module.Random) -> None:
        self._target = (host, port)
        self._random = random
        self._flowing = trio.Event()
        self._flowing.set()
        self._forwards: set[_Forward] = set()

    async def run(self, *, task_status: trio.TaskStatus[list[trio.SocketListener]]) -> None:
        """Forward for ever; started with the listener, on 127.0.0.1. Cancelled, it ends every connection."""
        await trio.serve_tcp(self._serve, 0, host="127.0.0.1", task_status=task_status)

    def cut(self) -> None:
        """End every connection in the middle of the next bytes that it carries; new ones are taken."""
        for forward in self._forwards:
            forward.doomed = True

    def freeze(self) -> None:
        """Carry nothing until `thaw`, and end nothing: connections wait, new ones too."""
        self._flowing = trio.Event()

    def thaw(self) -> None:
        """Carry on, with everything that waited."""
        self._flowing.set()

    async def _serve(self, gateway: trio.SocketStream) -> None:
        forward = _Forward()
        self._forwards.add(forward)
        try:
            with suppress(OSError, trio.BrokenResourceError):
                async with (
                    gateway,
                    await trio.open_tcp_stream(*self._target) as world,
                    trio.open_nursery() as nursery,
                ):
                    nursery.start_soon(self._pump, gateway, world, forward, nursery.cancel_scope)
                    nursery.start_soon(self._pump, world, gateway, forward, nursery.cancel_scope)
        finally:
            self._forwards.discard(forward)

    async def _pump(
        self, source: trio.SocketStream, sink: trio.SocketStream, forward: _Forward, both: trio.CancelScope
    ) -> None:
        with suppress(trio.BrokenResourceError):
            async for chunk in source:
                await self._flowing.wait()
                if forward.doomed:
                    await sink.send_all(chunk[: self._random.randrange(len(chunk))])
                    break
                await sink.send_all(chunk)
        both.cancel()


class _Forward:
    """One forwarded connection."""

    doomed = False
    """Whether it ends with the next bytes."""

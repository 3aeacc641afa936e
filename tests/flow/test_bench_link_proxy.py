"""The proxy between gateway and world: what it carries, and what cutting and freezing it does to both ends."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from functools import partial

import pytest
import trio
import trio.testing

from wyld.bench.link_proxy import LinkProxy

PATIENCE = 10.0


class World:
    """Takes connections, and says everything twice."""

    def __init__(self) -> None:
        self.lost = 0

    async def serve(self, stream: trio.SocketStream) -> None:
        try:
            async for chunk in stream:
                await stream.send_all(chunk * 2)
        except trio.BrokenResourceError:
            pass
        self.lost += 1


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def proxy(world: World, nursery: trio.Nursery) -> LinkProxy:
    listeners = await nursery.start(partial(trio.serve_tcp, world.serve, 0, host="127.0.0.1"))
    host, port = listeners[0].socket.getsockname()
    return LinkProxy(host, port, random.Random(1))


@pytest.fixture
async def gateway(proxy: LinkProxy, nursery: trio.Nursery) -> AsyncIterator[trio.SocketStream]:
    (listener,) = await nursery.start(proxy.run)
    host, port = listener.socket.getsockname()
    stream = await trio.open_tcp_stream(host, port)
    with trio.fail_after(PATIENCE):
        yield stream
    await trio.aclose_forcefully(stream)


async def exactly(stream: trio.SocketStream, count: int) -> bytes:
    data = b""
    while len(data) < count:
        chunk = await stream.receive_some()
        assert chunk
        data += chunk
    return data


async def rest_of(stream: trio.SocketStream) -> bytes:
    data = b""
    try:
        async for chunk in stream:
            data += chunk
    except trio.BrokenResourceError:
        pass
    return data


async def test_it_carries_both_ways_and_ends_with_either_end(
    gateway: trio.SocketStream, world: World
) -> None:
    await gateway.send_all(b"tick")
    assert await exactly(gateway, 8) == b"ticktick"

    await gateway.send_eof()

    assert await rest_of(gateway) == b""
    await trio.testing.wait_all_tasks_blocked(0.01)
    assert world.lost == 1


async def test_a_cut_ends_it_within_what_it_carries(
    gateway: trio.SocketStream, proxy: LinkProxy, world: World
) -> None:
    await gateway.send_all(b"tick")
    await exactly(gateway, 8)

    proxy.cut()
    await gateway.send_all(b"t" * 1000)

    assert len(await rest_of(gateway)) < 2000
    await trio.testing.wait_all_tasks_blocked(0.01)
    assert world.lost == 1


async def test_a_frozen_link_carries_nothing_and_loses_nothing(
    gateway: trio.SocketStream, proxy: LinkProxy, world: World
) -> None:
    proxy.freeze()
    await gateway.send_all(b"tick")
    got: list[bytes] = []

    async def read() -> None:
        got.append(await exactly(gateway, 8))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert got == []
        assert world.lost == 0
        proxy.thaw()

    assert got == [b"ticktick"]


async def test_a_world_that_is_not_there_ends_the_connection(nursery: trio.Nursery) -> None:
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    host, port = listeners[0].socket.getsockname()
    await listeners[0].aclose()
    (listener,) = await nursery.start(LinkProxy(host, port, random.Random(1)).run)

    stream = await trio.open_tcp_stream(*listener.socket.getsockname())

    with trio.fail_after(PATIENCE):
        assert await rest_of(stream) == b""
    await stream.aclose()

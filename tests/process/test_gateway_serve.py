"""`wyld_gateway.app.serve` with real sockets: it needs nobody to start, and stops within its time."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import pytest
import trio
from doubles.fake_world import KEY, FakeWorld
from doubles.players import telnet_player, web_player

from wyld_gateway import app
from wyld_gateway.app import serve
from wyld_gateway.asking import WORLD_AWAY
from wyld_service.errors import CannotListen
from wyld_service.settings import Settings, load_settings
from wyld_service.units import Address

pytestmark = pytest.mark.process

STOP_DEADLINE = 4.0
"""Seconds: what `wyld up` leaves a gateway of its five."""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Of a gateway without a world and without a database."""
    environ = {
        "WYLD_STORE__URL": f"postgresql://wyld@127.0.0.1:{free_port()}/wyld",
        "WYLD_STORE__CONNECT_TIMEOUT": "2s",
        "WYLD_LINK__KEY": KEY,
        "WYLD_LINK__ADDRESS": f"127.0.0.1:{free_port()}",
        "WYLD_TELNET__LISTENERS": "127.0.0.1:0",
        "WYLD_WEB__LISTENERS": "127.0.0.1:0",
        "WYLD_METRICS__ADDRESS": f"127.0.0.1:{free_port()}",
        "WYLD_CONTROL__PATH": str(tmp_path),
    }
    return load_settings(None, environ=environ)


class Serving:
    def __init__(self) -> None:
        self.stop = trio.Event()
        self.ready = trio.Event()
        self.ports: dict[str, int] = {}

    def announce(self, line: str) -> None:
        if line == "Ready.":
            self.ready.set()
        else:
            kind, _, address = line.partition(" ")
            self.ports[kind] = Address.parse(address).port

    async def run(self, settings: Settings) -> None:
        await serve(settings, stop=self.stop, announce=self.announce)


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[Serving]:
    """A served gateway; leaving the block stops it, which must be quick."""
    gateway = Serving()
    with trio.CancelScope() as too_late:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(gateway.run, settings)
            with trio.fail_after(10):
                await gateway.ready.wait()
            try:
                yield gateway
            finally:
                gateway.stop.set()
                too_late.deadline = trio.current_time() + STOP_DEADLINE
    assert not too_late.cancelled_caught, "the gateway did not stop in time"


async def get(port: int, path: str) -> str:
    """The answer to a request, head and body."""
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    async with stream:
        await stream.send_all(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        with contextlib.suppress(trio.BrokenResourceError):
            async for data in stream:
                answer += data
    return answer.decode()


async def test_gateway_starts_alone_and_says_what_it_waits_for(settings: Settings) -> None:
    async with serving(settings) as gateway, telnet_player("127.0.0.1", gateway.ports["telnet"]) as player:
        await player.sees("Account: ")
        await player.type("connect ann password")

        await player.sees(WORLD_AWAY.split(";", maxsplit=1)[0])


async def test_listing_sites_are_told_the_ports_that_are_really_open(settings: Settings) -> None:
    async with serving(settings) as gateway, telnet_player("127.0.0.1", gateway.ports["telnet"]) as site:
        await site.type("MSSP-REQUEST")

        await site.sees("NAME\tWyld\n")
        await site.sees(f"PORT\t{gateway.ports['telnet']}\n")


async def test_page_health_and_numbers_are_served(settings: Settings) -> None:
    assert settings.metrics.address is not None
    async with serving(settings) as gateway, telnet_player("127.0.0.1", gateway.ports["telnet"]) as player:
        await player.sees("Account: ")

        assert "<title>" in await get(gateway.ports["web"], "/")
        assert "200" in (await get(gateway.ports["web"], "/healthz")).splitlines()[0]
        assert "link: ok" in await get(settings.metrics.address.port, "/readyz")
        numbers = await get(settings.metrics.address.port, "/metrics")
        assert 'wyld_connections{transport="telnet"} 1.0' in numbers


async def test_players_of_both_kinds_are_told_that_it_stops(settings: Settings) -> None:
    async with (
        serving(settings) as gateway,
        telnet_player("127.0.0.1", gateway.ports["telnet"]) as telnet,
        web_player("127.0.0.1", gateway.ports["web"]) as web,
    ):
        await telnet.sees("Account: ")
        await web.sees("Account: ")

        gateway.stop.set()

        await telnet.sees(app.GOODBYE)
        await web.sees(app.GOODBYE)
        await telnet.closed.wait()


async def test_stop_does_not_wait_for_a_client_that_reads_nothing(settings: Settings) -> None:
    async with serving(settings) as gateway:
        silent = await trio.open_tcp_stream("127.0.0.1", gateway.ports["telnet"])
        idle_browser = await trio.open_tcp_stream("127.0.0.1", gateway.ports["web"])
        await silent.receive_some()

        gateway.stop.set()
    await silent.aclose()
    await idle_browser.aclose()


async def test_port_in_use_is_one_error_and_nothing_stays_bound(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = Address("127.0.0.1", free_port())
        bad = attrs.evolve(
            settings,
            telnet=attrs.evolve(settings.telnet, listeners=(free,)),
            web=attrs.evolve(settings.web, listeners=(Address("127.0.0.1", taken.getsockname()[1]),)),
        )

        with pytest.raises(CannotListen, match="in use"):
            await serve(bad, stop=trio.Event(), announce=pytest.fail)

        socket.create_server((free.host, free.port)).close()


async def test_world_that_comes_later_is_found(settings: Settings, nursery: trio.Nursery) -> None:
    address = settings.link.address
    assert isinstance(address, Address)
    world = FakeWorld(nursery)
    async with serving(settings) as gateway, telnet_player("127.0.0.1", gateway.ports["telnet"]) as player:
        await player.type("connect ann wrong-password")
        await player.sees("will be let in when")

        await nursery.start(trio.serve_tcp, world.serve, address.port)

        await player.sees("do not go together")


async def test_world_on_a_unix_socket_is_reached(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = str(tmp_path_factory.mktemp("w") / "link")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()

        stream = await app.connect(app.UnixAddress(path))

        await stream.aclose()

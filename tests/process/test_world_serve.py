"""`wyld_world.app.serve` with real sockets and a real database: start, waiting for the lock, losing the database, stop."""

from __future__ import annotations

import socket
from contextlib import asynccontextmanager

import attrs
import pytest
import trio
from doubles.gateway import KEY, FakeGateway, words

from wyld_rpc.messages import ListCharacters, RoomDescription
from wyld_service.control import ask
from wyld_service.errors import CannotListen
from wyld_service.secret import Secret
from wyld_service.settings import load_settings
from wyld_service.status import STATUS
from wyld_service.units import Address, Duration
from wyld_world.app import serve
from wyld_world.areas import AreaErrors

pytestmark = pytest.mark.process


@pytest.fixture
def settings(database_url, tmp_path):
    environ = {
        "WYLD_STORE__URL": database_url,
        "WYLD_LINK__KEY": KEY.decode(),
        "WYLD_LINK__ADDRESS": "127.0.0.1:0",
        "WYLD_METRICS__ADDRESS": "",
        "WYLD_CONTROL__PATH": str(tmp_path),
    }
    return load_settings(None, environ=environ)


class Serving:
    """A world that is being served, and what it announced."""

    def __init__(self) -> None:
        self.stop = trio.Event()
        self.ended = trio.Event()
        self.ready = trio.Event()
        self.lines: list[str] = []

    def announce(self, line: str) -> None:
        self.lines.append(line)
        if line == "Ready.":
            self.ready.set()

    async def run(self, settings) -> None:
        await serve(settings, stop=self.stop, announce=self.announce)
        self.ended.set()

    async def connect(self) -> trio.SocketStream:
        host, _, port = self.lines[0].removeprefix("link ").rpartition(":")
        return await trio.open_tcp_stream(host, int(port))


@pytest.fixture
def unused_tcp_port():
    """A port that was free a moment ago: what serves metrics announces no address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@asynccontextmanager
async def serving(settings):
    """A served world; leaving the block stops it, which must be quick."""
    world = Serving()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.run, settings)
        with trio.fail_after(20):
            await world.ready.wait()
        yield world
        world.stop.set()
        with trio.fail_after(5):
            await world.ended.wait()


async def test_it_announces_where_it_listens_and_is_played_over_tcp(settings):
    async with serving(settings) as world, FakeGateway().over(await world.connect()) as gateway:
        ann = await gateway.play("Ann")
        ann.type("say hello!")
        await ann.sees("hello!")

        assert world.lines[-1] == "Ready."
        world.stop.set()
        await gateway.until(lambda: gateway.lost)

    assert gateway.drains


async def test_a_character_stands_where_it_stood_when_the_world_comes_back(settings):
    async with serving(settings) as world, FakeGateway().over(await world.connect()) as gateway:
        ann = await gateway.play("Ann")
        ann.type("north")
        await gateway.until(lambda: ann.applied == 1)
        stood = [
            words(output).splitlines()[0] for _, output in ann.outputs if isinstance(output, RoomDescription)
        ]

    async with serving(settings) as world, FakeGateway().over(await world.connect()) as gateway:
        again = gateway.session_of(ann.account_id)
        listed = await gateway.call("list_characters", ListCharacters(again.id, again.account_id))
        (summary,) = listed.characters
        await gateway.select(again, summary.id)

        assert (summary.name, summary.location) == ("Ann", stood[-1])
        assert stood[-1] != stood[0]


async def test_an_operator_sees_numbers_and_health(settings, unused_tcp_port):
    address = Address("127.0.0.1", unused_tcp_port)
    watched = attrs.evolve(settings, metrics=attrs.evolve(settings.metrics, address=address))
    async with serving(watched) as world, FakeGateway().over(await world.connect()) as gateway:
        await gateway.play("Ann")

        numbers, ready = await page(address, "/metrics"), await page(address, "/readyz")

    assert 'wyld_world_sessions{client="attached"} 1.0' in numbers
    assert "wyld_world_gateways 1.0" in numbers
    assert "wyld_world_unprotected 0.0" in numbers
    assert "store: ok" in ready


async def page(address, path):
    stream = await trio.open_tcp_stream(address.host, address.port)
    async with stream:
        await stream.send_all(f"GET {path} HTTP/1.1\r\nHost: world\r\n\r\n".encode())
        return b"".join([data async for data in stream]).decode()


async def test_a_second_world_waits_until_the_first_has_gone(settings, capsys):
    second = Serving()
    async with trio.open_nursery() as nursery:
        async with serving(settings):
            nursery.start_soon(second.run, settings)
            with trio.fail_after(10):
                while "holds its lock" not in capsys.readouterr().err:
                    await trio.sleep(0.05)
            assert not second.ready.is_set()

        with trio.fail_after(5):
            await second.ready.wait()
        second.stop.set()


async def test_a_world_that_waits_for_the_lock_can_be_stopped(settings):
    second = Serving()
    async with serving(settings), trio.open_nursery() as nursery:
        nursery.start_soon(second.run, settings)
        await trio.sleep(0.2)

        second.stop.set()
        with trio.fail_after(3):
            await second.ended.wait()

    assert second.lines == []


async def test_it_uses_the_socket_that_it_inherits(settings):
    with socket.create_server(("127.0.0.1", 0)) as inherited:
        port = inherited.getsockname()[1]
        link = attrs.evolve(settings.link, fd=inherited.fileno())

        async with serving(attrs.evolve(settings, link=link)) as world:
            assert world.lines[0] == f"link 127.0.0.1:{port}"
            await (await world.connect()).aclose()
        inherited.detach()


async def test_what_it_inherits_must_be_a_listening_socket(settings, tmp_path):
    with (tmp_path / "file").open("w") as file, pytest.RaisesGroup(CannotListen, flatten_subgroups=True):
        link = attrs.evolve(settings.link, fd=file.fileno())
        await serve(attrs.evolve(settings, link=link), stop=trio.Event(), announce=print)


async def test_an_address_in_use_is_named(settings):
    async with serving(settings) as world:
        address = attrs.evolve(settings.link.address, port=int(world.lines[0].rpartition(":")[2]))
        world.stop.set()
        await world.ended.wait()

    with socket.create_server(("127.0.0.1", address.port)):
        link = attrs.evolve(settings.link, address=address)
        with pytest.RaisesGroup(
            pytest.RaisesExc(CannotListen, match=str(address.port)), flatten_subgroups=True
        ):
            await serve(attrs.evolve(settings, link=link), stop=trio.Event(), announce=print)


async def test_wrong_area_files_end_the_start_before_it_listens(settings, tmp_path):
    (tmp_path / "broken.toml").write_text("[[[")
    world = attrs.evolve(settings.world, areas=tmp_path)
    lines = []

    with pytest.raises(AreaErrors):
        await serve(attrs.evolve(settings, world=world), stop=trio.Event(), announce=lines.append)

    assert lines == []


async def test_status_tells_when_the_database_goes_and_comes(settings, pg_proxy, tmp_path):
    store = attrs.evolve(settings.store, url=Secret(pg_proxy.url), connect_timeout=Duration(2.0))

    async def lock_trouble():
        return (await ask(tmp_path / "world.sock", STATUS))["lock_trouble"]

    async with serving(attrs.evolve(settings, store=store)):
        assert await lock_trouble() == ""

        await pg_proxy.refuse()
        with trio.fail_after(10):
            while "database is not available" not in await lock_trouble():
                await trio.sleep(0.05)

        pg_proxy.restore()
        with trio.fail_after(10):
            while await lock_trouble():
                await trio.sleep(0.05)


async def test_play_goes_on_without_the_database_and_is_saved_when_it_is_back(settings, pg_proxy, capsys):
    store = attrs.evolve(settings.store, url=Secret(pg_proxy.url), connect_timeout=Duration(2.0))
    away = attrs.evolve(settings, store=store)
    async with serving(away) as world, FakeGateway().over(await world.connect()) as gateway:
        ann = await gateway.play("Ann")
        await pg_proxy.refuse()

        ann.type("quit")
        with trio.fail_after(4):
            await gateway.until(lambda: ann.ended)
        err = capsys.readouterr().err
        assert "world.unprotected" in err

        pg_proxy.restore()
        with trio.fail_after(10):
            while "world.protected" not in err:
                await trio.sleep(0.05)
                err += capsys.readouterr().err

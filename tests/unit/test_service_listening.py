import errno
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import trio

from wyld_service.errors import CannotListen
from wyld_service.listening import bound_address, open_listeners
from wyld_service.units import Address, UnixAddress


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a path that is short enough for a Unix socket."""
    with TemporaryDirectory(prefix="wyld-") as name:
        yield Path(name)


async def _close(listeners: list[trio.SocketListener]) -> None:
    for listener in listeners:
        await listener.aclose()


async def test_every_address_is_bound_and_says_its_port() -> None:
    listeners = await open_listeners([Address("127.0.0.1", 0), Address("127.0.0.1", 0)])

    addresses = [bound_address(listener) for listener in listeners]
    assert len({address.port for address in addresses if isinstance(address, Address)}) == 2
    for address in addresses:
        assert isinstance(address, Address)
        assert address.host == "127.0.0.1"
        stream = await trio.open_tcp_stream(address.host, address.port)
        await stream.aclose()
    await _close(listeners)


async def test_a_port_in_use_is_named_and_leaves_nothing_bound() -> None:
    (taken,) = await open_listeners([Address("127.0.0.1", 0)])
    (freed,) = await open_listeners([Address("127.0.0.1", 0)])
    taken_address, free_address = bound_address(taken), bound_address(freed)
    await freed.aclose()

    with pytest.raises(CannotListen) as refused:
        await open_listeners([free_address, taken_address])

    assert str(refused.value) == f"Cannot listen on {taken_address}: Address already in use."
    await _close(await open_listeners([free_address]))
    await taken.aclose()


async def test_a_name_that_does_not_exist_is_named() -> None:
    with pytest.raises(CannotListen, match=r"Cannot listen on no\.such\.host\.invalid:1: "):
        await open_listeners([Address("no.such.host.invalid", 1)])


async def test_the_default_works_without_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    async def without_ipv6(port: int, *, host: str) -> list[trio.SocketListener]:
        if host == "::":
            raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
        return await real(port, host=host)

    real = trio.open_tcp_listeners
    monkeypatch.setattr(trio, "open_tcp_listeners", without_ipv6)

    await _close(await open_listeners([Address("127.0.0.1", 0), Address("::", 0)]))
    with pytest.raises(CannotListen):
        await open_listeners([Address("::", 0)])


async def test_a_unix_socket_is_for_this_user_only(folder: Path) -> None:
    address = UnixAddress(str(folder / "link"))
    (listener,) = await open_listeners([address])

    assert bound_address(listener) == address
    assert stat.S_IMODE((folder / "link").stat().st_mode) == 0o600
    stream = await trio.open_unix_socket(address.path)
    served = await listener.accept()
    await stream.send_all(b"x")
    assert await served.receive_some() == b"x"
    await stream.aclose()
    await served.aclose()
    await listener.aclose()


async def test_a_unix_socket_that_nobody_serves_is_replaced(folder: Path) -> None:
    address = UnixAddress(str(folder / "link"))
    await _close(await open_listeners([address]))
    assert (folder / "link").exists()

    await _close(await open_listeners([address]))


async def test_a_unix_socket_in_use_and_a_plain_file_are_left_alone(folder: Path) -> None:
    (folder / "file").write_text("precious")
    (serving,) = await open_listeners([UnixAddress(str(folder / "link"))])

    for name in ("link", "file"):
        with pytest.raises(CannotListen, match="Address already in use"):
            await open_listeners([UnixAddress(str(folder / name))])

    assert (folder / "file").read_text() == "precious"
    await serving.aclose()


async def test_a_unix_socket_with_a_full_backlog_is_in_use(folder: Path) -> None:
    path = str(folder / "link")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as busy:
        busy.bind(path)
        busy.listen(0)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as first:
            first.connect(path)

            with pytest.raises(CannotListen, match="Address already in use"):
                await open_listeners([UnixAddress(path)])


async def test_a_unix_socket_in_no_folder_is_refused(folder: Path) -> None:
    with pytest.raises(CannotListen, match="No such file"):
        await open_listeners([UnixAddress(str(folder / "nowhere" / "link"))])

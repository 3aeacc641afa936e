"""Player sockets and their listener, on real sockets of this machine."""

from __future__ import annotations

import errno
import socket
from collections.abc import AsyncIterator

import pytest
import trio
import trio.testing

from wyld_gateway.player_socket import PlayerListener, PlayerSocket, address_text, open_player_listeners
from wyld_service.errors import CannotListen
from wyld_service.units import Address

ANY = Address("127.0.0.1", 0)


@pytest.fixture
async def listener() -> AsyncIterator[PlayerListener]:
    (listener,) = await open_player_listeners([ANY])
    async with listener:
        yield listener


def port_of(listener: PlayerListener) -> int:
    return Address.parse(listener.address).port


async def pair() -> tuple[PlayerSocket, PlayerSocket]:
    left, right = socket.socketpair()
    return PlayerSocket(left, "left"), PlayerSocket(right, "right")


async def test_conforms_to_what_trio_wants_of_a_stream() -> None:
    await trio.testing.check_half_closeable_stream(pair, None)


async def test_accepted_socket_has_its_options_and_knows_its_peer(listener: PlayerListener) -> None:
    client = await trio.open_tcp_stream("127.0.0.1", port_of(listener))

    accepted = await listener.accept()

    async with client, accepted:
        assert accepted.peer == address_text(client.socket.getsockname())
        inner = accepted._socket
        assert inner.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert inner.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert inner.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 30_000


async def test_send_now_hands_over_what_fits_and_never_raises() -> None:
    left, right = await pair()
    async with left, right:
        assert left.send_now(b"hello") == 5
        assert await right.receive_some() == b"hello"

        taken = 0
        while sent := left.send_now(b"x" * 65_536):
            taken += sent

        assert taken > 0
        assert left.send_now(b"more") == 0
        await right.aclose()
        assert left.send_now(b"more") == 0
    assert left.send_now(b"more") == 0


async def test_send_now_does_not_overtake_a_send_that_is_under_way() -> None:
    left, right = await pair()
    async with left, right, trio.open_nursery() as nursery:
        nursery.start_soon(left.send_all, b"x" * 10_000_000)
        await trio.testing.wait_all_tasks_blocked(0.01)

        assert left.send_now(b"y") == 0
        with pytest.raises(trio.BusyResourceError):
            await left.send_all(b"y")

        received = 0
        while received < 10_000_000:
            received += len(await right.receive_some(1_000_000))


async def test_reset_is_a_broken_stream(listener: PlayerListener) -> None:
    client = socket.create_connection(("127.0.0.1", port_of(listener)))
    accepted = await listener.accept()
    async with accepted:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()

        with pytest.raises(trio.BrokenResourceError):
            await accepted.receive_some()
        with pytest.raises(trio.BrokenResourceError):
            await accepted.send_all(b"x")


async def test_closing_wakes_whoever_waits(listener: PlayerListener) -> None:
    client = await trio.open_tcp_stream("127.0.0.1", port_of(listener))
    accepted = await listener.accept()

    async def receive() -> None:
        with pytest.raises(trio.ClosedResourceError):
            await accepted.receive_some()

    async def accept() -> None:
        with pytest.raises(trio.ClosedResourceError):
            await listener.accept()

    async with client, trio.open_nursery() as nursery:
        nursery.start_soon(receive)
        nursery.start_soon(accept)
        await trio.testing.wait_all_tasks_blocked()
        await accepted.aclose()
        await listener.aclose()


async def test_listener_that_is_closed_accepts_nothing(listener: PlayerListener) -> None:
    await listener.aclose()

    with pytest.raises(trio.ClosedResourceError):
        await listener.accept()


class FailingOnce(socket.socket):
    """Its first accept fails as the kernel says; every further one works."""

    error = 0

    def accept(self) -> tuple[socket.socket, object]:
        if self.error:
            error, self.error = self.error, 0
            raise OSError(error, "failed")
        return super().accept()


def failing_listener(error: int) -> tuple[PlayerListener, int]:
    listening = FailingOnce()
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    listening.error = error
    return PlayerListener(listening), listening.getsockname()[1]


@pytest.mark.parametrize("error", [errno.ECONNABORTED, errno.EAGAIN])
async def test_connection_that_died_in_the_queue_is_passed_over(error: int) -> None:
    listener, port = failing_listener(error)

    async with listener, await trio.open_tcp_stream("127.0.0.1", port), await listener.accept() as accepted:
        assert accepted.peer.startswith("127.0.0.1:")


async def test_lack_of_descriptors_is_for_the_accept_loop() -> None:
    listener, port = failing_listener(errno.EMFILE)

    async with listener, await trio.open_tcp_stream("127.0.0.1", port):
        with pytest.raises(OSError, match="failed"):
            await listener.accept()


async def test_port_in_use_is_one_sentence_and_nothing_stays_bound(listener: PlayerListener) -> None:
    taken = Address.parse(listener.address)

    with pytest.raises(CannotListen, match=f"{taken}.*in use"):
        await open_player_listeners([ANY, taken])


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (("192.0.2.7", 5), "192.0.2.7:5"),
        (("2001:db8::7", 5, 0, 0), "[2001:db8::7]:5"),
        (("::ffff:192.0.2.7", 5, 0, 0), "192.0.2.7:5"),
    ],
)
def test_addresses_are_written_as_people_write_them(address: tuple[str, int], text: str) -> None:
    assert address_text(address) == text


async def test_sizes_below_one_are_a_mistake_of_ours() -> None:
    left, right = await pair()
    async with left, right:
        with pytest.raises(ValueError, match="at least 1"):
            await left.receive_some(0)

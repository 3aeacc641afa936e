"""The TCP connections of players: a non-blocking socket of the standard library behind a Trio stream, and its listener.

`PlayerSocket` is an ordinary Trio stream with one thing more: `send_now` hands bytes to the kernel at once, without waiting and
without a task switch, which is how nearly every line reaches its player. `PlayerListener` accepts them.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from operator import index

import trio

from wyld_service.listening import open_listeners
from wyld_service.units import Address

RECEIVE_SIZE = 16 * 1024
"""Bytes of one read where the caller names no size: hundreds of typed lines, or a small paste."""

USER_TIMEOUT = 30_000
KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, KEEPALIVE_COUNT = 30, 10, 3
"""A peer that vanished without a word is noticed within 40 s: `USER_TIMEOUT` (milliseconds, RFC 5482) bounds how long sent bytes
may stay unacknowledged; the keepalive probes (seconds, RFC 9293 section 3.8.4) are for connections on which nothing is sent."""

# accept(2): the connection died before we took it. Such an error is the client's affair, not the listener's.
_DIED_IN_QUEUE = frozenset(
    {
        errno.ECONNABORTED,
        errno.EPROTO,
        errno.EPERM,
        errno.ENETDOWN,
        errno.ENETUNREACH,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENOPROTOOPT,
        errno.EOPNOTSUPP,
    }
)


def address_text(address: tuple[str, int] | tuple[str, int, int, int]) -> str:
    """A socket address as text: `192.0.2.7:53124`, `[2001:db8::7]:53124`; IPv4 in its IPv6 form is shown as IPv4."""
    host = address[0].removeprefix("::ffff:") if "." in address[0] else address[0]
    return str(Address(host, address[1]))


class PlayerSocket(trio.abc.HalfCloseableStream):
    """A connected TCP socket. One task may receive while another sends; `send_now` may be called by any task.

    Attributes:
        peer: The address of the other end, as `address_text` gives it.
    """

    __slots__ = ("_closed", "_ended", "_sending", "_socket", "peer")

    def __init__(self, connected: socket.socket, peer: str) -> None:
        connected.setblocking(False)
        self._socket = connected
        self._sending = False
        self._ended = False
        self._closed = False
        self.peer = peer

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """The next bytes; b"" at the end of the stream. Cancellation loses nothing.

        It waits for readiness before it reads, because a player's next line is hardly ever there already, and because one
        client that sends without a pause must not keep the others waiting.

        Raises:
            trio.BrokenResourceError: The connection was reset or timed out.
            trio.ClosedResourceError: This end was closed.
            trio.BusyResourceError: Another task is receiving.
        """
        if max_bytes is not None and index(max_bytes) < 1:
            raise ValueError("max_bytes must be at least 1")
        while True:
            if self._closed:
                raise trio.ClosedResourceError
            await trio.lowlevel.wait_readable(self._socket)
            try:
                return self._socket.recv(max_bytes or RECEIVE_SIZE)
            except BlockingIOError:
                continue
            except OSError as error:
                raise self._broken(error) from error

    def send_now(self, data: bytes) -> int:
        """How many of these bytes the kernel took. Never waits and never raises: 0 where it would block, where `send_all` is
        under way (its bytes come first), and on a broken or closed connection, which shows in `receive_some`."""
        if self._sending:
            return 0
        try:
            return self._socket.send(data)
        except OSError:
            return 0

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Write everything, however long it takes.

        If cancelled, an unknown part has been sent: close the stream.

        Raises:
            trio.BrokenResourceError: The connection was reset or timed out.
            trio.ClosedResourceError: This end was closed, or said that nothing more would come.
            trio.BusyResourceError: Another task is sending.
        """
        if self._sending:
            raise trio.BusyResourceError("another task is sending")
        self._sending = True
        try:
            await trio.lowlevel.checkpoint()
            if self._ended or self._closed:
                raise trio.ClosedResourceError
            with memoryview(data) as rest:
                sent = 0
                while sent < len(rest):
                    try:
                        sent += self._socket.send(rest[sent:])
                    except BlockingIOError:
                        await trio.lowlevel.wait_writable(self._socket)
                    except OSError as error:
                        raise self._broken(error) from error
        finally:
            self._sending = False

    async def wait_send_all_might_not_block(self) -> None:
        """Until the kernel has room. Raises what `send_all` raises; cancellation changes nothing."""
        if self._closed:
            raise trio.ClosedResourceError
        await trio.lowlevel.wait_writable(self._socket)

    async def send_eof(self) -> None:
        """End our side of the connection; what comes from the other side can still be received.

        Raises:
            trio.BrokenResourceError: There is no connection any more.
            trio.ClosedResourceError: This end was closed.
            trio.BusyResourceError: Another task is sending.
        """
        if self._sending:
            raise trio.BusyResourceError("another task is sending")
        await trio.lowlevel.checkpoint()
        if self._ended:
            return
        try:
            self._ended = True
            self._socket.shutdown(socket.SHUT_WR)
        except OSError as error:
            raise self._broken(error) from error

    async def aclose(self) -> None:
        """Close at once; bytes that the kernel holds are still sent. Tasks that wait get `ClosedResourceError`."""
        if not self._closed:
            self._closed = True
            trio.lowlevel.notify_closing(self._socket)
            self._socket.close()
        await trio.lowlevel.checkpoint()

    def _broken(self, error: OSError) -> trio.BrokenResourceError | trio.ClosedResourceError:
        return trio.ClosedResourceError() if self._closed else trio.BrokenResourceError(str(error))


class PlayerListener(trio.abc.Listener[PlayerSocket]):
    """A listening TCP socket whose connections are `PlayerSocket`s, for `trio.serve_listeners`.

    Attributes:
        address: Where it listens, with the port that the system chose if 0 was asked for.
    """

    def __init__(self, listening: socket.socket) -> None:
        listening.setblocking(False)
        self._socket = listening
        self._closed = False
        self.address = address_text(listening.getsockname())

    async def accept(self) -> PlayerSocket:
        """The next connection. Cancellation loses none.

        Raises:
            trio.ClosedResourceError: The listener was closed.
            OSError: The process or the system is out of descriptors or memory; `trio.serve_listeners` waits and goes on.
        """
        while True:
            if self._closed:
                raise trio.ClosedResourceError
            await trio.lowlevel.wait_readable(self._socket)
            try:
                connected, address = self._socket.accept()
            except BlockingIOError:
                continue
            except OSError as error:
                if error.errno in _DIED_IN_QUEUE:
                    continue
                raise
            try:
                _set_options(connected)
            except OSError:  # reset by its client between accept and here
                connected.close()
                continue
            return PlayerSocket(connected, address_text(address))

    async def aclose(self) -> None:
        """Stop listening at once; connections that were accepted live on."""
        if not self._closed:
            self._closed = True
            trio.lowlevel.notify_closing(self._socket)
            self._socket.close()
        await trio.lowlevel.checkpoint()


def _set_options(connected: socket.socket) -> None:
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", KEEPALIVE_IDLE),
        ("TCP_KEEPINTVL", KEEPALIVE_INTERVAL),
        ("TCP_KEEPCNT", KEEPALIVE_COUNT),
        ("TCP_USER_TIMEOUT", USER_TIMEOUT),
    ):
        if hasattr(socket, name):  # not every system has all of them
            connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


async def open_player_listeners(addresses: Sequence[Address]) -> list[PlayerListener]:
    """Listen on all of these addresses, or on none; the rules are those of `wyld_service.listening.open_listeners`.

    Raises:
        CannotListen: With the address and the reason. Nothing is left bound, also if cancelled.
    """
    listeners = await open_listeners(addresses)
    return [PlayerListener(socket.socket(fileno=listener.socket.detach())) for listener in listeners]

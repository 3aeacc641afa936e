"""Binds the addresses of the settings, all of them or none, with an error that an operator can act on."""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Sequence

import trio

from wyld_service.errors import CannotListen
from wyld_service.units import Address, SocketAddress, UnixAddress

_NO_IPV6 = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)


async def open_listeners(addresses: Sequence[SocketAddress]) -> list[trio.SocketListener]:
    """Bind every address and listen; a host name that has several addresses gives several listeners.

    `[::]` beside other addresses is left out on a machine that has no IPv6, because the default names it.
    The caller owns the result and closes it, normally by handing it to `trio.serve_listeners`.

    Raises:
        CannotListen: One of them could not be bound; the others were closed again.

    Cancellation: closes what was bound so far.
    """
    listeners: list[trio.SocketListener] = []
    try:
        for address in addresses:
            try:
                listeners += await _listen(address)
            except OSError as error:
                if len(addresses) > 1 and _lacks_ipv6(address, error):
                    continue
                raise CannotListen(str(address), error.strerror or str(error)) from error
    except BaseException:
        for listener in listeners:
            listener.socket.close()
        raise
    return listeners


def bound_address(listener: trio.SocketListener) -> SocketAddress:
    """Where a listener listens; with the port that the system chose where the settings said 0."""
    name = listener.socket.getsockname()
    if isinstance(name, str):
        return UnixAddress(name)
    return Address(name[0], name[1])


def _lacks_ipv6(address: SocketAddress, error: OSError) -> bool:
    return isinstance(address, Address) and address.host == "::" and error.errno in _NO_IPV6


async def _listen(address: SocketAddress) -> list[trio.SocketListener]:
    if isinstance(address, Address):
        return await trio.open_tcp_listeners(address.port, host=address.host)
    return [_listen_unix(address.path)]


def _listen_unix(path: str) -> trio.SocketListener:
    """Listen on a Unix socket that only this user may open; one that a dead process left is replaced."""
    _remove_if_dead(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(path)
        # Nobody gets in between: a connection is refused until the call of listen().
        os.chmod(path, stat.S_IRUSR | stat.S_IWUSR)
        sock.setblocking(False)
        sock.listen()
        return trio.SocketListener(trio.socket.from_stdlib_socket(sock))
    except BaseException:
        sock.close()
        raise


def _remove_if_dead(path: str) -> None:
    try:
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            return
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
        except BlockingIOError:
            pass  # its backlog is full, so it is served

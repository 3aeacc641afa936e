"""TLS for players: one certificate for all encrypted listeners, and the stream of a connection that shook hands with it.

The certificate can be replaced while players are connected (`Certificate.reload`, `reload_on_hangup`): those who come later get the
new one, the others keep what they have. A file that cannot be used changes nothing. The oldest version is TLS 1.2 (RFC 8996).
"""

from __future__ import annotations

import signal
import ssl
from contextlib import suppress
from pathlib import Path
from typing import Final

import trio

from wyld_gateway.errors import HandshakeFailed
from wyld_service.errors import SettingsError
from wyld_service.log import Event, get_logger

HANDSHAKE_DEADLINE: Final = 10.0
"""Seconds. A phone on a bad line needs two or three; a client that waits for a plain telnet server to speak gets no more."""

_log = get_logger()


class Certificate:
    """What listeners show to their clients. Any number of tasks may use it.

    Args:
        certificate_file: PEM, the server's own certificate first, then the chain.
        key_file: PEM, its private key, without a passphrase.

    Raises:
        SettingsError: They cannot be used.

    Blocking file I/O in the constructor and in `reload`: two small files.
    """

    def __init__(self, certificate_file: Path, key_file: Path) -> None:
        self._files = (certificate_file, key_file)
        self._context = _context(*self._files)

    def reload(self) -> None:
        """Read the files again, for the connections that come from now on.

        Raises:
            SettingsError: They cannot be used; nothing changed.
        """
        self._context = _context(*self._files)

    async def shake_hands(self, stream: trio.abc.HalfCloseableStream) -> TlsStream:
        """The stream of a client that has agreed on a key.

        Raises:
            HandshakeFailed: It has not, or not within `HANDSHAKE_DEADLINE`. The transport is closed, as it is if cancelled.
        """
        tls = trio.SSLStream(stream, self._context, server_side=True, https_compatible=True)
        try:
            with trio.fail_after(HANDSHAKE_DEADLINE):
                await tls.do_handshake()
        except trio.TooSlowError:
            await trio.aclose_forcefully(stream)
            raise HandshakeFailed("no TLS handshake in time") from None
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            await trio.aclose_forcefully(stream)
            raise HandshakeFailed(str(error.__cause__ or error)) from error
        except BaseException:
            await trio.aclose_forcefully(stream)
            raise
        return TlsStream(stream, tls)


class TlsStream(trio.abc.HalfCloseableStream):
    """An encrypted connection. One task may receive while another sends; errors are those of `trio.SSLStream`.

    A client that goes without a close_notify has gone like any other: in a game nothing depends on the last byte.

    Attributes:
        version: What was agreed on: "TLSv1.3".
    """

    def __init__(
        self,
        transport: trio.abc.HalfCloseableStream,
        tls: trio.SSLStream[trio.abc.HalfCloseableStream],
    ) -> None:
        self._transport = transport
        self._tls = tls
        self._ended = False
        self.version = str(tls.version())

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """The next bytes; b"" at the end. After `send_eof` what still comes is not decrypted: it is only read to be thrown away."""
        return await (self._transport if self._ended else self._tls).receive_some(max_bytes)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Write everything. If cancelled, close the stream."""
        await self._tls.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """Until the kernel has room."""
        await self._tls.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        """Say that nothing more comes (close_notify, RFC 8446 section 6.1), and wait for the client's answer to that.

        If cancelled, the client has been told, and the stream must be closed.
        """
        self._ended = True
        with suppress(trio.BrokenResourceError):  # it goes on sending, or is gone
            await self._tls.unwrap()
        await self._transport.send_eof()

    async def aclose(self) -> None:
        """Close at once."""
        await self._tls.aclose()


def _context(certificate_file: Path, key_file: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # An empty passphrase instead of a question on the terminal.
        context.load_cert_chain(certificate_file, key_file, password="")
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise SettingsError(
            [
                f"tls.certificate_file = {certificate_file} and tls.key_file = {key_file} cannot be used: {reason}."
            ]
        ) from error
    return context


async def reload_on_hangup(certificate: Certificate, *, task_status: trio.TaskStatus[None]) -> None:
    """Reload the certificate at each SIGHUP, for ever; log whether it worked."""
    with trio.open_signal_receiver(signal.SIGHUP) as signals:
        task_status.started()
        async for _ in signals:
            try:
                certificate.reload()
            except SettingsError as error:
                _log.error(Event.TLS_RELOAD, used=False, reason=str(error))
            else:
                _log.info(Event.TLS_RELOAD, used=True)

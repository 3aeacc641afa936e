"""TLS for players, over memory streams: handshake, certificate, close, and those who speak something else."""

from __future__ import annotations

import shutil
import ssl
from pathlib import Path

import pytest
import trio
import trio.testing
from doubles.running_gateway import open_running_gateway
from doubles.telnet_terminal import TelnetTerminal

from wyld_gateway.close import Close
from wyld_gateway.connection import serve_connection
from wyld_gateway.errors import HandshakeFailed
from wyld_gateway.telnet.adapter import CLOSE_WAIT, TelnetAdapter
from wyld_gateway.tls import HANDSHAKE_DEADLINE, Certificate
from wyld_service.errors import SettingsError

FILES = Path(__file__).parent.parent / "certificates"


def certificate(name: str = "one") -> Certificate:
    return Certificate(FILES / f"{name}.crt", FILES / f"{name}.key")


def shown_by(name: str) -> bytes:
    return ssl.PEM_cert_to_DER_cert((FILES / f"{name}.crt").read_text())


def client_context(newest: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED) -> ssl.SSLContext:
    """Of a client that takes every certificate, as most MUD clients can be told to."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = newest
    return context


async def connected(ours: Certificate, context: ssl.SSLContext | None = None):
    """The server's stream and the client's, after the handshake."""
    near, far = trio.testing.memory_stream_pair()
    client = trio.SSLStream(far, context or client_context(), https_compatible=True)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(client.do_handshake)
        server = await ours.shake_hands(near)
    return server, client


async def test_bytes_go_both_ways(autojump_clock):
    server, client = await connected(certificate())

    await client.send_all(b"look\r\n")
    await server.wait_send_all_might_not_block()
    await server.send_all(b"A room.\r\n")

    assert await server.receive_some() == b"look\r\n"
    assert await client.receive_some() == b"A room.\r\n"
    assert server.version == "TLSv1.3"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_versions_of_this_decade_are_welcome(autojump_clock, version):
    server, _ = await connected(certificate(), client_context(version))

    assert server.version == version.name.replace("_", ".")


def test_older_versions_are_not_spoken():
    assert certificate()._context.minimum_version is ssl.TLSVersion.TLSv1_2


async def test_new_certificate_counts_for_those_who_come_later(autojump_clock, tmp_path):
    for suffix in ("crt", "key"):
        shutil.copy(FILES / f"one.{suffix}", tmp_path / f"used.{suffix}")
    used = Certificate(tmp_path / "used.crt", tmp_path / "used.key")
    first_server, first = await connected(used)

    for suffix in ("crt", "key"):
        shutil.copy(FILES / f"two.{suffix}", tmp_path / f"used.{suffix}")
    used.reload()
    _, second = await connected(used)

    assert first.getpeercert(binary_form=True) == shown_by("one")
    assert second.getpeercert(binary_form=True) == shown_by("two")
    await first.send_all(b"still here")
    assert await first_server.receive_some() == b"still here"


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
async def test_file_that_cannot_be_used_changes_nothing(autojump_clock, tmp_path, content):
    for suffix in ("crt", "key"):
        shutil.copy(FILES / f"one.{suffix}", tmp_path / f"used.{suffix}")
    used = Certificate(tmp_path / "used.crt", tmp_path / "used.key")

    (tmp_path / "used.crt").unlink()
    if content is not None:
        (tmp_path / "used.crt").write_bytes(content)
    with pytest.raises(SettingsError, match=r"used\.crt.*cannot be used: "):
        used.reload()

    _, client = await connected(used)
    assert client.getpeercert(binary_form=True) == shown_by("one")


def test_key_of_another_certificate_is_refused():
    with pytest.raises(SettingsError, match="cannot be used"):
        Certificate(FILES / "one.crt", FILES / "two.key")


@pytest.mark.parametrize(
    "hello", [b"connect ann password\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x02\xff\xff"]
)
async def test_client_that_speaks_no_tls_is_cut_off(autojump_clock, hello):
    near, far = trio.testing.memory_stream_pair()
    await far.send_all(hello)

    with pytest.raises(HandshakeFailed):
        await certificate().shake_hands(near)

    with pytest.raises(trio.ClosedResourceError):
        await near.send_all(b"x")


async def test_client_that_says_nothing_is_cut_off_in_time(autojump_clock):
    near, _ = trio.testing.memory_stream_pair()
    began = trio.current_time()

    with pytest.raises(HandshakeFailed, match="in time"):
        await certificate().shake_hands(near)

    assert trio.current_time() - began == HANDSHAKE_DEADLINE
    with pytest.raises(trio.ClosedResourceError):
        await near.send_all(b"x")


async def test_cancelled_handshake_closes_the_transport(autojump_clock):
    near, _ = trio.testing.memory_stream_pair()

    with trio.move_on_after(1):
        await certificate().shake_hands(near)

    with pytest.raises(trio.ClosedResourceError):
        await near.send_all(b"x")


async def test_last_words_are_followed_by_a_proper_end(autojump_clock):
    server, client = await connected(certificate())
    adapter = TelnetAdapter(server, "192.0.2.7:4001")
    heard = b""

    async def read() -> None:
        nonlocal heard
        async for chunk in client:
            heard += chunk
        await client.aclose()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        await adapter.send_all(b"Goodbye.\r\n")
        await adapter.aclose(Close.QUIT)

    assert heard == b"Goodbye.\r\n"


async def test_client_that_goes_on_sending_gets_the_last_words_all_the_same(autojump_clock):
    server, client = await connected(certificate())
    adapter = TelnetAdapter(server, "192.0.2.7:4001")
    await client.send_all(b"look\r\n" * 1000)
    began = trio.current_time()

    await adapter.send_all(b"Goodbye.\r\n")
    await adapter.aclose(Close.QUIT)

    assert trio.current_time() - began <= CLOSE_WAIT
    assert await client.receive_some() == b"Goodbye.\r\n"


@pytest.mark.parametrize("politely", [True, False])
async def test_client_that_goes_is_gone_either_way(autojump_clock, politely):
    server, client = await connected(certificate())
    if politely:
        await client.aclose()
    else:
        await trio.aclose_forcefully(client)

    assert await server.receive_some() == b""
    await server.aclose()


async def test_whole_gateway_over_tls(autojump_clock):
    async with open_running_gateway() as running, trio.open_nursery() as nursery:
        running.world.add("ann", "password", "Bron")
        server, client = await connected(certificate())
        adapter = TelnetAdapter(server, "192.0.2.7:4001", encryption=server.version)
        terminal = TelnetTerminal(client)
        nursery.start_soon(serve_connection, running.gateway, adapter)
        nursery.start_soon(terminal.run)

        await terminal.type("connect ann password Bron", "//options", "look")

        await terminal.sees("Protocol: telnet over TLSv1.3.")
        await terminal.sees("you: look")
        await terminal.type("//quit")
        await terminal.sees("Goodbye.")
        await terminal.gone()

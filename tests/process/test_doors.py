"""The doors of a real gateway: TLS with a certificate that is replaced while players are connected, and the screen reader's."""

from __future__ import annotations

import shutil
import signal
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from doubles.players import TelnetPlayer, telnet_player
from wyld_process import WyldProcess, open_wyld

pytestmark = pytest.mark.process

FILES = Path(__file__).parent.parent / "certificates"


def use(name: str, folder: Path) -> None:
    for suffix in ("crt", "key"):
        shutil.copy(FILES / f"{name}.{suffix}", folder / f"used.{suffix}")


def environment(folder: Path, database: str) -> dict[str, str]:
    return {
        "WYLD_TELNET__LISTENERS": "127.0.0.1:0",
        "WYLD_TELNET__TLS_LISTENERS": "127.0.0.1:0",
        "WYLD_TELNET__SCREEN_READER_LISTENERS": "127.0.0.1:0",
        "WYLD_WEB__LISTENERS": "127.0.0.1:0",
        "WYLD_WEB__TLS_LISTENERS": "127.0.0.1:0",
        "WYLD_TLS__CERTIFICATE_FILE": str(folder / "used.crt"),
        "WYLD_TLS__KEY_FILE": str(folder / "used.key"),
        "WYLD_LINK__ADDRESS": f"unix:{folder}/no-world",
        "WYLD_LINK__KEY": "k" * 32,
        "WYLD_STORE__URL": database,
        "WYLD_METRICS__ADDRESS": "",
        "WYLD_CONTROL__PATH": str(folder),
    }


@asynccontextmanager
async def gateway(folder: Path, database: str) -> AsyncIterator[WyldProcess]:
    """A gateway whose world never comes; its first screen does not need one."""
    async with open_wyld("gateway", env=environment(folder, database)) as wyld:
        await wyld.ready()
        yield wyld
        wyld.send_signal(signal.SIGTERM)
        assert await wyld.wait() == 0


async def encrypted(wyld: WyldProcess, door: str) -> trio.SSLStream[trio.SocketStream]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    stream = trio.SSLStream(
        await trio.open_tcp_stream("127.0.0.1", port(wyld, door)), context, https_compatible=True
    )
    await stream.do_handshake()
    return stream


def shown_to(stream: trio.SSLStream[trio.SocketStream]) -> str:
    der = stream.getpeercert(binary_form=True)
    (name,) = [n for n in ("one", "two") if ssl.PEM_cert_to_DER_cert((FILES / f"{n}.crt").read_text()) == der]
    return name


async def shown_at(wyld: WyldProcess, door: str) -> str:
    async with await encrypted(wyld, door) as stream:
        return shown_to(stream)


def port(wyld: WyldProcess, door: str) -> int:
    return wyld.port(f"{door} ")


async def test_doors(database_url: str, tmp_path: Path, nursery: trio.Nursery) -> None:
    use("one", tmp_path)
    async with gateway(tmp_path, database_url) as wyld:
        first = await encrypted(wyld, "telnet-tls")
        player = TelnetPlayer(first, gmcp=False)  # type: ignore[arg-type]
        nursery.start_soon(player.run)
        await player.sees("Account: ")

        use("two", tmp_path)
        wyld.send_signal(signal.SIGHUP)
        await wyld.stderr.wait_for("event=tls.reload.*used=true")
        assert await shown_at(wyld, "telnet-tls") == "two"
        web = await encrypted(wyld, "web-tls")
        assert shown_to(web) == "two"

        (tmp_path / "used.key").write_text("no key")
        wyld.send_signal(signal.SIGHUP)
        await wyld.stderr.wait_for("event=tls.reload.*used=false")
        assert await shown_at(wyld, "telnet-tls") == "two"

        await web.send_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert b"<!doctype html>" in b"".join([bytes(chunk) async for chunk in web]).lower()
        assert shown_to(first) == "one"
        await player.type("//options")
        await player.sees(r"Protocol: telnet over TLSv1\.3\.")

        async with telnet_player("127.0.0.1", port(wyld, "telnet-screen-reader")) as listener:
            await listener.sees("Account: ")
            await listener.type("//screenreader")
            await listener.sees("Screen reader: on, set by hand")
        await web.aclose()
        await first.aclose()


async def test_certificate_that_is_missing_is_said_at_the_start(database_url: str, tmp_path: Path) -> None:
    async with open_wyld("gateway", env=environment(tmp_path, database_url)) as wyld:
        assert await wyld.wait() == 2

    assert wyld.stdout.lines == []
    (said,) = wyld.stderr.lines
    assert "used.crt" in said
    assert "No such file" in said

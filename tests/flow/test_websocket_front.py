"""One port for page, health and WebSocket: what an HTTP client gets, whatever it sends."""

from __future__ import annotations

import random

import pytest
import trio
import trio.testing
from doubles.web_client import PAGES, WebClient, refuse_players, request, said, upgrade, web_client

from wyld_gateway.adapter import Incoming, ProtocolAdapter, TextMessage
from wyld_gateway.websocket.front import MAX_HEADER, MAX_REQUESTS, REQUEST_DEADLINE, serve_http
from wyld_service.metrics import Health, Part


async def test_a_page_comes_with_its_type_and_a_policy_that_forbids_inline_scripts() -> None:
    async with web_client() as client:
        await client.send(request("/app.js?v=2"))
        response = await client.response()

    assert response.status == 200
    assert response.body == PAGES["/app.js"].body
    assert response.headers["content-type"] == "text/javascript; charset=utf-8"
    assert response.headers["x-content-type-options"] == "nosniff"
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy


async def test_a_page_that_the_browser_has_is_not_sent_again() -> None:
    async with web_client() as client:
        await client.send(request("/", {"If-None-Match": '"other", W/"1234"'}))
        response = await client.response()

    assert response.status == 304
    assert response.body == b""
    assert response.headers["etag"] == '"1234"'
    assert "content-length" not in response.headers


async def test_head_tells_the_same_without_the_body() -> None:
    async with web_client() as client:
        await client.send(request("/", method="HEAD"))
        head = await client.response(head_only=True)
        await client.send(request("/"))
        whole = await client.response()

    assert head.status == 200
    assert head.headers["content-length"] == str(len(whole.body))
    assert whole.body == PAGES["/"].body


async def test_pipelined_requests_are_answered_in_order() -> None:
    async with web_client() as client:
        await client.send(request("/") + request("/nothing") + request("/app.js"))
        statuses = [(await client.response()).status for _ in range(3)]

    assert statuses == [200, 404, 200]


async def test_one_connection_serves_a_bounded_number_of_requests() -> None:
    async with web_client() as client:
        for _ in range(MAX_REQUESTS):
            await client.send(request("/"))
            response = await client.response()

        assert response.headers["connection"] == "close"
        assert await client.ended()


@pytest.mark.parametrize(
    ("sent", "status", "words"),
    [
        (request("/admin"), 404, b"no such page"),
        (request("/../../etc/passwd"), 404, b"no such page"),
        (request("http://elsewhere.example/"), 404, b"no such page"),
        (request("/", method="DELETE"), 405, b"Only GET, HEAD"),
        (request("/ws", method="POST"), 405, b"Only GET can"),
        (request("/ws"), 426, b"WebSocket"),
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", 400, b"no request"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 40, 400, b"no request"),
        (b"GET / HTTP/1.1\r\n\r\n", 400, b"no request"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * (MAX_HEADER + 1), 431, b"no request"),
    ],
)
async def test_what_cannot_be_served_is_refused_in_words(sent: bytes, status: int, words: bytes) -> None:
    async with web_client() as client:
        await client.send(sent)
        response = await client.response()

    assert response.status == status
    assert words in response.body
    assert response.headers["content-type"].startswith("text/plain")
    if status == 405:
        assert "GET" in response.headers["allow"]


async def test_a_request_with_a_body_is_answered_and_the_connection_closed() -> None:
    async with web_client() as client:
        await client.send(request("/", {"Content-Length": "1000000"}, "POST") + b"x" * 1000)
        response = await client.response()

        assert response.status == 405
        assert response.headers["connection"] == "close"
        assert await client.ended()


@pytest.mark.parametrize("drip", [b"", b"X"])
async def test_a_request_that_does_not_get_finished_is_given_up(
    drip: bytes, autojump_clock: trio.testing.MockClock
) -> None:
    async with web_client() as client:
        await client.send(b"GET / HTTP/1.1\r\nHost: a\r\n")

        async def keep_dripping() -> None:
            while True:
                await trio.sleep(1)
                await client.send(drip)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(keep_dripping)
            assert await client.ended()
            nursery.cancel_scope.cancel()

    assert trio.current_time() == pytest.approx(REQUEST_DEADLINE, abs=1)


async def test_an_idle_connection_is_closed_after_the_deadline(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with web_client() as client:
        await client.send(request("/"))
        await client.response()

        assert await client.ended()

    assert trio.current_time() == pytest.approx(REQUEST_DEADLINE, abs=0.1)


async def test_health_is_200_or_503_with_a_line_for_each_part() -> None:
    health = Health(ready=lambda: (Part("listeners", ok=True), Part("world", ok=False, detail="no link")))

    async with web_client(health=health) as client:
        await client.send(request("/healthz") + request("/readyz"))
        live = await client.response()
        ready = await client.response()

    assert (live.status, live.body) == (200, b"process: ok\n")
    assert (ready.status, ready.body) == (503, b"listeners: ok\nworld: FAILED - no link\n")
    assert ready.headers["cache-control"] == "no-store"


# ------------------------------------------------------------------------------------------- upgrade


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"upgrade": None}, 426),
        ({"upgrade": "h2c"}, 426),
        ({"connection": "close"}, 426),
        ({"sec_websocket_version": None}, 426),
        ({"sec_websocket_version": "8"}, 426),
        ({"sec_websocket_key": None}, 400),
        ({"sec_websocket_key": "dGVu"}, 400),
        ({"sec_websocket_key": "not base64 at all!!"}, 400),
        ({"sec_websocket_protocol": None}, 400),
        ({"sec_websocket_protocol": "wyld.v2, chat"}, 400),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "https://play.example.org.evil.example"}, 403),
        ({"origin": "https://play.example.org:8443"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "file://play.example.org"}, 403),
        ({"origin": "https://[bad"}, 403),
        ({"origin": ""}, 403),
    ],
)
async def test_an_upgrade_that_is_not_ours_is_refused_in_words(
    changes: dict[str, str | None], status: int
) -> None:
    async with web_client(refuse_players) as client:
        await client.send(upgrade(**changes))
        response = await client.response()

    assert response.status == status
    assert response.body.endswith(b".\n")
    if "sec_websocket_version" in changes:
        assert response.headers["sec-websocket-version"] == "13"


async def test_a_header_that_must_be_single_is_refused_when_doubled() -> None:
    twice = upgrade(origin="https://play.example.org").replace(
        b"\r\n\r\n", b"\r\nOrigin: https://evil.example\r\n\r\n"
    )

    async with web_client(refuse_players) as client:
        await client.send(twice)
        response = await client.response()

    assert response.status == 400


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "https://play.example.org",
        "http://Play.Example.Org",
        "http://play.example.org:80",
        "https://play.example.org:443",
        "https://friend.example",
    ],
)
async def test_our_own_page_a_listed_page_and_programs_may_connect(origin: str | None) -> None:
    peers = []

    async def note(adapter: ProtocolAdapter) -> None:
        peers.append(adapter.peer)

    async with web_client(note, origins=("https://friend.example",)) as client:
        await client.send(upgrade(origin=origin))
        response = await client.response()
        await client.ended()

    assert response.status == 101
    # The example of RFC 6455, 1.3.
    assert response.headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert response.headers["sec-websocket-protocol"] == "wyld.v1"
    assert peers == ["192.0.2.7:5555"]


async def test_frames_that_came_along_with_the_request_are_not_lost() -> None:
    lines: list[Incoming] = []

    async def listen(adapter: ProtocolAdapter) -> None:
        await adapter.open()
        lines.extend(await adapter.receive())

    async with web_client(listen) as client:
        await client.send(
            upgrade() + said({"t": "hello", "v": 1}) + said({"t": "line", "text": "connect ann"})
        )
        await client.ended()

    assert lines == [TextMessage("connect ann")]


async def test_an_upgrade_works_after_other_requests_of_the_same_connection() -> None:
    async def leave(adapter: ProtocolAdapter) -> None:
        pass

    async with web_client(leave) as client:
        await client.send(request("/") + upgrade(upgrade=None) + upgrade())
        statuses = [(await client.response()).status for _ in range(3)]

    assert statuses == [200, 426, 101]


# ------------------------------------------------------------------------------------------- hostile


async def test_p40_a_client_that_is_cut_within_a_request_ends_nothing_else() -> None:
    whole = request("/") + upgrade()
    for end in range(0, len(whole), 7):
        async with web_client(refuse_players) as client:
            await client.send(whole[:end])
            await trio.testing.wait_all_tasks_blocked()


@pytest.mark.parametrize("seed", range(60))
async def test_random_bytes_end_one_connection_and_raise_nothing(
    seed: int, autojump_clock: trio.testing.MockClock
) -> None:
    source = random.Random(seed)
    data = bytearray(upgrade(origin="https://play.example.org"))
    for _ in range(source.randint(1, 12)):
        data[source.randrange(len(data))] = source.randrange(256)

    async def listen(adapter: ProtocolAdapter) -> None:
        pass

    async with web_client(listen) as client:
        await client.send(bytes(data))
        await client.ended()


async def test_cancelling_closes_the_stream() -> None:
    ours, theirs = trio.testing.memory_stream_pair()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve_in_vain, theirs)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()

    assert await WebClient(ours).ended()


async def serve_in_vain(stream: trio.abc.Stream) -> None:
    await serve_http(stream, peer="", pages=PAGES, health=Health(), on_connection=refuse_players)


async def test_a_defect_in_the_game_is_not_hidden_and_the_stream_is_closed() -> None:
    ours, theirs = trio.testing.memory_stream_pair()
    client = WebClient(ours)
    await client.send(upgrade())

    with pytest.raises(ExceptionGroup) as caught:
        await serve_in_vain(theirs)

    assert caught.group_contains(AssertionError, match="this far")
    assert await client.ended()

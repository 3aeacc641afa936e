from collections.abc import Iterator

import h11
import pytest
import trio
from prometheus_client import CollectorRegistry

from wyld_service.errors import CannotListen
from wyld_service.listening import bound_address, open_listeners
from wyld_service.metrics import (
    MAX_CONNECTIONS,
    MAX_HEADER,
    REQUEST_DEADLINE,
    Health,
    Part,
    Reading,
    make_registry,
    serve_metrics,
)
from wyld_service.units import Address

ANY_PORT = Address("127.0.0.1", 0)


class Numbers:
    connections = 3
    commands = 0
    well = True

    def parts(self) -> Iterator[Part]:
        yield Part("listeners", ok=True, detail="2 bound")
        yield Part("link", ok=self.well, detail="" if self.well else "down for 12 s")


@pytest.fixture
def numbers() -> Numbers:
    return Numbers()


@pytest.fixture
def registry(numbers: Numbers) -> CollectorRegistry:
    return make_registry(
        [
            Reading("wyld_connections", "Open connections.", lambda: numbers.connections),
            Reading("wyld_commands", "Commands.", lambda: numbers.commands, kind="counter"),
            Reading(
                "wyld_sessions", "Sessions.", lambda: {("playing",): 2, ("detached",): 1}, labels=("state",)
            ),
        ]
    )


@pytest.fixture
async def address(numbers: Numbers, registry: CollectorRegistry, nursery: trio.Nursery) -> Address:
    bound = await nursery.start(serve_metrics, ANY_PORT, registry, Health(ready=numbers.parts))
    assert isinstance(bound, Address)
    return bound


async def ask(address: Address, request: bytes) -> bytes:
    """Everything that the server answers before it closes."""
    stream = await trio.open_tcp_stream(address.host, address.port)
    answer = b""
    async with stream:
        await stream.send_all(request)
        async for chunk in stream:
            answer += chunk
    return answer


async def get(address: Address, path: str, method: str = "GET") -> tuple[int, str]:
    answer = await ask(address, f"{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method=method, target=path, headers=[("Host", "x")]))
    client.receive_data(answer)
    client.receive_data(b"")
    response = client.next_event()
    assert isinstance(response, h11.Response)
    assert (b"connection", b"close") in list(response.headers)
    body = b""
    while isinstance(event := client.next_event(), h11.Data):
        body += event.data
    assert isinstance(event, h11.EndOfMessage)
    return response.status_code, body.decode()


async def test_numbers_are_read_at_the_moment_of_the_scrape(address: Address, numbers: Numbers) -> None:
    _, before = await get(address, "/metrics")
    numbers.connections = 4
    numbers.commands = 10
    status, after = await get(address, "/metrics?name=all")

    assert status == 200
    assert "wyld_connections 3.0\n" in before
    assert "wyld_connections 4.0\n" in after
    assert "# TYPE wyld_commands_total counter\nwyld_commands_total 10.0\n" in after
    assert 'wyld_sessions{state="playing"} 2.0\n' in after
    assert 'wyld_sessions{state="detached"} 1.0\n' in after
    assert "wyld_process_resident_memory_bytes" in after


async def test_readiness_has_a_line_for_each_part(address: Address, numbers: Numbers) -> None:
    assert await get(address, "/readyz") == (200, "listeners: ok - 2 bound\nlink: ok\n")

    numbers.well = False

    assert await get(address, "/readyz") == (503, "listeners: ok - 2 bound\nlink: FAILED - down for 12 s\n")
    assert await get(address, "/healthz") == (200, "process: ok\n")


async def test_a_head_request_has_no_body(address: Address) -> None:
    assert await get(address, "/readyz", "HEAD") == (200, "")


async def test_other_pages_and_methods_are_refused_in_words(address: Address) -> None:
    assert await get(address, "/") == (404, "There are /metrics, /healthz and /readyz.\n")
    assert await get(address, "/metrics", "DELETE") == (405, "Only GET and HEAD.\n")


@pytest.mark.parametrize(
    "request_",
    [b"\xff\xfb\x01\r\n\r\n", b"nonsense\r\n\r\n", b"GET / HTTP/9\r\n\r\n", b"GET /metrics HTTP/1.1\r\n\r\n"],
)
async def test_what_is_no_request_is_answered_with_400(address: Address, request_: bytes) -> None:
    assert (await ask(address, request_)).startswith(b"HTTP/1.1 400 ")


async def test_a_header_without_end_is_cut_off(address: Address) -> None:
    request = b"GET / HTTP/1.1\r\nX: " + b"x" * (MAX_HEADER * 2)
    stream = await trio.open_tcp_stream(address.host, address.port)

    with trio.fail_after(3):
        async with stream:
            try:
                await stream.send_all(request)
                assert (await stream.receive_some()).startswith(b"HTTP/1.1 431 ")
            except trio.BrokenResourceError:
                pass  # it had closed before it had read everything
    assert (await get(address, "/healthz"))[0] == 200


async def test_a_slow_request_ends_at_the_deadline(
    address: Address, autojump_clock: trio.testing.MockClock
) -> None:
    stream = await trio.open_tcp_stream(address.host, address.port)
    began = trio.current_time()

    async with stream:
        await stream.send_all(b"GET /metrics HT")
        assert await stream.receive_some() == b""

    assert trio.current_time() - began == pytest.approx(REQUEST_DEADLINE)


async def test_a_peer_that_goes_away_does_no_harm(address: Address) -> None:
    for request in (b"", b"GET", b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"):
        stream = await trio.open_tcp_stream(address.host, address.port)
        await stream.send_all(request)
        await stream.aclose()

    assert (await get(address, "/healthz"))[0] == 200


async def test_connections_above_the_limit_are_closed_unanswered(address: Address) -> None:
    idle = [await trio.open_tcp_stream(address.host, address.port) for _ in range(MAX_CONNECTIONS)]
    for stream in idle:
        await stream.send_all(b"GET")
    await trio.testing.wait_all_tasks_blocked(0.01)

    surplus = await trio.open_tcp_stream(address.host, address.port)
    async with surplus:
        assert await surplus.receive_some() == b""

    for stream in idle:
        await stream.aclose()
    await trio.testing.wait_all_tasks_blocked(0.01)
    assert (await get(address, "/healthz"))[0] == 200


async def test_a_reading_that_fails_ends_one_request_and_is_logged(
    nursery: trio.Nursery, capsys: pytest.CaptureFixture[str]
) -> None:
    registry = make_registry([Reading("wyld_broken", "A mistake.", lambda: 1 / 0)])
    address = await nursery.start(serve_metrics, ANY_PORT, registry, Health())

    assert await ask(address, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n") == b""
    assert (await get(address, "/healthz"))[0] == 200
    logged = capsys.readouterr().err
    assert "event=conn.error" in logged
    assert "ZeroDivisionError" in logged


async def test_a_port_in_use_is_one_clear_error() -> None:
    (taken,) = await open_listeners([ANY_PORT])
    address = bound_address(taken)
    assert isinstance(address, Address)

    with pytest.raises(CannotListen, match="Address already in use"):
        await serve_metrics(address, make_registry([]), Health())
    await taken.aclose()


def test_a_name_may_be_used_once() -> None:
    reading = Reading("wyld_connections", "Open connections.", lambda: 1)

    with pytest.raises(ValueError, match="same name"):
        make_registry([reading, reading])

"""A process's numbers as Prometheus text, and its health, on a small HTTP port of their own.

`GET /metrics`, `/healthz` (this process lives: its event loop answers) and `/readyz` (it can serve players). The latter
two are plain text, one line for each part, and have status 503 as soon as one part fails.

Numbers on hot paths are plain ints of whoever counts them; a `Reading` is called when somebody scrapes. Nobody counts
into a labelled metric per command.

It speaks to anybody who reaches the port, hence the limits: `MAX_CONNECTIONS` at once, `MAX_HEADER` bytes and
`REQUEST_DEADLINE` seconds each, one request a connection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Final, Literal

import attrs
import h11
import trio
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from wyld_service.listening import bound_address, open_listeners
from wyld_service.log import Event, get_logger
from wyld_service.units import Address, SocketAddress

MAX_HEADER: Final = 8 * 1024
"""Bytes of a request. Prometheus and load balancers send a few hundred."""

REQUEST_DEADLINE: Final = 5.0
"""Seconds for a request and its answer; a scraper that is slower has given up itself."""

MAX_CONNECTIONS: Final = 32
"""At once; above it a connection is closed unanswered. A few scrapers and probes need one each."""

_RECEIVE: Final = 4096

_log = get_logger()

Labels = tuple[str, ...]


@attrs.frozen
class Reading:
    """One metric, read at the moment of a scrape.

    Attributes:
        name: With its base unit, such as `wyld_link_rtt_seconds`; of a counter without `_total`, which is added.
        help: One line for people.
        read: Gives the number, or with `labels` one number for each tuple of label values. Called in the event loop's
            thread, so it must be quick and must not await.
        kind: Whether the number only grows.
        labels: Names of the labels; their values must come from a small closed set.
    """

    name: str
    help: str
    read: Callable[[], float | Mapping[Labels, float]]
    kind: Literal["gauge", "counter"] = "gauge"
    labels: Labels = ()


@attrs.frozen
class Part:
    """One line of a health page: what, whether it is well, and in words how."""

    name: str
    ok: bool
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {'ok' if self.ok else 'FAILED'}{' - ' + self.detail if self.detail else ''}"


@attrs.frozen
class Health:
    """What `/healthz` and `/readyz` report; both functions are quick and do not await."""

    live: Callable[[], Iterable[Part]] = lambda: (Part("process", ok=True),)
    ready: Callable[[], Iterable[Part]] = lambda: (Part("process", ok=True),)


def make_registry(readings: Sequence[Reading]) -> CollectorRegistry:
    """A private registry of the readings, and of this process's memory, CPU time and open files.

    Raises:
        ValueError: Two readings have the same name, or a name is not valid.
    """
    registry = CollectorRegistry()
    ProcessCollector(namespace="wyld", registry=registry)
    registry.register(_Readings(readings))
    return registry


class _Readings(Collector):
    def __init__(self, readings: Sequence[Reading]) -> None:
        names = [reading.name for reading in readings]
        if len(set(names)) != len(names):
            raise ValueError("two readings have the same name")
        self._readings = tuple(readings)

    def describe(self) -> Iterator[Metric]:
        """Names without values, so that registering does not read what may not exist yet."""
        return (_family(reading) for reading in self._readings)

    def collect(self) -> Iterator[Metric]:
        for reading in self._readings:
            family = _family(reading)
            value = reading.read()
            for labels, number in (value if isinstance(value, Mapping) else {(): value}).items():
                family.add_metric(labels, number)
            yield family


def _family(reading: Reading) -> GaugeMetricFamily | CounterMetricFamily:
    family = GaugeMetricFamily if reading.kind == "gauge" else CounterMetricFamily
    return family(reading.name, reading.help, labels=reading.labels)


async def serve_metrics(
    address: Address,
    registry: CollectorRegistry,
    health: Health,
    *,
    task_status: trio.TaskStatus[SocketAddress] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve the three pages until cancelled; started, it gives the bound address.

    Raises:
        CannotListen: The address cannot be bound.

    Cancellation: closes the port and every connection to it.
    """
    pages = _Pages(registry, health)
    limiter = trio.CapacityLimiter(MAX_CONNECTIONS)

    async def serve_one(stream: trio.SocketStream) -> None:
        try:
            limiter.acquire_nowait()
        except trio.WouldBlock:
            return
        try:
            with trio.move_on_after(REQUEST_DEADLINE):
                await _answer(stream, pages)
        except Exception:
            # A reading or a health part that fails is a mistake of ours; it must not end the game.
            _log.error(Event.CONN_ERROR, listener="metrics", exc_info=True)
        finally:
            limiter.release()

    listeners = await open_listeners([address])
    task_status.started(bound_address(listeners[0]))
    await trio.serve_listeners(serve_one, listeners)


class _Pages:
    def __init__(self, registry: CollectorRegistry, health: Health) -> None:
        self._registry = registry
        self._health = health

    def get(self, path: bytes) -> tuple[HTTPStatus, str, bytes]:
        """Status, content type and body for the path of a request."""
        match path.partition(b"?")[0]:
            case b"/metrics":
                return HTTPStatus.OK, CONTENT_TYPE_PLAIN_0_0_4, generate_latest(self._registry)
            case b"/healthz":
                return _report(self._health.live())
            case b"/readyz":
                return _report(self._health.ready())
            case _:
                return _text(HTTPStatus.NOT_FOUND, "There are /metrics, /healthz and /readyz.")


def _report(parts: Iterable[Part]) -> tuple[HTTPStatus, str, bytes]:
    parts = tuple(parts)
    status = HTTPStatus.OK if all(part.ok for part in parts) else HTTPStatus.SERVICE_UNAVAILABLE
    return _text(status, "\n".join(map(str, parts)))


def _text(status: HTTPStatus, text: str) -> tuple[HTTPStatus, str, bytes]:
    return status, "text/plain; charset=utf-8", f"{text}\n".encode()


async def _answer(stream: trio.SocketStream, pages: _Pages) -> None:
    """Read one request and answer it. What a hostile peer does ends this one connection, in silence or with 400."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEADER)
    request = None
    try:
        request = await _request(stream, connection)
        if request is None:
            return
        if request.method in (b"GET", b"HEAD"):
            answer = pages.get(request.target)
        else:
            answer = _text(HTTPStatus.METHOD_NOT_ALLOWED, "Only GET and HEAD.")
    except h11.RemoteProtocolError as error:
        answer = _text(HTTPStatus(error.error_status_hint), "This is no request that can be answered.")
    try:
        await stream.send_all(
            _encode(connection, *answer, with_body=request is None or request.method != b"HEAD")
        )
    except trio.BrokenResourceError:
        return


async def _request(stream: trio.SocketStream, connection: h11.Connection) -> h11.Request | None:
    """The request, or None if the peer went away before it was complete."""
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Request):
            return event
        if event is not h11.NEED_DATA:
            return None
        try:
            connection.receive_data(await stream.receive_some(_RECEIVE))
        except trio.BrokenResourceError:
            return None


def _encode(
    connection: h11.Connection, status: HTTPStatus, content_type: str, body: bytes, *, with_body: bool
) -> bytes:
    headers = [
        ("Content-Type", content_type),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
        ("Connection", "close"),
    ]
    response = h11.Response(status_code=status, headers=headers, reason=status.phrase)
    head = connection.send(response) or b""
    return head + body if with_body else head

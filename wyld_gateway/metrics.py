"""What an operator sees of a gateway: numbers and health, read when somebody asks.

The numbers are plain ints of whoever counts them; nothing here costs anything while nobody looks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from wyld_gateway.adapter import Protocol
from wyld_gateway.gateway import Gateway
from wyld_gateway.sessions.lifecycle import State
from wyld_service.metrics import Health, Part, Reading

LINK_PATIENCE = 60.0
"""Seconds without a link after which the gateway no longer counts as ready. A world that restarts must not make a load balancer
send everybody away at the very moment at which we promise to keep them."""


def connections_by_protocol(gateway: Gateway) -> dict[str, int]:
    """Clients that are connected."""
    counts = Counter(client.adapter.protocol for client in gateway.pool.clients)
    return {protocol.value: counts[protocol] for protocol in Protocol}


def sessions_by_state(gateway: Gateway) -> dict[str, int]:
    """Sessions that this gateway holds."""
    return {state.value: gateway.registry.counts[state] for state in State if state is not State.CLOSED}


def readings(gateway: Gateway) -> list[Reading]:
    """Everything that `/metrics` shows of a gateway."""
    pool, link = gateway.pool, gateway.link

    def connections() -> dict[tuple[str, ...], float]:
        return {(protocol,): count for protocol, count in connections_by_protocol(gateway).items()}

    def sessions() -> dict[tuple[str, ...], float]:
        return {(state,): count for state, count in sessions_by_state(gateway).items()}

    return [
        Reading("wyld_connections", "Clients that are connected.", connections, labels=("transport",)),
        Reading(
            "wyld_connections_opened", "Clients that ever connected.", lambda: pool.opened, kind="counter"
        ),
        Reading("wyld_sessions", "Sessions that this gateway holds.", sessions, labels=("state",)),
        Reading("wyld_link_up", "Whether there is a link to the world.", lambda: link.is_up),
        Reading("wyld_links", "Links to the world that were ever open.", lambda: link.opened, kind="counter"),
        Reading(
            "wyld_link_unacked",
            "Commands that left for the world and are not confirmed.",
            lambda: link.submissions.in_flight,
        ),
        Reading(
            "wyld_commands",
            "Commands that left for the world.",
            lambda: link.submissions.sent,
            kind="counter",
        ),
        Reading("wyld_outputs", "Outputs that were given to a client.", lambda: pool.outputs, kind="counter"),
        Reading(
            "wyld_session_rows_waiting",
            "Changed rows that are not written yet.",
            lambda: gateway.rows.waiting,
        ),
    ]


def health(gateway: Gateway, store_is_there: Callable[[], bool]) -> Health:
    """What `/healthz` and `/readyz` say of a gateway."""

    def ready() -> Iterable[Part]:
        away = gateway.link.away_for()
        yield Part("link", away < LINK_PATIENCE, "up" if gateway.link.is_up else f"away for {away:.0f} s")
        yield Part("store", store_is_there(), "reachable" if store_is_there() else "does not answer")

    return Health(ready=ready)

"""One look at every connection each second: all deadlines of the process, without a timer for any of them.

- Whoever has not come into play in time is sent away, unless we are the ones who are waited for.
- Whoever waits for the world or the database hears from time to time that we have not forgotten; a screen reader once.
- Whoever takes nothing of what waits for it is detached.
- Whoever is silent is sent something from time to time, where its protocol or its player wants that, so that the routers on the way do
  not forget the connection.
- Whoever is silent is asked for a sign of life, where its protocol has such a question, and detached if none comes. Where it has
  none, the kernel asks (`player_socket`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import trio

from wyld_gateway import limits
from wyld_gateway.absence import Absence
from wyld_gateway.client import Client
from wyld_gateway.close import Close
from wyld_gateway.pool import Pool
from wyld_gateway.wording import for_how_long

REMIND_EVERY: Final = 30.0
"""Seconds."""

LOGIN_TOO_LONG: Final = "You have not come into the game in time. Please connect again. Goodbye."


async def sweep_for_ever(pool: Pool, absence: Absence) -> None:
    """The one task that does it."""
    while True:
        await trio.sleep(limits.SWEEP_INTERVAL)
        now = trio.current_time()
        absence.check(now)
        sweep(list(pool.clients), now)


def sweep(clients: Iterable[Client], now: float) -> None:
    """Look at each once; `now` is Trio's time."""
    for client in clients:
        _check_wait(client, now)
        _keep_alive(client, now)
        if client.stalled_since is not None and now - client.stalled_since > limits.STALLED:
            client.end(Close.SLOW)
        elif client.asked_at is not None:
            if now - client.asked_at > limits.PONG_WITHIN:
                client.end(Close.KEEPALIVE)
        elif now - client.heard_at > limits.PING_AFTER:
            _ask(client, now)


def _check_wait(client: Client, now: float) -> None:
    wait = client.wait
    if wait is None:
        if client.login_deadline is not None and now > client.login_deadline:
            client.end(Close.IDLE, LOGIN_TOO_LONG)
    elif now - wait.since >= (wait.reminded + 1) * REMIND_EVERY and not (
        wait.reminded and client.adapter.metadata.screen_reader
    ):
        wait.reminded += 1
        client.notice(f"Still waiting for {wait.what} ({for_how_long(now - wait.since)}).")
        client.flush()


def _keep_alive(client: Client, now: float) -> None:
    every = client.adapter.keepalive
    if every and now - max(client.heard_at, client.kept_alive_at) >= every:
        client.kept_alive_at = now
        client.stage(client.adapter.encode_keepalive())
        client.flush()


def _ask(client: Client, now: float) -> None:
    question = client.adapter.encode_ping()
    if question:
        client.asked_at = now
        client.stage(question)
        client.flush()

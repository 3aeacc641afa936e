"""What an operator can ask of a gateway over its control socket."""

from __future__ import annotations

from collections.abc import Callable

from wyld_gateway.gateway import Gateway
from wyld_gateway.metrics import connections_by_protocol, sessions_by_state
from wyld_service.control import Arguments, Json, Verb
from wyld_service.status import STATUS, GatewayStatus, ThisProcess


class Admin:
    """The operator's side of one gateway; `database_ok` tells whether the database answered the last time."""

    def __init__(self, gateway: Gateway, database_ok: Callable[[], bool]) -> None:
        self._gateway = gateway
        self._database_ok = database_ok
        self._process = ThisProcess()

    def verbs(self) -> dict[str, Verb]:
        """For `serve_control`."""
        return {STATUS: Verb(self._tell_status, changes=False)}

    def _tell_status(self, _: Arguments) -> Json:
        gateway = self._gateway
        return GatewayStatus(
            **self._process.facts(),
            link_up=gateway.link.is_up,
            link_away_seconds=round(gateway.link.away_for(), 1),
            database_ok=self._database_ok(),
            connections=connections_by_protocol(gateway),
            sessions=sessions_by_state(gateway),
            oldest_detached_seconds=self._oldest_detached(),
        ).to_json()

    def _oldest_detached(self) -> float | None:
        sessions = self._gateway.registry.by_id.values()
        since = [session.detached_at for session in sessions if session.detached_at is not None]
        return round(max(0.0, self._gateway.clock() - min(since)), 1) if since else None

"""What the world did, put to effect: one tick at a time, wholly and without awaiting.

Imports no trio. A tick is applied in the order outputs, states, acknowledgements, ends, and each connection that it concerns is
written to once; so whoever sees an output also sees the acknowledgement of the command that caused it.

Ticks are numbered from 1 for one life of this gateway, over all its links and whatever lives the world has meanwhile: what a lost
link swallowed comes again, and nothing is applied twice.
"""

from __future__ import annotations

from typing import Final

from wyld_gateway.absence import Absence
from wyld_gateway.close import Close
from wyld_gateway.pool import Pool
from wyld_gateway.sessions.lifecycle import Move
from wyld_gateway.sessions.registry import Registry
from wyld_gateway.submissions import Submissions
from wyld_rpc.errors import RemoteProtocolError
from wyld_rpc.messages import Acks, CommandResult, DisconnectReason, SessionEnded, SessionId, Tick

MAX_PARTS: Final = 16
"""Frames of one tick: 16 MiB, twice what the world keeps unacknowledged."""

CLOSES: Final = {
    DisconnectReason.CLIENT_DISCONNECT: Close.QUIT,
    DisconnectReason.TIMEOUT: Close.IDLE,
    DisconnectReason.NETWORK_ERROR: Close.RESET,
    DisconnectReason.KICKED: Close.KICKED,
    DisconnectReason.REPLACED: Close.REPLACED,
}


class Ticks:
    """All ticks of this gateway.

    Args:
        registry: The sessions.
        pool: The way to their clients.
        submissions: Their commands.
        absence: Hears which commands are done after the world was away.

    Attributes:
        applied: The last tick that was applied.
    """

    def __init__(self, registry: Registry, pool: Pool, submissions: Submissions, absence: Absence) -> None:
        self._registry = registry
        self._pool = pool
        self._submissions = submissions
        self._absence = absence
        self._parts: list[Tick] = []
        self._confirmed: dict[SessionId, int] = {}
        self._told = 0
        self.applied = 0

    def begin_link(self) -> None:
        """Over a new link everything after `applied` comes again, from its first part on; the world hears of the rest by
        `reconcile`."""
        self._parts.clear()
        self._confirmed.clear()
        self._told = self.applied

    def receive(self, tick: Tick) -> None:
        """Take a tick, or a part of one, and apply it if it is complete.

        Raises:
            RemoteProtocolError: It is not the next one, or has too many parts, or confirms what was never sent.
        """
        if tick.number != self.applied + 1:
            raise RemoteProtocolError(f"tick {tick.number} came after tick {self.applied}")
        if not tick.more and not self._parts:
            self._apply([tick])
            return
        self._parts.append(tick)
        if len(self._parts) > MAX_PARTS:
            raise RemoteProtocolError(f"tick {tick.number} has more than {MAX_PARTS} parts")
        if not tick.more:
            parts, self._parts = self._parts, []
            self._apply(parts)

    def take_acks(self) -> Acks | None:
        """What to acknowledge since the last time; None if nothing."""
        if self.applied == self._told:
            return None
        self._told = self.applied
        confirmed, self._confirmed = self._confirmed, {}
        return Acks(self.applied, list(confirmed.items()))

    def end(self, end: SessionEnded) -> None:
        """The world has ended a session, or does not know it (any more)."""
        session = self._registry.by_id.get(end.session)
        if session is None:
            return
        self._submissions.forget(session)
        client = session.client
        if end.reason is DisconnectReason.SERVER_SHUTDOWN:
            self._registry.move(session, Move.CLOSE, "world lost")
            if client is not None:
                self._absence.give_up(client)
                client.playing.cancel()
            return
        close = CLOSES[end.reason]
        self._registry.move(session, Move.CLOSE, close.value)
        if client is not None:
            client.end(close, end.text)

    def _apply(self, parts: list[Tick]) -> None:
        for part in parts:
            for delivery in part.outputs:
                self._pool.send(delivery.output, delivery.sessions, delivery.numbers, self._confirmed)
        for part in parts:
            for state in part.states:
                self._pool.send_state(state.update, state.sessions)
        for part in parts:
            for result in part.acks:
                self._acknowledge(result)
        for part in parts:
            for end in part.disconnects:
                self.end(end)
        self._pool.flush()
        self.applied = parts[0].number

    def _acknowledge(self, result: CommandResult) -> None:
        session = self._registry.by_id.get(result.session)
        if session is None:
            return
        self._submissions.confirm(session, result.applied)
        self._pool.acknowledge(session, result.applied)
        if session.client is not None and session.client.wait is not None:
            self._absence.carried_out(session.client, result)

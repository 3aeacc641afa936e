"""What the world did, put to effect: one tick at a time, wholly and without awaiting.

Imports no trio. A tick is applied in the order outputs, states, acknowledgements, ends, and each connection that it concerns is
written to once; so whoever sees an output also sees the acknowledgement of the command that caused it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from wyld_gateway.close import Close
from wyld_gateway.pool import Pool
from wyld_gateway.sessions.lifecycle import Move
from wyld_gateway.sessions.registry import Registry
from wyld_rpc.errors import RemoteProtocolError
from wyld_rpc.messages import Acks, CommandResult, DisconnectReason, SessionEnded, SessionId, Tick

MAX_PARTS: Final = 16
"""Frames of one tick: 16 MiB, twice what the world keeps unacknowledged."""

CLOSES: Final = {
    DisconnectReason.CLIENT_DISCONNECT: Close.QUIT,
    DisconnectReason.TIMEOUT: Close.IDLE,
    DisconnectReason.NETWORK_ERROR: Close.RESET,
    DisconnectReason.SERVER_SHUTDOWN: Close.DRAIN,
    DisconnectReason.KICKED: Close.KICKED,
    DisconnectReason.REPLACED: Close.REPLACED,
}


class Ticks:
    """The ticks of one link, which are numbered from 1.

    Args:
        registry: The sessions.
        pool: The way to their clients.
        freed: Called with how many commands of a session were confirmed, which makes room for as many others.

    Attributes:
        applied: The last tick that was applied.
    """

    def __init__(self, registry: Registry, pool: Pool, freed: Callable[[int], None]) -> None:
        self._registry = registry
        self._pool = pool
        self._freed = freed
        self._parts: list[Tick] = []
        self._confirmed: dict[SessionId, int] = {}
        self._told = 0
        self.applied = 0

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

    def _apply(self, parts: list[Tick]) -> None:
        for part in parts:
            for delivery in part.outputs:
                self._pool.send(delivery.output, delivery.sessions, delivery.numbers)
                # Handed to a queue, or without anybody to hand it to: either way this gateway has seen to it.
                self._confirmed.update(zip(delivery.sessions, delivery.numbers, strict=True))
        for part in parts:
            for state in part.states:
                self._pool.send_state(state.update, state.sessions)
        for part in parts:
            for result in part.acks:
                self._acknowledge(result)
        for part in parts:
            for end in part.disconnects:
                self._end(end)
        self._pool.flush()
        self.applied = parts[0].number

    def _acknowledge(self, result: CommandResult) -> None:
        session = self._registry.by_id.get(result.session)
        if session is None:
            return
        if result.applied > session.sent:
            raise RemoteProtocolError(
                f"command {result.applied} is confirmed, but {session.sent} was the last one sent"
            )
        before = session.commands.acked
        session.commands.ack(result.applied)
        self._freed(session.commands.acked - before)
        self._pool.acknowledge(session, result.applied)

    def _end(self, end: SessionEnded) -> None:
        session = self._registry.by_id.get(end.session)
        if session is None:
            return
        close = CLOSES[end.reason]
        self._freed(session.sent - session.commands.acked)
        self._registry.move(session, Move.CLOSE, close.value)
        if session.client is not None:
            session.client.end(close, end.text)

"""The first talk over a new link: gateway and world tell each other where every session stands.

The gateway reports its sessions in play, in batches; the world sends the ticks that the last link swallowed, and answers each batch with
how far it is with the commands of each session. A position is the highest that either of them knows, so it does not matter which of
the two has lost its memory. Afterwards the gateway sends every command that is not applied, and nothing before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from wyld_gateway.pool import Pool
from wyld_gateway.sessions.registry import Registry
from wyld_gateway.sessions.session import Session
from wyld_gateway.submissions import Submissions
from wyld_gateway.ticks import Ticks
from wyld_rpc import wire
from wyld_rpc.errors import RemoteProtocolError
from wyld_rpc.messages import (
    MAX_REPORTS,
    DisconnectReason,
    PositionList,
    Positions,
    SessionEnded,
    SessionReport,
)
from wyld_rpc.peer import Peer

MAX_KEPT: Final = 400 * 1024
"""Bytes of kept outputs after which a batch takes no further session. With all that one session may have, and two hundred short
reports, that is less than a frame's 1 MiB."""


async def reconcile(
    peer: Peer, ticks: Ticks, registry: Registry, pool: Pool, submissions: Submissions
) -> None:
    """Agree with the world about all sessions in play.

    Raises:
        RpcError, CallTimeout, LinkClosed: There was no answer.
        RemoteProtocolError: The answer makes no sense.

    Cancellation: does no harm; it is all said again over the next link.
    """
    applied, sessions = ticks.applied, list(registry.in_play())
    more = True
    while more:
        batch = _next_batch(sessions)
        more = bool(sessions)
        request = Positions(applied, tuple(batch), more)
        answer = wire.structure(PositionList, await peer.call("positions", wire.unstructure(request)))
        _take(answer, batch, registry, pool, submissions, ticks)
    pool.flush()


def _next_batch(sessions: list[Session]) -> list[SessionReport]:
    """Reports of the first of these sessions, which are taken out of the list."""
    batch: list[SessionReport] = []
    size = 0
    while sessions and len(batch) < MAX_REPORTS and size < MAX_KEPT:
        session = sessions.pop()
        if session.in_play:
            batch.append(report(session))
            size += 0 if session.missed is None else session.missed.kept_bytes
    return batch


def report(session: Session) -> SessionReport:
    """Where a session in play stands."""
    assert session.account_id is not None
    assert session.character_id is not None
    missed = session.missed
    return SessionReport(
        session.id,
        session.generation,
        session.account_id,
        session.character_id,
        session.epoch,
        acked=session.commands.acked,
        received=session.received,
        confirmed=session.confirmed,
        attached=session.client is not None,
        screen_reader=session.metadata.screen_reader,
        kept=() if missed is None else tuple([encoded for _, encoded in missed.replay(missed.acked).items]),
    )


def _take(
    answer: PositionList,
    batch: Sequence[SessionReport],
    registry: Registry,
    pool: Pool,
    submissions: Submissions,
    ticks: Ticks,
) -> None:
    if {position.session for position in answer.sessions} | {end.session for end in answer.ended} != {
        each.session for each in batch
    }:
        raise RemoteProtocolError("the answer is not about the sessions that were asked about")
    for position in answer.sessions:
        session = registry.by_id.get(position.session)
        if session is None:
            continue  # it has ended while we asked
        if position.epoch != session.epoch:
            ticks.end(SessionEnded(session.id, DisconnectReason.SERVER_SHUTDOWN, ""))
            continue
        submissions.confirm(session, position.applied)
        pool.acknowledge(session, position.applied)
    for end in answer.ended:
        ticks.end(end)

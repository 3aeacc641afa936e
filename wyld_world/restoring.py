"""The sessions and gateways that an earlier world left behind, put back at the start of this one.

Pure. Nobody runs anything yet and nobody is told anything. Each session stands where its row says; it is bound to nobody until its gateway
reports what it knows (`reconciling`). What it keeps of its outputs is what a clean stop has stored and what lies in the outbox; the rest
is with its gateway, which hands it back.
"""

from __future__ import annotations

from wyld_rpc import wire
from wyld_rpc.frames import unpack_body
from wyld_rpc.messages import CharacterError, SessionId
from wyld_rpc.numbering import Epoch, ReceiveCursor, SendWindow, Seq
from wyld_world.gateways import Gateway, Gateways, Life
from wyld_world.model.world import World
from wyld_world.sessions import OUTPUT_LIMITS, Session, SessionRow, Sessions
from wyld_world.store import OutboxRow, SavedWorld
from wyld_world.ticks import SealedTick

Numbered = dict[SessionId, dict[int, bytes]]
"""Encoded outputs of each session by number."""


def restore(saved: SavedWorld, world: World, sessions: Sessions, gateways: Gateways, now: float) -> set[Life]:
    """Put everything back that `saved` knows; all four are as they were made. `now` is of the engine's clock.

    Returns:
        The gateways that hold sessions and have to report before anything is run.
    """
    ticks: dict[Life, list[SealedTick]] = {row.home: [] for row in saved.sessions if row.home is not None}
    awaited = set(ticks)
    numbered: Numbered = {}
    for row in saved.outbox:
        tick = SealedTick(row.tick, row.bodies, sum(map(len, row.bodies)), stored=True)
        ticks.setdefault((row.gateway_id, Epoch(row.gateway_epoch)), []).append(tick)
        _collect_outputs(row, numbered)
    for life, left in ticks.items():
        gateways.add(Gateway.restore(life, left, now))
    for session_row in saved.sessions:
        _restore_session(session_row, numbered.get(session_row.id, {}), world, sessions, now)
    return awaited


def _collect_outputs(row: OutboxRow, numbered: Numbered) -> None:
    for body in row.bodies:
        for delivery in wire.unpack_tick(unpack_body(body)).outputs:
            encoded = wire.encode_output(delivery.output)
            for session, number in zip(delivery.sessions, delivery.numbers, strict=True):
                numbered.setdefault(session, {})[number] = encoded


def _restore_session(
    row: SessionRow, outputs: dict[int, bytes], world: World, sessions: Sessions, now: float
) -> None:
    try:
        character = world.character(row.account_id, row.character_id)
    except CharacterError:
        sessions.ended.add(row.id)
        return
    world.wake(character)
    session = Session(row.id, character, row.generation, ReceiveCursor(row.epoch, Seq(row.applied)))
    outputs |= enumerate(row.kept, row.sent - len(row.kept) + 1)
    session.outputs = SendWindow.resume(
        OUTPUT_LIMITS, last=Seq(row.sent), kept=_newest(outputs, row.sent), now=now
    )
    session.home = row.home
    session.in_ticks = session.inherited = row.sent
    session.awaits_report = True
    sessions.restore(session)
    if row.detached:
        character.linkdead = True
        sessions.detach(session, now)


def _newest(outputs: dict[int, bytes], last: int) -> list[tuple[bytes, int]]:
    """With their sizes, all that reach without a hole up to `last`."""
    kept = []
    while (encoded := outputs.get(last)) is not None:
        kept.append((encoded, len(encoded)))
        last -= 1
    return kept[::-1]

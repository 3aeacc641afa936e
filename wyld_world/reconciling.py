"""What a gateway says of its sessions when a link begins, against what this world knows of them.

Runs inside a turn of the engine, before anything else of that link. A position is the highest that either side can prove, because whoever
has the higher one has seen what the other has lost: a killed world knows what it had committed, and its gateways know what it had done
since then. What only the gateway still has of the outputs is taken back. What only the world has is delivered: ticks that are kept for
the gateway are sent again (`Gateway.settle`); a session that was bound to nobody gets its outputs from what it keeps.

Nobody is told anything of this but those who must log in again.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from wyld_rpc.messages import DisconnectReason, PositionList, Positions, SessionEnded, SessionReport
from wyld_rpc.numbering import Seq
from wyld_world.attempts import Attempts
from wyld_world.errors import Undone
from wyld_world.gateways import Gateway
from wyld_world.model import presence
from wyld_world.sessions import Session, Sessions

REPLACED_TEXT: Final = "This character is now played from another connection. Goodbye."
UNKNOWN_TEXT: Final = "The world has lost sight of you. Please log in again."


class Reconciling:
    """One for the whole engine; `take` is called in a turn, with the reports of one request after the other."""

    def __init__(self, attempts: Attempts, sessions: Sessions) -> None:
        self._attempts = attempts
        self._sessions = sessions

    def take(self, gateway: Gateway, positions: Positions) -> PositionList:
        """Bind the reported sessions to their gateway, and after the last request give up what was in none."""
        known, ended = [], []
        for report in positions.sessions:
            gateway.reported.add(report.session)
            refusal = self._refusal(gateway, report)
            if refusal is None:
                session = self._sessions.by_id[report.session]
                self._take_positions(session, report)
                self._bind(session, gateway, report)
                known.append(session.positions)
            else:
                ended.append(refusal)
        if not positions.more:
            for session in self._sessions.of(gateway.life):
                if session.id not in gateway.reported:
                    self._sessions.give_up(session, self._attempts.now)
        return PositionList(tuple(known), tuple(ended))

    def _refusal(self, gateway: Gateway, report: SessionReport) -> SessionEnded | None:
        session = self._sessions.by_id.get(report.session)
        if (
            session is None
            or session.commands.epoch != report.epoch
            or session.character.id != report.character_id
        ):
            return SessionEnded(report.session, DisconnectReason.SERVER_SHUTDOWN, UNKNOWN_TEXT)
        elsewhere = session.gateway is not None and session.gateway is not gateway
        if report.generation < session.generation + elsewhere:
            return SessionEnded(report.session, DisconnectReason.REPLACED, REPLACED_TEXT)
        return None

    def _take_positions(self, session: Session, report: SessionReport) -> None:
        session.commands.position = Seq(max(session.commands.position, report.acked))
        now, kept = self._attempts.now, [(item, len(item)) for item in report.kept]
        unheard = session.take_unheard(report.received, now)
        session.outputs.hand_back(report.received - len(kept) + 1, kept, now)
        for item in unheard:
            session.outputs.append(item, len(item), now)
        session.outputs.ack(report.confirmed)
        self._sessions.changed.add(session)

    def _bind(self, session: Session, gateway: Gateway, report: SessionReport) -> None:
        sessions, missed = self._sessions, session.gateway is not gateway
        received = report.received
        if session.home == gateway.life:
            received = max(received, session.in_ticks)
        if session.gateway is not None and missed:
            session.gateway.writer.end(SessionEnded(session.id, DisconnectReason.REPLACED, REPLACED_TEXT))
        if report.attached:
            sessions.attach(session, gateway, report.generation)
        else:
            sessions.bind(session, gateway, report.generation)
            sessions.detach(session, self._attempts.now)
        if missed:
            self._deliver_missed(session, gateway, received)
        if report.attached:
            with suppress(Undone):
                self._attempts.act(session.character, presence.find_link_again)

    def _deliver_missed(self, session: Session, gateway: Gateway, received: int) -> None:
        for number, encoded in session.outputs.replay(received).items:
            gateway.writer.deliver(encoded, session.id, number)
        for key, encoded in session.states.items():
            gateway.writer.state(session.id, key, encoded)
        if not session.states:
            with suppress(Undone):
                self._attempts.act(session.character, presence.learn_states)

"""The single-writer loop: everything that changes the world happens here, one thing after another.

The engine takes what gateways put into their inboxes, gateway by gateway in turn, and runs it in **turns**. A turn is at most
`TurnLimits.commands` entries or `TurnLimits.seconds` of one gateway's inbox, or one heartbeat of the model. Nothing in a turn awaits. What it says
becomes one tick for each gateway that it concerns; what it changed durably is taken from the journal; both go to the committer,
which decides when they may be seen.

The loop sleeps until there is input; `put`, `report`, `put_queued` and `beat` wake it. Reports of gateways come first, then what waited in
the database's command queue, then the inboxes.

A world that has just begun runs nothing but reports until every gateway that held sessions has reported, at most `HOLD`; after an unclean
end it is careful at first (`caution`).

A command that raises is undone (`execution`, `attempts`): the journal restores every value and nothing that it said is sent.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, ParamSpec

import attrs
import trio

from wyld_rpc.errors import RemoteProtocolError
from wyld_rpc.messages import (
    ENDS_SESSION,
    AccountId,
    Command,
    DisconnectReason,
    SessionDisconnected,
    SessionId,
    SessionReconnected,
)
from wyld_rpc.numbering import Receipt
from wyld_world.attempts import Attempts
from wyld_world.caution import Caution
from wyld_world.command_queue import CommandQueue
from wyld_world.committer import Answer, Committer, Turn
from wyld_world.errors import Undone
from wyld_world.execution import Execution
from wyld_world.gateways import Asked, Gateway, Gateways, Item, Life, Link, Reported
from wyld_world.model import presence
from wyld_world.model.heartbeat import beat
from wyld_world.reconciling import Reconciling
from wyld_world.requests import Promise, Requests
from wyld_world.sessions import Session, Sessions
from wyld_world.store import QueuedCommand, SavedWorld

HEARTBEAT: Final = 1.0
"""Seconds between two heartbeats of the model."""
LOSS_DEBOUNCE: Final = 5.0
"""Seconds that a client may be away before anybody in the game sees it: a tunnel should not be announced."""
EXPIRY_SWEEP: Final = 60
"""Heartbeats between two looks for kept outputs that are too old; they are many, and a minute more does not matter."""

HOLD: Final = 2.0
"""Seconds that a starting world waits for the gateways of the one before: as long as their longest pause between two attempts."""

MAX_WAITING_REPORTS: Final = 1_000
"""Requests for positions: 200,000 sessions, far more than a world has. A gateway sends the next one when it has the answer to the last."""

P = ParamSpec("P")


@attrs.frozen
class TurnLimits:
    """What one turn may take of one gateway's inbox before the next gateway's turn comes."""

    commands: int = 512
    seconds: float = 0.005


@attrs.frozen
class Clocks:
    """Three clocks, apart so that tests may hold each of them.

    Attributes:
        now: Seconds of trio's clock: ages and absences.
        wall: Seconds since 1970, UTC: what the model and the database see.
        stopwatch: Seconds of the time that a turn has taken.
    """

    now: Callable[[], float] = trio.current_time
    wall: Callable[[], float] = time.time
    stopwatch: Callable[[], float] = time.perf_counter


class Engine:
    """One world's loop. Its methods are synchronous and never wait, except `run`; all belong to one event loop.

    Attributes:
        turns: What has run, ever.
    """

    def __init__(
        self,
        attempts: Attempts,
        sessions: Sessions,
        gateways: Gateways,
        committer: Committer,
        *,
        queue: CommandQueue,
        accounts: set[AccountId],
        awaited: set[Life],
        saved: SavedWorld,
        detached_ttl: float,
        limits: TurnLimits,
        clocks: Clocks,
    ) -> None:
        self.turns = 0
        self._attempts = attempts
        self._sessions = sessions
        self._gateways = gateways
        self._committer = committer
        self._requests = Requests(attempts, sessions, committer, accounts)
        self._detached_ttl = detached_ttl
        self._limits = limits
        self._clocks = clocks
        self._reconciling = Reconciling(attempts, sessions)
        self._queue = queue
        self._awaited = awaited
        self._holding = True
        self._begins_at = clocks.now() + HOLD
        self._caution = Caution(saved, committer)
        self._execution = Execution(attempts, sessions, self._caution)
        self._reports: deque[tuple[Gateway, Reported]] = deque()
        self._queued: deque[QueuedCommand | SessionId] = deque(saved.queued)
        self._parked: dict[SessionId, list[tuple[Gateway, Item]]] = {}
        self._unqueued: dict[SessionId, int] = {}
        self._ready: deque[Gateway] = deque()
        self._beats_due = 0
        self._beats = 0
        self._input = trio.Event()
        self._stopping = False
        self._answers: list[Answer] = []
        self._promises: list[Answer] = []

    @property
    def commands(self) -> int:
        """What has run, ever."""
        return self._execution.commands

    # ------------------------------------------------------------------------------------------- input

    def gateway_linked(self, life: Life, link: Link) -> Gateway:
        """A link is open. An older link of the same gateway is lost with that, and an earlier life of it is over."""
        gateway = self._gateways.find(life)
        if gateway is None:
            gateway = Gateway(*life)
            self._gateways.add(gateway)
        elif gateway.link is not None:
            self.link_lost(gateway, gateway.link, "the gateway has opened another link")
        for earlier in self._gateways.other_lives(gateway):
            if earlier.link is not None:
                self.link_lost(earlier, earlier.link, "the gateway has begun another life")
            self._forget(earlier)
        gateway.begin_link(link)
        return gateway

    def link_lost(self, gateway: Gateway, link: Link, reason: str) -> None:
        """A link has ended, or must end: its sessions wait for it to come back. Nothing happens the second time."""
        if gateway.link is link:
            link.end(reason)
            gateway.lose_link(self._clocks.now())
            self._sessions.lose_link(gateway, self._clocks.now())

    def _forget(self, gateway: Gateway) -> None:
        """Nobody counts on a gateway any more: its sessions wait for their players, and what they had queued is run."""
        self._queue.ask([session.id for session in self._sessions.of(gateway.life)])
        self._sessions.release(gateway.life, self._clocks.now())
        self._gateways.forget(gateway)
        self._awaited.discard(gateway.life)
        self._input.set()

    def report(self, gateway: Gateway, reported: Reported) -> None:
        """Queue positions, which are taken before everything else. Raises `RemoteProtocolError` if too many are queued already."""
        if len(self._reports) >= MAX_WAITING_REPORTS:
            raise RemoteProtocolError(f"more than {MAX_WAITING_REPORTS} requests for positions are waiting")
        self._reports.append((gateway, reported))
        self._input.set()

    def put_queued(self, sessions: Sequence[SessionId], rows: Sequence[QueuedCommand]) -> None:
        """Queue what was in the database's command queue of these sessions."""
        self._queued += rows
        self._queued += sessions
        self._input.set()

    def put(self, gateway: Gateway, item: Item) -> None:
        """Queue a command, a request or a departure. Raises `RemoteProtocolError` if too much is queued already."""
        if not gateway.inbox:
            self._ready.append(gateway)
            self._input.set()
        gateway.put(item)

    def beat(self) -> None:
        """Ask for a heartbeat of the model; called about every `HEARTBEAT` seconds."""
        self._beats_due = 1
        self._input.set()

    def stop(self) -> None:
        """Take no further input; `run` returns after the turn under way. What is still queued was never acknowledged."""
        self._stopping = True
        self._input.set()

    # -------------------------------------------------------------------------------------------- loop

    async def run(self) -> None:
        """Run turns until `stop`. Cancellation takes effect between two turns."""
        while True:
            await self._input.wait()
            if self._caution.is_needed and not self._stopping:
                await self._note_next()
            if self._stopping:
                return
            if self._reports:
                self._run_turn(self._reconcile)
                continue
            if self._may_run():
                self._run_next()
            if self._holding or not (self._queued or self._ready):
                self._input = trio.Event()

    def _may_run(self) -> bool:
        """Whether all gateways that held sessions have reported, or have had the time to; the first time, the others are given up."""
        if self._holding and not (self._awaited and self._clocks.now() < self._begins_at):
            self._holding = False
            for session in self._sessions.by_id.values():
                if session.gateway is None:
                    self._sessions.detach(session, self._clocks.now())
        return not self._holding

    def _run_next(self) -> None:
        if self._beats_due:
            self._beats_due = 0
            self._run_turn(self._heartbeat)
        if self._queued:
            self._run_turn(self._take_queued)
        elif self._ready:
            gateway = self._ready.popleft()
            self._run_turn(self._take_from, gateway)
            if gateway.inbox:
                self._ready.append(gateway)

    async def _note_next(self) -> None:
        """Write down which command is about to run, if it is one."""
        if self._holding or self._reports:
            return
        item = self._queued[0] if self._queued else self._ready[0].inbox[0] if self._ready else None
        if isinstance(item, Command | QueuedCommand):
            await self._caution.note(item.session, item.number)

    def _run_turn(self, body: Callable[P, None], /, *args: P.args, **kwargs: P.kwargs) -> None:
        self._attempts.now = self._clocks.now()
        self._attempts.wall = self._clocks.wall()
        body(*args, **kwargs)
        self.turns += 1
        ticks = [(each, each.writer.seal()) for each in self._gateways if not each.writer.is_empty]
        changes, moved = self._attempts.journal.take_changes(), self._sessions.take_moved()
        self._committer.add(Turn(ticks, self._answers, self._promises, changes, moved, self._unqueued))
        self._answers, self._promises, self._unqueued = [], [], {}

    def _take_from(self, gateway: Gateway) -> None:
        inbox, stopwatch = gateway.inbox, self._clocks.stopwatch
        ends = stopwatch() + self._limits.seconds
        for _ in range(min(len(inbox), self._most)):
            item = inbox.popleft()
            if not ((self._parked or type(item) is Asked) and self._park(gateway, item)):
                self._take(gateway, item)
            if stopwatch() >= ends:
                break

    @property
    def _most(self) -> int:
        """Commands in one turn."""
        return 1 if self._caution.is_needed else self._limits.commands

    def _take(self, gateway: Gateway, item: Item) -> None:
        if isinstance(item, Command):
            self._command(gateway, item)
        elif isinstance(item, Asked):
            self._answer(gateway, item)
        else:
            self._session_disconnected(gateway, item)

    def _reconcile(self) -> None:
        gateway, reported = self._reports.popleft()
        if gateway.link is not reported.link:
            return  # the link is lost, and its gateway will report again
        answer = self._reconciling.take(gateway, reported.params)
        self._answers.append(Answer(reported.link, reported.id, answer))
        if not reported.params.more:
            self._awaited.discard(gateway.life)
            self._queue.ask([session.id for session in gateway.sessions])

    # ------------------------------------------------------------------------------- the queue of commands

    def _take_queued(self) -> None:
        for _ in range(min(len(self._queued), self._most)):
            item = self._queued.popleft()
            if isinstance(item, QueuedCommand):
                self._queued_command(item)
            else:
                for gateway, parked in self._parked.pop(item, ()):
                    self._take(gateway, parked)

    def _queued_command(self, queued: QueuedCommand) -> None:
        session = self._sessions.by_id.get(queued.session)
        if session is not None:
            receipt = session.commands.accept(queued.number)
            if receipt is Receipt.GAP:
                return  # nothing can be proved of it; it stays where it is for as long as its session
            if receipt is Receipt.NEW:
                self._execution.run(session, queued.number, queued.text)
        self._unqueued[queued.session] = queued.number

    def _park(self, gateway: Gateway, item: Item) -> bool:
        """Let an item wait for the queued commands of its session: an attach, and whatever comes before they are read."""
        session = item.params.session if isinstance(item, Asked) else item.session
        if session not in self._parked:
            attaches = isinstance(item, Asked) and isinstance(item.params, SessionReconnected)
            if not attaches or self._committer.unprotected_since is not None:
                return False
            self._parked[session] = []
            self._queue.ask([session])
        self._parked[session].append((gateway, item))
        return True

    # ---------------------------------------------------------------------------------------- commands

    def _command(self, gateway: Gateway, command: Command) -> None:
        session = self._bound(gateway, command.session, command.generation)
        if session is None:
            return
        receipt = session.commands.accept(command.number)
        if receipt is Receipt.GAP:
            expected = session.commands.position + 1
            if gateway.link is not None:
                self.link_lost(
                    gateway, gateway.link, f"command {command.number} came where {expected} was due"
                )
        elif receipt is Receipt.NEW:
            self._execution.run(session, command.number, command.text)
        else:
            gateway.writer.applied(session.id, session.commands.position)

    def _bound(self, gateway: Gateway, session_id: SessionId, generation: int) -> Session | None:
        """The session, unless whoever speaks of it has lost it. A lost link's commands still count while nobody else has it."""
        session = self._sessions.by_id.get(session_id)
        if session is None or session.generation != generation:
            return None
        return session if session.gateway is gateway or session.gateway is None else None

    # ------------------------------------------------------------------------- sessions and requests

    def _session_disconnected(self, gateway: Gateway, event: SessionDisconnected) -> None:
        session = self._bound(gateway, event.session, event.generation)
        if session is None:
            return
        if event.reason in ENDS_SESSION:
            with suppress(Undone):
                self._attempts.act(session.character, presence.leave, event.reason)
            self._sessions.end(session)
        else:
            self._sessions.detach(session, self._attempts.now)

    def _answer(self, gateway: Gateway, asked: Asked) -> None:
        if gateway.link is not asked.link:
            return  # the link is lost, and its gateway will ask again
        result = self._requests.answer(gateway, asked.params)
        if isinstance(result, Promise):
            self._promises.append(Answer(asked.link, asked.id, result.value))
        else:
            self._answers.append(Answer(asked.link, asked.id, result))

    # --------------------------------------------------------------------------------------- heartbeat

    def _heartbeat(self) -> None:
        self._beats += 1
        for session in self._sessions.detached_by(self._attempts.now - LOSS_DEBOUNCE):
            if not session.character.linkdead:
                with suppress(Undone):
                    self._attempts.act(session.character, presence.lose_link)
        for session in self._sessions.detached_by(self._attempts.now - self._detached_ttl):
            self._expire(session)
        for gateway in [each for each in self._gateways if each.link is None]:
            if gateway.is_overdue or gateway.away_since <= self._attempts.now - self._detached_ttl:
                self._forget(gateway)
        if self._beats % EXPIRY_SWEEP == 0:
            self._sessions.expire_outputs(self._attempts.now)
        with suppress(Undone):
            attempts = self._attempts
            attempts.attempt(
                "heartbeat",
                beat,
                attempts.world,
                attempts.journal,
                attempts.outlet,
                attempts.wall,
                attempts.random,
            )

    def _expire(self, session: Session) -> None:
        with suppress(Undone):
            self._attempts.act(session.character, presence.leave, DisconnectReason.TIMEOUT)
        minutes = max(1, round(self._detached_ttl / 60))
        text = f"You were away for {minutes} minutes, and the session has ended."
        self._attempts.outlet.end(session, DisconnectReason.TIMEOUT, text)

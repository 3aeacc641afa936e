"""The single-writer loop: everything that changes the world happens here, one thing after another.

The engine takes what gateways put into their inboxes, gateway by gateway in turn, and runs it in **turns**. A turn is at most
`TurnLimits.commands` entries or `TurnLimits.seconds` of one gateway's inbox, or one heartbeat of the model. Nothing in a turn awaits. What it says
becomes one tick for each gateway that it concerns; what it changed durably is taken from the journal; both go to the committer,
which decides when they may be seen.

The loop sleeps until there is input; `put` and `beat` wake it.

A command that raises is undone (`attempts`): the journal restores every value and nothing that it said is sent. Its player gets one System
line, and its number is applied, because trying it again would fail again.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final, ParamSpec

import attrs
import trio

from wyld_rpc.messages import (
    ENDS_SESSION,
    AccountId,
    Command,
    CommandError,
    CommandErrorCode,
    DisconnectReason,
    SessionDisconnected,
    SessionId,
    System,
)
from wyld_rpc.numbering import Receipt
from wyld_world.attempts import Attempts
from wyld_world.commands import perform
from wyld_world.committer import Answer, Committer, Turn
from wyld_world.errors import Undone
from wyld_world.gateways import Asked, Gateway, Gateways, Item
from wyld_world.model import presence
from wyld_world.model.heartbeat import beat
from wyld_world.requests import Promise, Requests
from wyld_world.sessions import Session, Sessions

HEARTBEAT: Final = 1.0
"""Seconds between two heartbeats of the model."""
LOSS_DEBOUNCE: Final = 5.0
"""Seconds that a client may be away before anybody in the game sees it: a tunnel should not be announced."""
EXPIRY_SWEEP: Final = 60
"""Heartbeats between two looks for kept outputs that are too old; they are many, and a minute more does not matter."""

FAILED_TEXT: Final = (
    "Something went wrong with that command. Nothing has changed, and the mistake has been noted."
)
_FAILED: Final = CommandError(CommandErrorCode.FAILED, FAILED_TEXT)

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
        turns, commands: What has run, ever.
    """

    def __init__(
        self,
        attempts: Attempts,
        sessions: Sessions,
        gateways: Gateways,
        committer: Committer,
        *,
        accounts: set[AccountId],
        detached_ttl: float,
        limits: TurnLimits,
        clocks: Clocks,
    ) -> None:
        self.turns = 0
        self.commands = 0
        self._attempts = attempts
        self._sessions = sessions
        self._gateways = gateways
        self._committer = committer
        self._requests = Requests(attempts, sessions, committer, accounts)
        self._detached_ttl = detached_ttl
        self._limits = limits
        self._clocks = clocks
        self._ready: deque[Gateway] = deque()
        self._beats_due = 0
        self._beats = 0
        self._input = trio.Event()
        self._stopping = False
        self._answers: list[Answer] = []
        self._promises: list[Answer] = []

    # ------------------------------------------------------------------------------------------- input

    def gateway_linked(self, gateway: Gateway) -> None:
        """A link is open. An older link of the same gateway is lost with that."""
        older = self._gateways.find(gateway.id)
        if older is not None:
            self.gateway_lost(older, "the gateway has opened another link")
        self._gateways.add(gateway)

    def gateway_lost(self, gateway: Gateway, reason: str) -> None:
        """A link has ended, or must end: its sessions wait for their players. Nothing happens the second time."""
        if gateway.link is None:
            return
        gateway.link.end(reason)
        self._gateways.lose(gateway)
        self._sessions.lose_gateway(gateway, self._clocks.now())

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
            if self._stopping:
                return
            if self._beats_due:
                self._beats_due = 0
                self._run_turn(self._heartbeat)
            if self._ready:
                gateway = self._ready.popleft()
                self._run_turn(self._take_from, gateway)
                if gateway.inbox:
                    self._ready.append(gateway)
            if not self._ready:
                self._input = trio.Event()

    def _run_turn(self, body: Callable[P, None], /, *args: P.args, **kwargs: P.kwargs) -> None:
        self._attempts.now = self._clocks.now()
        self._attempts.wall = self._clocks.wall()
        body(*args, **kwargs)
        self.turns += 1
        ticks = [(each, each.writer.seal()) for each in self._gateways if not each.writer.is_empty]
        self._committer.add(Turn(ticks, self._answers, self._promises, self._attempts.journal.take_changes()))
        self._answers, self._promises = [], []

    def _take_from(self, gateway: Gateway) -> None:
        inbox, stopwatch = gateway.inbox, self._clocks.stopwatch
        ends = stopwatch() + self._limits.seconds
        for _ in range(min(len(inbox), self._limits.commands)):
            item = inbox.popleft()
            if isinstance(item, Command):
                self._command(gateway, item)
            elif isinstance(item, Asked):
                self._answer(gateway, item)
            else:
                self._session_disconnected(gateway, item)
            if stopwatch() >= ends:
                break

    # ---------------------------------------------------------------------------------------- commands

    def _command(self, gateway: Gateway, command: Command) -> None:
        session = self._bound(gateway, command.session, command.generation)
        if session is None:
            return
        receipt = session.commands.accept(command.number)
        if receipt is Receipt.GAP:
            expected = session.commands.position + 1
            self.gateway_lost(gateway, f"command {command.number} came where {expected} was due")
            return
        if receipt is Receipt.NEW:
            self.commands += 1
            self._sessions.changed.add(session)
            try:
                # An empty command has only its number: its gateway has answered it, or dropped it.
                if command.text:
                    self._attempts.act(session.character, perform, command.text)
            except Undone:
                self._attempts.attempt(
                    "engine", self._attempts.outlet.send, (session.character,), System(FAILED_TEXT)
                )
                gateway.writer.failed(session.id, command.number, _FAILED)
                return
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

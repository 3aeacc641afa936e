"""Makes turns of the engine durable and then releases them, strictly in the order in which they ran.

A turn whose effects reach the database, or more than one gateway, is released after its commit; any other one needs no commit but
waits for every earlier turn. While nothing waits, such a plain turn is released by `add` itself, with no task in between.

One commit is under way at a time. It takes everything that waits then (a group commit), while the engine goes on; what came meanwhile
is the next one. It also stores every tick that its gateway has not acknowledged and that has no row yet, so that rows and positions
always tell one moment.

When a commit has not landed after `PATIENCE`, play goes on **unprotected**: turns are released as they come, and what is dirty is kept.
The commit is tried until it lands, which protects again; the next one then takes everything that was kept, in one transaction.
What must not be said before it is true (`Turn.promises`) waits even then.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import attrs
import trio

from wyld_rpc.messages import EntityId, SessionId
from wyld_service.errors import StoreRefused, StoreUnavailable
from wyld_service.log import Event, get_logger
from wyld_world.errors import CommitRefused
from wyld_world.gateways import Gateway, Gateways, Link
from wyld_world.model.rows import Changes, CharacterRow, EntityRow
from wyld_world.sessions import Sessions
from wyld_world.store import Commit, Fence, OutboxRow, Suspect, WorldStore
from wyld_world.ticks import SealedTick

PATIENCE: Final = 2.0
"""Seconds that players wait for the database before play goes on without it."""
RETRY_INTERVAL: Final = 0.25
"""Seconds between two tries of a commit."""

_log = get_logger()


@attrs.frozen
class Answer:
    """The answer to a request: a result or a `CallError`."""

    link: Link
    request_id: int
    result: object

    def send(self) -> None:
        self.link.answer(self.request_id, self.result)


@attrs.define(eq=False)
class Turn:
    """What one turn of the engine has done and nobody has seen yet.

    Attributes:
        ticks: For each gateway that it concerns, the tick it gets.
        answers: Sent at release, before the ticks.
        promises: Answers that are true only once the changes are committed.
        changes: What it changed durably.
        moved: Whether sessions came, went, or went elsewhere, which no death may take back either.
        unqueued: Up to which number the queued commands of a session are done with.
    """

    ticks: list[tuple[Gateway, SealedTick]]
    answers: list[Answer]
    promises: list[Answer]
    changes: Changes
    moved: bool = False
    unqueued: dict[SessionId, int] = attrs.field(factory=dict)

    @property
    def needs_commit(self) -> bool:
        return bool(len(self.ticks) > 1 or self.changes or self.promises or self.moved or self.unqueued)

    def release(self) -> None:
        for answer in self.answers:
            answer.send()
        for gateway, tick in self.ticks:
            gateway.release(tick)


@attrs.define
class _Unsaved:
    """Durable changes that no commit has taken yet, each thing in its latest state."""

    entities: dict[EntityId, EntityRow] = attrs.field(factory=dict)
    characters: dict[EntityId, CharacterRow] = attrs.field(factory=dict)
    deleted: dict[EntityId, None] = attrs.field(factory=dict)

    def add(self, changes: Changes) -> None:
        for entity in changes.upserts:
            self.entities[entity.id] = entity
        for character in changes.characters:
            self.characters[character.entity_id] = character
        for gone in changes.deleted:
            self.entities.pop(gone, None)
            self.characters.pop(gone, None)
            self.deleted[gone] = None

    def take(self) -> Changes:
        changes = Changes(list(self.entities.values()), list(self.characters.values()), list(self.deleted))
        self.entities, self.characters, self.deleted = {}, {}, {}
        return changes


class Committer:
    """The release queue and the task that commits; `add` is called by the engine, `run` is a task of the world's nursery.

    Attributes:
        unprotected_since: Seconds of trio's clock, or None while everything durable is committed before it is seen.
        commits: Commits that have landed.
    """

    def __init__(self, store: WorldStore, fence: Fence, sessions: Sessions, gateways: Gateways) -> None:
        self.unprotected_since: float | None = None
        self.commits = 0
        self._store = store
        self._fence = fence.number
        self._last_commit = fence.last_commit
        self._sessions = sessions
        self._gateways = gateways
        self._waiting: deque[Turn] = deque()
        self._unsaved = _Unsaved()
        self._promises: list[Answer] = []
        self._unqueued: dict[SessionId, int] = {}
        self._suspect: Suspect | None = None
        self._suspect_noted = trio.Event()
        self._work = trio.Event()
        self._finishing = False
        self._finished = trio.Event()

    def add(self, turn: Turn) -> None:
        """Release a turn as soon as it may be seen; at once if nothing has to be waited for. Never waits."""
        if turn.changes:
            self._unsaved.add(turn.changes)
        self._promises += turn.promises
        self._unqueued |= turn.unqueued
        if turn.needs_commit:
            self._work.set()
        if self.unprotected_since is None and (self._waiting or turn.needs_commit):
            self._waiting.append(turn)
        else:
            turn.release()

    async def note(self, suspect: Suspect) -> None:
        """Return once it is written down that this command is about to run, or nothing can be written. For one task.

        Cancellation: it may have been noted or not.
        """
        if self.unprotected_since is None:
            self._suspect, self._suspect_noted = suspect, trio.Event()
            self._work.set()
            await self._suspect_noted.wait()

    async def run(self) -> None:
        """Commit and release until everything that `finish` waits for is committed.

        Raises:
            CommitRefused: The database refused a commit for good. Unless play was unprotected, nobody has seen what it held.
            FencedOff: Another world has taken over.

        Cancellation: the outcome of a commit under way stays unknown; a following world finds out.
        """
        while not self._finishing or self._work.is_set():
            await self._work.wait()
            self._work = trio.Event()
            turns, promises, commit = len(self._waiting), self._promises, self._make_commit()
            self._promises = []
            await self._land(commit)
            if commit.suspect is not None:
                self._suspect_noted.set()
            self._protected_again()
            # Unless all were released unprotected meanwhile, these are the oldest that wait.
            for _ in range(min(turns, len(self._waiting))):
                self._waiting.popleft().release()
            self._release_plain()
            for promise in promises:
                promise.send()
        self._finished.set()

    async def finish(self) -> None:
        """Commit once more, everything that there is with every session and what it keeps, and end: this world has stopped cleanly.

        Nothing may be added after this. If cancelled, the commit goes on.
        """
        self._finishing = True
        self._work.set()
        await self._finished.wait()

    def _make_commit(self) -> Commit:
        sessions, ended = self._sessions.take_changed()
        if self._finishing:
            sessions = self._sessions.all_rows()
        unqueued, self._unqueued = self._unqueued, {}
        suspect, self._suspect = self._suspect, None
        ticks = [(gateway, tick) for gateway in self._gateways for tick in gateway.unacked.unstored()]
        ticks += [(gateway, tick) for turn in self._waiting for gateway, tick in turn.ticks]
        outbox = []
        for gateway, tick in ticks:
            if not gateway.forgotten:
                tick.stored = True
                gateway.stored = tick.number
                outbox.append(OutboxRow(gateway.id, gateway.epoch, tick.number, tick.bodies))
        return Commit(
            self._fence,
            self._last_commit + 1,
            self._unsaved.take(),
            sessions,
            ended,
            tuple(outbox),
            self._gateways.take_confirmed(),
            tuple(unqueued.items()),
            suspect,
            self._finishing,
        )

    async def _land(self, commit: Commit) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._lose_patience)
            await self._try_until_landed(commit)
            nursery.cancel_scope.cancel()
        self._last_commit = commit.number
        self.commits += 1

    async def _try_until_landed(self, commit: Commit) -> None:
        while True:
            try:
                await self._store.commit(commit)
            except StoreUnavailable:
                await trio.sleep(RETRY_INTERVAL)
            except StoreRefused as error:
                raise CommitRefused(f"The database refused what the world wanted to save: {error}") from error
            else:
                return

    async def _lose_patience(self) -> None:
        await trio.sleep(PATIENCE)
        self.unprotected_since = trio.current_time()
        _log.error(Event.WORLD_UNPROTECTED, reason=f"no commit for {PATIENCE:g} s")
        self._suspect_noted.set()
        while self._waiting:
            self._waiting.popleft().release()

    def _protected_again(self) -> None:
        if self.unprotected_since is not None:
            seconds = round(trio.current_time() - self.unprotected_since, 1)
            _log.warning(Event.WORLD_PROTECTED, seconds=seconds)
            self.unprotected_since = None
            self._work.set()  # what was released meanwhile is dirty

    def _release_plain(self) -> None:
        """Release what waited only for what has just been committed."""
        while self._waiting and not self._waiting[0].needs_commit:
            self._waiting.popleft().release()

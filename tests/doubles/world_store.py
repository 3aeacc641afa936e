"""The in-memory twin of the world's store: the same rules as PostgreSQL, and faults that a test can order.

`tests/process/test_world_store.py` holds both to one suite.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Sequence

import attrs
import trio

from wyld_rpc.messages import AccountId, EntityId, SessionId
from wyld_service.errors import StoreRefused, StoreUnavailable
from wyld_world.errors import FencedOff
from wyld_world.model.rows import CharacterRow, EntityRow
from wyld_world.sessions import SessionRow
from wyld_world.store import (
    Account,
    Commit,
    Fence,
    OutboxRow,
    QueuedCommand,
    SavedWorld,
    Suspect,
    WorldStore,
)


class Outcome(enum.Enum):
    """What becomes of one try of a commit."""

    LANDS = enum.auto()
    FAILS = enum.auto()
    """It is not written, and whoever tried learns that the database is away."""
    UNKNOWN = enum.auto()
    """It is written, but the answer is lost."""
    REFUSED = enum.auto()


@attrs.frozen
class Fault:
    """For one try of a commit: wait so many seconds, then this."""

    outcome: Outcome = Outcome.LANDS
    delay: float = 0.0


@attrs.define(eq=False)
class MemoryWorldStore(WorldStore):
    """A database in memory; several stores over one `tables` are several worlds on one database.

    Attributes:
        faults: Used up one for each try of a commit, first to last; afterwards every commit lands at once.
        away: While true, everything fails.
        reading: Seconds that it takes to read the queue of commands.
        commits: Those that landed.
        tries: How often a commit was tried.
    """

    fence: Fence = attrs.field(factory=lambda: Fence(0, 0))
    entities: dict[EntityId, EntityRow] = attrs.field(factory=dict)
    characters: dict[EntityId, CharacterRow] = attrs.field(factory=dict)
    accounts: dict[AccountId, Account] = attrs.field(factory=dict)
    logins: dict[AccountId, float] = attrs.field(factory=dict)
    sessions: dict[SessionId, SessionRow] = attrs.field(factory=dict)
    queue: dict[tuple[SessionId, int], str] = attrs.field(factory=dict)
    clean_fence: int = 0
    suspect: tuple[int, Suspect] | None = None
    outbox: dict[tuple[bytes, bytes, int], tuple[bytes, ...]] = attrs.field(factory=dict)
    faults: deque[Fault] = attrs.field(factory=deque)
    away: bool = False
    reading: float = 0.0
    commits: list[Commit] = attrs.field(factory=list)
    tries: int = 0

    async def take_over(self) -> Fence:
        await self._reach()
        self.fence = Fence(self.fence.number + 1, self.fence.last_commit)
        return self.fence

    async def load(self) -> SavedWorld:
        await self._reach()
        clean = self.clean_fence == self.fence.number - 1
        suspect = None
        if self.suspect is not None and self.suspect[0] == self.fence.number - 1 and not clean:
            suspect = self.suspect[1]
        return SavedWorld(
            tuple(self.entities.values()),
            tuple(self.characters.values()),
            frozenset(self.accounts),
            tuple(self.sessions.values()),
            tuple(OutboxRow(*key, bodies) for key, bodies in sorted(self.outbox.items())),
            self._queued(),
            clean,
            suspect,
        )

    async def read_queue(self, sessions: Sequence[SessionId]) -> tuple[QueuedCommand, ...]:
        await trio.sleep(self.reading)
        await self._reach()
        return tuple(row for row in self._queued() if row.session in sessions)

    def _queued(self) -> tuple[QueuedCommand, ...]:
        return tuple(QueuedCommand(*key, text) for key, text in sorted(self.queue.items()))

    async def commit(self, commit: Commit) -> None:
        self.tries += 1
        fault = self.faults.popleft() if self.faults else Fault()
        await trio.sleep(fault.delay)
        await self._reach()
        if fault.outcome is Outcome.FAILS:
            raise StoreUnavailable("The database is away.")
        if fault.outcome is Outcome.REFUSED:
            raise StoreRefused("The database refused: this test says so.")
        if self.fence == Fence(commit.fence, commit.number):
            return
        if self.fence != Fence(commit.fence, commit.number - 1):
            raise FencedOff("Another world has taken over this database, so this one ends.")
        self._check(commit)
        self._write(commit)
        if fault.outcome is Outcome.UNKNOWN:
            raise StoreUnavailable("The connection was lost.", in_doubt=True)

    async def find_account(self, name: str) -> Account | None:
        await self._reach()
        found = [account for account in self.accounts.values() if account.name.lower() == name.lower()]
        return found[0] if found else None

    async def add_account(self, account: Account) -> Account | None:
        known = await self.find_account(account.name)
        if known is None:
            self.accounts[account.id] = account
        return known

    async def note_login(self, account_id: AccountId, at: float, password_hash: str) -> None:
        await self._reach()
        self.accounts[account_id] = attrs.evolve(self.accounts[account_id], password_hash=password_hash)
        self.logins[account_id] = at

    async def _reach(self) -> None:
        await trio.lowlevel.checkpoint()
        if self.away:
            raise StoreUnavailable("The database is away.")

    def _check(self, commit: Commit) -> None:
        """The constraints of schema.sql."""
        entities, characters = self._after(commit)
        for row in entities.values():
            if row.container_id is not None and row.container_id not in entities:
                raise StoreRefused("The database refused: container_id.", sqlstate="23503")
        for character in characters.values():
            if character.entity_id not in entities or character.account_id not in self.accounts:
                raise StoreRefused("The database refused: account_id.", sqlstate="23503")
        if len({character.name.lower() for character in characters.values()}) < len(characters):
            raise StoreRefused("The database refused: characters_name_key.", sqlstate="23505")
        for row in commit.outbox:
            kept = (row.gateway_id, row.gateway_epoch, row.tick) in self.outbox
            if kept and not any(
                done.gateway_id == row.gateway_id
                and done.gateway_epoch == row.gateway_epoch
                and row.tick <= done.tick
                for done in commit.confirmed
            ):
                raise StoreRefused("The database refused: world_outbox_pkey.", sqlstate="23505")

    def _after(self, commit: Commit) -> tuple[dict[EntityId, EntityRow], dict[EntityId, CharacterRow]]:
        gone = frozenset(commit.changes.deleted)
        entities = {key: row for key, row in self.entities.items() if key not in gone}
        characters = {key: row for key, row in self.characters.items() if key not in gone}
        entities |= {row.id: row for row in commit.changes.upserts}
        characters |= {row.entity_id: row for row in commit.changes.characters}
        return entities, characters

    def _write(self, commit: Commit) -> None:
        self.fence = Fence(commit.fence, commit.number)
        self.entities, self.characters = self._after(commit)
        self.sessions |= {row.id: row for row in commit.sessions}
        for session in commit.ended:
            self.sessions.pop(session, None)
        for session, number in commit.unqueued:
            for key in [key for key in self.queue if key[0] == session and key[1] <= number]:
                del self.queue[key]
        if commit.suspect is not None:
            self.suspect = (commit.fence, commit.suspect)
        if commit.clean:
            self.clean_fence = commit.fence
        for done in commit.confirmed:
            for key in [key for key in self.outbox if key[:2] == (done.gateway_id, done.gateway_epoch)]:
                if key[2] <= done.tick:
                    del self.outbox[key]
        for row in commit.outbox:
            self.outbox[row.gateway_id, row.gateway_epoch, row.tick] = row.bodies
        self.commits.append(commit)

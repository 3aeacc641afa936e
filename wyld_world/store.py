"""What the database must do for the world. `postgres_store.PostgresStore` does it.

A commit cannot land twice, nor after another world has taken over: each carries the fence under which it was made and a number one above
the last commit's, and lands only where the database has exactly that fence and that last number. So a commit whose outcome is unknown
is simply tried again until it is known.

Every method may raise `StoreUnavailable` (try again later) and `StoreRefused` (do not), and may be called by several tasks at once,
except `take_over` and `commit`, whose only caller is one task. Cancellation leaves the outcome unknown and nothing else behind.
"""

from __future__ import annotations

import abc
from collections.abc import Sequence

import attrs

from wyld_rpc.messages import AccountId, SessionId
from wyld_world.gateways import Confirmed
from wyld_world.model.rows import Changes, CharacterRow, EntityRow
from wyld_world.sessions import SessionRow


@attrs.frozen
class Fence:
    """A world's claim to the database: the highest `number` wins. `last_commit` is where its commits go on from."""

    number: int
    last_commit: int


@attrs.frozen
class OutboxRow:
    """A tick that its gateway has not acknowledged. `bodies` are the bodies of its frames."""

    gateway_id: bytes
    gateway_epoch: bytes
    tick: int
    bodies: tuple[bytes, ...]


@attrs.frozen
class QueuedCommand:
    """A command that a gateway has put into the queue while it could not send it."""

    session: SessionId
    number: int
    text: str


@attrs.frozen
class Suspect:
    """The command that was about to run when a world ended uncleanly, in `ends` worlds in a row."""

    session: SessionId
    number: int
    ends: int


@attrs.frozen
class SavedWorld:
    """Everything durable; empty before the first start.

    Attributes:
        outbox: By life of a gateway, oldest first.
        queued: By session, in order.
        clean: Whether the world before this one has stopped in its own time.
        suspect: What was noted when it did not.
    """

    entities: tuple[EntityRow, ...] = ()
    characters: tuple[CharacterRow, ...] = ()
    accounts: frozenset[AccountId] = frozenset()
    sessions: tuple[SessionRow, ...] = ()
    outbox: tuple[OutboxRow, ...] = ()
    queued: tuple[QueuedCommand, ...] = ()
    clean: bool = True
    suspect: Suspect | None = None


@attrs.frozen
class Commit:
    """One transaction: what several turns changed, and the ticks that they made.

    Attributes:
        fence: Number of the world's fence.
        number: One more than the commit before it.
        changes: The durable world. Without any, a crash of the database server may lose the commit, not one of the world.
        sessions: Where the sessions that changed stand after the last of the turns.
        ended: Sessions that are over.
        outbox: Ticks to keep.
        confirmed: Ticks to delete.
        unqueued: Up to which number the queued commands of a session are done with.
        suspect: The command that runs next, if that might end the world.
        clean: Whether this is the last commit of a world that stops in its own time.
    """

    fence: int
    number: int
    changes: Changes
    sessions: tuple[SessionRow, ...] = ()
    ended: tuple[SessionId, ...] = ()
    outbox: tuple[OutboxRow, ...] = ()
    confirmed: tuple[Confirmed, ...] = ()
    unqueued: tuple[tuple[SessionId, int], ...] = ()
    suspect: Suspect | None = None
    clean: bool = False


@attrs.frozen
class Account:
    """A row of `accounts`. `name` is as its owner wrote it; names that differ only in case are the same."""

    id: AccountId
    name: str
    password_hash: str = attrs.field(repr=False)
    created: float


class WorldStore(abc.ABC):
    """The world's side of the database."""

    @abc.abstractmethod
    async def take_over(self) -> Fence:
        """Raise the fence, so that no commit of an earlier world can land any more."""

    @abc.abstractmethod
    async def load(self) -> SavedWorld:
        """Read everything durable; call it after `take_over`."""

    @abc.abstractmethod
    async def read_queue(self, sessions: Sequence[SessionId]) -> tuple[QueuedCommand, ...]:
        """The queued commands of some sessions, by session, in order."""

    @abc.abstractmethod
    async def commit(self, commit: Commit) -> None:
        """Return once this commit has landed, now or in an earlier try.

        Raises:
            FencedOff: Another world has taken over. This commit has not landed and never will.
        """

    @abc.abstractmethod
    async def find_account(self, name: str) -> Account | None:
        """The account of that name in any case."""

    @abc.abstractmethod
    async def add_account(self, account: Account) -> Account | None:
        """Create an account, or return the one that has its name already, whose id tells whether it is the same."""

    @abc.abstractmethod
    async def note_login(self, account_id: AccountId, at: float, password_hash: str) -> None:
        """Write the time of a login, and the hash as it should be from now on."""

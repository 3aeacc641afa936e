"""One session in memory: who it is, where it stands, and its two numberings.

Imports no trio. Ten thousand of these may be idle at once: they hold counters and references, and the window of commands
allocates nothing while it is empty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from wyld_gateway import limits
from wyld_gateway.adapter import ClientMetadata, Protocol
from wyld_gateway.sessions.lifecycle import IN_PLAY, STORED, Move, State, after
from wyld_rpc.errors import RemoteProtocolError
from wyld_rpc.messages import AccountId, EntityId, Json, SessionId
from wyld_rpc.numbering import SendWindow, Seq

if TYPE_CHECKING:
    from wyld_gateway.client import Client


@attrs.frozen
class SessionRow:
    """A session as its row in the database has it; a snapshot, safe to hand to a thread.

    Times are seconds since 1970. The columns are explained in `schema.sql`.
    """

    id: SessionId
    state: State
    protocol: Protocol
    client_addr: str
    metadata: Json
    account_id: AccountId | None
    entity_id: EntityId | None
    generation: int
    gateway_id: bytes
    gateway_epoch: bytes
    epoch: bytes
    created_at: float
    last_activity: float
    detached_at: float | None = None
    closed_at: float | None = None
    close_reason: str | None = None


@attrs.define(eq=False)
class Session:
    """A session that this gateway holds. Only the event loop's thread may use it.

    Its state changes only through `move`, and only `Registry` calls that.

    Attributes:
        generation: Rises with every attach; 0 until it is in play. Whatever goes to the world about it carries this number.
        epoch: Of the two numberings, given by the world when the session comes into play.
        commands: What was typed and not yet confirmed by the world; its numbers are those of the commands.
        sent: The last of those numbers that has left for the world over the link of now, or is done anyway.
        left: The last of those numbers that ever left this gateway, for the world or for the queue: it may have been carried out.
        queued: The last of those numbers that is in the queue, or is done anyway; counted while the world is away.
        safe: The last of those numbers that the client was told to be safe: nothing that dies takes it along.
        received: The last output, in the world's numbering, that came here.
        missed: Outputs that came while no client was there, as `wire.encode_output` makes them; None if there are none.
        client: The connection that is attached to it.
        last_activity: When its player last typed.
        touched_at: When its row last heard that it is alive.
    """

    id: SessionId
    protocol: Protocol
    client_addr: str
    created_at: float
    gateway_id: bytes
    gateway_epoch: bytes
    metadata: ClientMetadata = attrs.field(factory=ClientMetadata)
    state: State = State.CONNECTING
    generation: int = 0
    account_id: AccountId | None = None
    account: str = ""
    character_id: EntityId | None = None
    character: str = ""
    epoch: bytes = b""
    commands: SendWindow[str] = attrs.field(factory=lambda: SendWindow(limits.COMMANDS))
    sent: int = 0
    left: int = 0
    queued: int = 0
    safe: int = 0
    received: int = 0
    missed: SendWindow[bytes] | None = None
    client: Client | None = None
    last_activity: float = attrs.field(default=attrs.Factory(lambda self: self.created_at, takes_self=True))
    touched_at: float = 0.0
    detached_at: float | None = None
    closed_at: float | None = None
    close_reason: str | None = None

    @property
    def short_id(self) -> str:
        """How logs name the session; not enough to guess anything from."""
        return self.id.hex()[:8]

    @property
    def in_play(self) -> bool:
        return self.state in IN_PLAY

    @property
    def stored(self) -> bool:
        """Whether it has a row."""
        return self.state in STORED

    def number_from(self, epoch: bytes, applied: int) -> None:
        """Begin the numbering of commands where the world says that it stands. Outputs count themselves: the first ones may have
        come before this answer, or come after it."""
        self.epoch = epoch
        self.commands = SendWindow.resume(limits.COMMANDS, last=Seq(applied), acked=Seq(applied))
        self.sent = self.left = self.queued = self.safe = applied

    @property
    def in_flight(self) -> int:
        """How many commands are under way to the world over the link of now."""
        return self.sent - self.commands.acked

    @property
    def confirmed(self) -> int:
        """The last output that a client has; a client has what was handed to its connection."""
        return self.received if self.missed is None else self.missed.acked

    def applied(self, number: int) -> None:
        """All commands up to `number` are carried out.

        Raises:
            RemoteProtocolError: That one never left this gateway; nothing has changed.
        """
        if number > self.left:
            raise RemoteProtocolError(f"command {number} is confirmed, but {self.left} was the last one sent")
        self.commands.ack(number)
        self.sent = max(self.sent, number)

    def unsend(self) -> None:
        """The link is lost: whatever is not confirmed is to be sent again."""
        self.sent = self.queued = self.commands.acked

    def miss(self, number: int, encoded: bytes, now: float) -> None:
        """Keep an output that came while no client is there."""
        if self.missed is None:
            before = Seq(self.received)
            self.missed = SendWindow.resume(limits.OUTPUTS, last=before, acked=before)
        self.missed.hand_back(number, ((encoded, len(encoded)),), now)
        self.received = number

    def move(self, move: Move, now: float, reason: str | None = None) -> None:
        """Make a move of the table; `reason` tells why it is closed.

        Raises:
            IllegalMove: The table has no such move; nothing changed.
        """
        self.state = after(self.state, move)
        self.detached_at = now if self.state is State.DISCONNECTED else None
        if self.state is State.CLOSED:
            self.closed_at = now
            self.close_reason = reason

    def row(self) -> SessionRow:
        return SessionRow(
            id=self.id,
            state=self.state,
            protocol=self.protocol,
            client_addr=self.client_addr,
            metadata=_stored_metadata(self.metadata),
            account_id=self.account_id,
            entity_id=self.character_id,
            generation=self.generation,
            gateway_id=self.gateway_id,
            gateway_epoch=self.gateway_epoch,
            epoch=self.epoch,
            created_at=self.created_at,
            last_activity=self.last_activity,
            detached_at=self.detached_at,
            closed_at=self.closed_at,
            close_reason=self.close_reason,
        )


def _stored_metadata(metadata: ClientMetadata) -> Json:
    """What is known of the client, without what is not; a client's texts are shortened and cannot hold a NUL, which PostgreSQL
    refuses in a jsonb."""
    stored: Json = {}
    for name, value in attrs.asdict(metadata, recurse=False).items():
        if isinstance(value, str):
            value = _plain(value)
        elif isinstance(value, tuple):
            value = [_plain(item) for item in value]
        if value:
            stored[name] = value
    return stored


def _plain(text: str) -> str:
    return text[: limits.METADATA_TEXT].encode("utf-8", "replace").decode().replace("\0", "?")

"""The world's store in PostgreSQL, on top of `wyld_service.postgres`. The tables are in schema.sql.

A commit is one pipeline: every statement, COMMIT included, is sent before the first answer is read. So the row of `world_fence`, which
the first statement locks, is never held while this process thinks, is stopped, or dies half-way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID

from psycopg.types.json import Jsonb

from wyld_rpc.frames import Event, FrameDecoder, encode_event, pack_body, unpack_body
from wyld_rpc.messages import AccountId, EntityId, SessionId, Tick
from wyld_rpc.numbering import Epoch
from wyld_service.errors import StoreRefused
from wyld_service.postgres import Connection, Database
from wyld_world.errors import FencedOff
from wyld_world.gateways import Confirmed
from wyld_world.model.rows import Changes, CharacterRow, EntityKind, EntityRow
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

WORLD_LOCK: Final = 0x57594C44_574F524C
"""Of the advisory lock that every world holds while it lives: "WYLDWORL" as bytes."""

_DIVISION_BY_ZERO: Final = "22012"

# An UPDATE that finds no row is no error, and this one must end the transaction before anything else has happened.
_ADVANCE: Final = """
    WITH advanced AS (
        UPDATE world_fence SET last_commit = %(number)s WHERE fence = %(fence)s AND last_commit = %(number)s - 1 RETURNING 1
    )
    SELECT 1 / count(*) FROM advanced
"""

_UPSERT_ENTITY: Final = """
    INSERT INTO entities (id, kind, prototype, name, room, container_id, data) VALUES (%s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (id) DO UPDATE SET (name, room, container_id, data, updated_at)
        = (excluded.name, excluded.room, excluded.container_id, excluded.data, now())
"""
_UPSERT_CHARACTER: Final = """
    INSERT INTO characters
        (entity_id, account_id, name, race, class, attributes, description, metadata, created_at, last_played_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, to_timestamp(%s), to_timestamp(%s))
    ON CONFLICT (entity_id) DO UPDATE SET (attributes, description, metadata, last_played_at)
        = (excluded.attributes, excluded.description, excluded.metadata, excluded.last_played_at)
"""
_UPSERT_SESSION: Final = """
    INSERT INTO session_positions AS old
        (session_id, character_id, account_id, generation, epoch, applied, sent, gateway_id, gateway_epoch, detached_at, kept)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, CASE WHEN %s THEN now() END, %s)
    ON CONFLICT (session_id) DO UPDATE SET
        (generation, epoch, applied, sent, gateway_id, gateway_epoch, kept, updated_at, detached_at)
        = (excluded.generation, excluded.epoch, excluded.applied, excluded.sent, excluded.gateway_id, excluded.gateway_epoch,
           excluded.kept, now(), CASE WHEN excluded.detached_at IS NOT NULL THEN coalesce(old.detached_at, now()) END)
"""
_SELECT_QUEUE: Final = "SELECT session_id, number, command FROM session_command_queue"
_NOTE_SUSPECT: Final = """
    UPDATE world_fence SET suspect_fence = fence, suspect_session = %s, suspect_number = %s, suspect_ends = %s
"""
_ADD_ACCOUNT: Final = """
    INSERT INTO accounts (id, name, password_hash, created_at) VALUES (%s, %s, %s, to_timestamp(%s)) ON CONFLICT DO NOTHING
"""
_FIND_ACCOUNT: Final = """
    SELECT id, name, password_hash, extract(epoch FROM created_at)::float8 FROM accounts WHERE lower(name) = lower(%s)
"""


class PostgresStore(WorldStore):
    """See `WorldStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take_over(self) -> Fence:
        return await self._database.run(_take_over)

    async def load(self) -> SavedWorld:
        return await self._database.run(_load)

    async def read_queue(self, sessions: Sequence[SessionId]) -> tuple[QueuedCommand, ...]:
        return await self._database.run(_read_queue, sessions)

    async def commit(self, commit: Commit) -> None:
        try:
            await self._database.run(_commit, commit)
        except StoreRefused as error:
            if error.sqlstate != _DIVISION_BY_ZERO:
                raise
            fence = await self._database.run(_read_fence)
            if fence != Fence(commit.fence, commit.number):
                raise FencedOff("Another world has taken over this database, so this one ends.") from error

    async def find_account(self, name: str) -> Account | None:
        return await self._database.run(_find_account, name)

    async def add_account(self, account: Account) -> Account | None:
        return await self._database.run(_add_account, account)

    async def note_login(self, account_id: AccountId, at: float, password_hash: str) -> None:
        await self._database.run(_note_login, account_id, at, password_hash)


# ------------------------------------------------------------------ one transaction each, in a worker thread


def _uuid(raw: bytes | None) -> UUID | None:
    return None if raw is None else UUID(bytes=raw)


def _entity_id(raw: UUID | None) -> EntityId | None:
    return None if raw is None else EntityId(raw.bytes)


def _take_over(connection: Connection) -> Fence:
    row = connection.execute(
        "UPDATE world_fence SET fence = fence + 1 RETURNING fence, last_commit"
    ).fetchone()
    assert row is not None
    return Fence(*row)


def _read_fence(connection: Connection) -> Fence:
    row = connection.execute("SELECT fence, last_commit FROM world_fence").fetchone()
    assert row is not None
    return Fence(*row)


def _load(connection: Connection) -> SavedWorld:
    entities = connection.execute("SELECT id, kind, prototype, name, room, container_id, data FROM entities")
    characters = connection.execute(
        """
        SELECT entity_id, account_id, name, race, class, attributes, description, metadata,
            extract(epoch FROM created_at)::float8, extract(epoch FROM last_played_at)::float8
        FROM characters
        """
    )
    accounts = connection.execute("SELECT id FROM accounts")
    sessions = connection.execute(
        """
        SELECT session_id, character_id, account_id, generation, epoch, applied, sent, gateway_id, gateway_epoch,
            detached_at IS NOT NULL, kept
        FROM session_positions
        """
    )
    outbox = connection.execute(
        "SELECT gateway_id, gateway_epoch, tick, frame FROM world_outbox ORDER BY gateway_id, gateway_epoch, tick"
    )
    queued = connection.execute(f"{_SELECT_QUEUE} ORDER BY session_id, number")
    end = connection.execute(
        """
        SELECT clean_fence = fence - 1, suspect_fence = fence - 1, suspect_session, suspect_number, suspect_ends
        FROM world_fence
        """
    ).fetchone()
    assert end is not None
    clean, suspected, suspect, number, ends = end
    return SavedWorld(
        tuple(
            EntityRow(EntityId(key.bytes), EntityKind(kind), prototype, name, room, _entity_id(holder), data)
            for key, kind, prototype, name, room, holder, data in entities
        ),
        tuple(
            CharacterRow(EntityId(entity.bytes), AccountId(account.bytes), *rest)
            for entity, account, *rest in characters
        ),
        frozenset(AccountId(key.bytes) for (key,) in accounts),
        tuple(_session_row(*columns) for columns in sessions),
        tuple(
            OutboxRow(gateway.bytes, Epoch(bytes(epoch)), tick, _bodies(frame))
            for gateway, epoch, tick, frame in outbox
        ),
        _queued(queued),
        clean,
        Suspect(SessionId(suspect.bytes), number, ends) if suspected and not clean else None,
    )


def _session_row(
    key: UUID,
    character: UUID,
    account: UUID,
    generation: int,
    epoch: bytes,
    applied: int,
    sent: int,
    gateway: UUID | None,
    gateway_epoch: bytes | None,
    detached: bool,
    kept: bytes | None,
) -> SessionRow:
    home = None if gateway is None or gateway_epoch is None else (gateway.bytes, Epoch(bytes(gateway_epoch)))
    return SessionRow(
        SessionId(key.bytes),
        EntityId(character.bytes),
        AccountId(account.bytes),
        generation,
        Epoch(bytes(epoch)),
        applied,
        sent,
        home,
        detached,
        () if kept is None else tuple(unpack_body(kept)),
    )


def _bodies(frames: bytes) -> tuple[bytes, ...]:
    """The bodies of the tick's frames, which lie one behind the other."""
    decoder, bodies = FrameDecoder(), []
    decoder.receive_data(frames)
    while (frame := decoder.next_frame()) is not None:
        assert isinstance(frame, Event)
        bodies.append(pack_body(frame.body))
    return tuple(bodies)


def _queued(rows: Iterable[tuple[Any, ...]]) -> tuple[QueuedCommand, ...]:
    return tuple([QueuedCommand(SessionId(session.bytes), number, text) for session, number, text in rows])


def _read_queue(connection: Connection, sessions: Sequence[SessionId]) -> tuple[QueuedCommand, ...]:
    wanted = [_uuid(session) for session in sessions]
    query = f"{_SELECT_QUEUE} WHERE session_id = ANY(%s) ORDER BY session_id, number"
    return _queued(connection.execute(query, (wanted,)))


def _commit(connection: Connection, commit: Commit) -> None:
    with connection.pipeline():
        if not (commit.changes or commit.unqueued or commit.clean):
            # Only the death of the database server could lose it, and nothing in it is worth waiting for the disk.
            connection.execute("SET LOCAL synchronous_commit = off")
        connection.execute(_ADVANCE, {"fence": commit.fence, "number": commit.number})
        _write_changes(connection, commit.changes)
        _write_sessions(connection, commit)
        _write_outbox(connection, commit.confirmed, commit.outbox)
        if commit.unqueued:
            done = [(_uuid(session), number) for session, number in commit.unqueued]
            connection.cursor().executemany(
                "DELETE FROM session_command_queue WHERE session_id = %s AND number <= %s", done
            )
        if commit.suspect is not None:
            suspect = commit.suspect
            connection.execute(_NOTE_SUSPECT, (_uuid(suspect.session), suspect.number, suspect.ends))
        if commit.clean:
            connection.execute("UPDATE world_fence SET clean_fence = fence")
        connection.commit()


def _write_changes(connection: Connection, changes: Changes) -> None:
    # What is deleted first leaves its name free for what is created.
    if changes.deleted:
        connection.execute(
            "DELETE FROM entities WHERE id = ANY(%s)", ([_uuid(gone) for gone in changes.deleted],)
        )
    cursor = connection.cursor()
    if changes.upserts:
        cursor.executemany(_UPSERT_ENTITY, map(_entity_columns, changes.upserts))
    if changes.characters:
        cursor.executemany(_UPSERT_CHARACTER, map(_character_columns, changes.characters))


def _entity_columns(row: EntityRow) -> tuple[object, ...]:
    holder = _uuid(row.container_id)
    return _uuid(row.id), row.kind.value, row.prototype, row.name, row.room, holder, Jsonb(row.data)


def _character_columns(row: CharacterRow) -> tuple[object, ...]:
    return (
        _uuid(row.entity_id),
        _uuid(row.account_id),
        row.name,
        row.race,
        row.character_class,
        Jsonb(row.attributes),
        row.description,
        Jsonb(row.metadata),
        row.created,
        row.last_played,
    )


def _write_sessions(connection: Connection, commit: Commit) -> None:
    if commit.sessions:
        connection.cursor().executemany(_UPSERT_SESSION, map(_session_columns, commit.sessions))
    if commit.ended:
        ended = [_uuid(session) for session in commit.ended]
        connection.execute("DELETE FROM session_positions WHERE session_id = ANY(%s)", (ended,))


def _session_columns(row: SessionRow) -> tuple[object, ...]:
    gateway, gateway_epoch = (None, None) if row.home is None else row.home
    return (
        _uuid(row.id),
        _uuid(row.character_id),
        _uuid(row.account_id),
        row.generation,
        row.epoch,
        row.applied,
        row.sent,
        _uuid(gateway),
        gateway_epoch,
        row.detached,
        pack_body(list(row.kept)) if row.kept else None,
    )


def _write_outbox(
    connection: Connection, confirmed: Iterable[Confirmed], outbox: Iterable[OutboxRow]
) -> None:
    for done in confirmed:
        connection.execute(
            "DELETE FROM world_outbox WHERE gateway_id = %s AND gateway_epoch = %s AND tick <= %s",
            (_uuid(done.gateway_id), done.gateway_epoch, done.tick),
        )
    rows = [
        (
            _uuid(row.gateway_id),
            row.gateway_epoch,
            row.tick,
            b"".join(encode_event(Tick.KIND, body) for body in row.bodies),
        )
        for row in outbox
    ]
    if rows:
        connection.cursor().executemany(
            "INSERT INTO world_outbox (gateway_id, gateway_epoch, tick, frame) VALUES (%s, %s, %s, %s)", rows
        )


def _find_account(connection: Connection, name: str) -> Account | None:
    row = connection.execute(_FIND_ACCOUNT, (name,)).fetchone()
    return None if row is None else Account(AccountId(row[0].bytes), *row[1:])


def _add_account(connection: Connection, account: Account) -> Account | None:
    values = (_uuid(account.id), account.name, account.password_hash, account.created)
    added = connection.execute(_ADD_ACCOUNT, values).rowcount == 1
    return None if added else _find_account(connection, account.name)


def _note_login(connection: Connection, account_id: AccountId, at: float, password_hash: str) -> None:
    connection.execute(
        "UPDATE accounts SET last_login_at = to_timestamp(%s), password_hash = %s WHERE id = %s",
        (at, password_hash, _uuid(account_id)),
    )

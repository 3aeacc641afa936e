"""The rows of sessions in PostgreSQL.

Each method is one transaction in a worker thread (`wyld_service.postgres`). Statements of one transaction go out in a pipeline,
so that none waits for Python between them while it holds locks.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final
from uuid import UUID

from psycopg.types.json import Jsonb

from wyld_gateway.adapter import Protocol
from wyld_gateway.sessions.lifecycle import State
from wyld_gateway.sessions.session import SessionRow
from wyld_gateway.sessions.store import Displaced, Entry, QueuedCommands, SessionStore
from wyld_rpc.messages import AccountId, EntityId, SessionId
from wyld_service.errors import StoreRefused
from wyld_service.postgres import Connection, Database

_CREATE: Final = """
    INSERT INTO sessions (id, state, protocol, client_addr, metadata, account_id, entity_id, generation,
                          gateway_id, gateway_epoch, epoch, created_at, last_activity)
    VALUES (%(id)s, %(state)s, %(protocol)s, %(client_addr)s, %(metadata)s, %(account_id)s, %(entity_id)s, %(generation)s,
            %(gateway_id)s, %(gateway_epoch)s, %(epoch)s, to_timestamp(%(created_at)s), to_timestamp(%(last_activity)s))
    ON CONFLICT (id) DO NOTHING"""

_SELECT: Final = """
    SELECT id, state, protocol, client_addr, metadata, account_id, entity_id, generation, gateway_id, gateway_epoch, epoch,
           extract(epoch FROM created_at)::float8, extract(epoch FROM last_activity)::float8,
           extract(epoch FROM detached_at)::float8, extract(epoch FROM closed_at)::float8, close_reason
    FROM sessions"""

# Two logins of one character take turns here, on whatever gateways they are: the second one sees, and closes, the first.
_TAKE_TURN: Final = "SELECT FROM characters WHERE entity_id = %(entity_id)s FOR NO KEY UPDATE"

_DISPLACE: Final = """
    UPDATE sessions SET state = 'Closed', closed_at = to_timestamp(%(now)s), close_reason = 'replaced'
    WHERE entity_id = %(entity_id)s AND state IN ('Playing', 'Disconnected') AND id <> %(id)s
    RETURNING id, client_addr, extract(epoch FROM detached_at)::float8"""

_PLAY: Final = """
    UPDATE sessions SET state = 'Playing', entity_id = %(entity_id)s, metadata = %(metadata)s, detached_at = NULL,
        last_activity = to_timestamp(%(now)s), gateway_id = %(gateway_id)s, gateway_epoch = %(gateway_epoch)s,
        generation = 1 + (SELECT coalesce(max(generation), 0) FROM sessions WHERE entity_id = %(entity_id)s)
    WHERE id = %(id)s AND state <> 'Closed'
    RETURNING generation"""

_SAVE: Final = """
    UPDATE sessions SET state = %(state)s, metadata = %(metadata)s, client_addr = %(client_addr)s, epoch = %(epoch)s,
        last_activity = greatest(last_activity, to_timestamp(%(last_activity)s)),
        detached_at = to_timestamp(%(detached_at)s), closed_at = to_timestamp(%(closed_at)s), close_reason = %(close_reason)s
    WHERE id = %(id)s AND generation = %(generation)s AND state <> 'Closed'"""

# Locked, so that a session which is being taken over elsewhere is either still ours when this commits, or seen not to be.
_QUEUE: Final = """
    WITH given AS (
        SELECT * FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[], %s::text[]) AS given (session_id, generation, number, command)
    ), held AS (
        SELECT s.id FROM sessions s
        WHERE s.state <> 'Closed' AND (s.id, s.generation) IN (SELECT session_id, generation FROM given)
        ORDER BY s.id FOR SHARE
    ), inserted AS (
        INSERT INTO session_command_queue (session_id, number, command)
        SELECT session_id, number, command FROM given JOIN held ON held.id = session_id ORDER BY session_id, number
        ON CONFLICT (session_id, number) DO NOTHING
    )
    SELECT id FROM held"""

_TOUCH: Final = "UPDATE sessions SET last_activity = greatest(last_activity, to_timestamp(%s)) WHERE id = %s"

_EXPIRE: Final = """
    UPDATE sessions SET state = 'Closed', closed_at = to_timestamp(%(now)s), close_reason = 'expired'
    WHERE state = 'Disconnected' AND detached_at < to_timestamp(%(silent_since)s)
       OR state NOT IN ('Disconnected', 'Closed') AND last_activity < to_timestamp(%(silent_since)s)
    RETURNING id"""

_DELETE: Final = "DELETE FROM sessions WHERE state = 'Closed' AND closed_at < to_timestamp(%s)"


class PostgresSessionStore(SessionStore):
    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, row: SessionRow) -> None:
        await self._database.run(_execute, _CREATE, _parameters(row))

    async def load(self, session: SessionId) -> SessionRow | None:
        rows = await self._database.run(_select, f"{_SELECT} WHERE id = %s", (UUID(bytes=session),))
        return rows[0] if rows else None

    async def list_by_state(self, states: Collection[State]) -> list[SessionRow]:
        wanted = [state.value for state in states]
        return await self._database.run(
            _select, f"{_SELECT} WHERE state = ANY(%s) ORDER BY created_at, id", (wanted,)
        )

    async def begin_play(self, row: SessionRow, now: float) -> Entry:
        return await self._database.run(_begin_play, _parameters(row) | {"now": now})

    async def save(self, rows: Sequence[SessionRow]) -> None:
        await self._database.run(_execute_many, _SAVE, [_parameters(row) for row in rows])

    async def queue(self, commands: Sequence[QueuedCommands]) -> set[SessionId]:
        return await self._database.run(_queue, commands)

    async def touch(self, activity: Sequence[tuple[SessionId, float]]) -> None:
        # Sorted, so that two gateways which touch the same rows cannot wait for each other.
        await self._database.run(
            _execute_many, _TOUCH, sorted((when, UUID(bytes=session)) for session, when in activity)
        )

    async def expire(self, silent_since: float, now: float) -> list[SessionId]:
        return await self._database.run(_expire, {"silent_since": silent_since, "now": now})

    async def delete(self, closed_before: float) -> int:
        return await self._database.run(_execute, _DELETE, (closed_before,))


# Each of these runs in a worker thread, inside one transaction.


def _execute(connection: Connection, statement: str, parameters: Any) -> int:
    return connection.execute(statement, parameters).rowcount


def _execute_many(connection: Connection, statement: str, parameters: Sequence[Any]) -> None:
    connection.cursor().executemany(statement, parameters)


def _select(connection: Connection, query: str, parameters: Any) -> list[SessionRow]:
    return [_row(columns) for columns in connection.execute(query, parameters)]


def _begin_play(connection: Connection, parameters: dict[str, Any]) -> Entry:
    with connection.pipeline():
        connection.execute(_TAKE_TURN, parameters)
        displaced = connection.execute(_DISPLACE, parameters)
        playing = connection.execute(_PLAY, parameters)
    generation = playing.fetchone()
    if generation is None:
        raise StoreRefused("the session has been closed")
    return Entry(
        generation[0],
        tuple(Displaced(SessionId(uuid.bytes), addr, detached) for uuid, addr, detached in displaced),
    )


def _queue(connection: Connection, commands: Sequence[QueuedCommands]) -> set[SessionId]:
    rows = [
        (UUID(bytes=each.session), each.generation, number, text)
        for each in commands
        for number, text in enumerate(each.texts, each.first)
    ]
    columns = [list(column) for column in zip(*rows, strict=True)]
    return {SessionId(uuid.bytes) for (uuid,) in connection.execute(_QUEUE, columns)} if rows else set()


def _expire(connection: Connection, parameters: dict[str, Any]) -> list[SessionId]:
    return [SessionId(uuid.bytes) for (uuid,) in connection.execute(_EXPIRE, parameters)]


def _parameters(row: SessionRow) -> dict[str, Any]:
    return {
        "id": UUID(bytes=row.id),
        "state": row.state.value,
        "protocol": row.protocol.value,
        "client_addr": row.client_addr,
        "metadata": Jsonb(row.metadata),
        "account_id": row.account_id and UUID(bytes=row.account_id),
        "entity_id": row.entity_id and UUID(bytes=row.entity_id),
        "generation": row.generation,
        "gateway_id": UUID(bytes=row.gateway_id),
        "gateway_epoch": row.gateway_epoch,
        "epoch": row.epoch,
        "created_at": row.created_at,
        "last_activity": row.last_activity,
        "detached_at": row.detached_at,
        "closed_at": row.closed_at,
        "close_reason": row.close_reason,
    }


def _row(columns: tuple[Any, ...]) -> SessionRow:
    uuid, state, protocol, client_addr, metadata, account_id, entity_id, generation, gateway_id, *rest = (
        columns
    )
    gateway_epoch, epoch, *times, close_reason = rest
    created_at, last_activity, detached_at, closed_at = times
    return SessionRow(
        id=SessionId(uuid.bytes),
        state=State(state),
        protocol=Protocol(protocol),
        client_addr=client_addr,
        metadata=metadata,
        account_id=account_id and AccountId(account_id.bytes),
        entity_id=entity_id and EntityId(entity_id.bytes),
        generation=generation,
        gateway_id=gateway_id.bytes,
        gateway_epoch=bytes(gateway_epoch),
        epoch=bytes(epoch),
        created_at=created_at,
        last_activity=last_activity,
        detached_at=detached_at,
        closed_at=closed_at,
        close_reason=close_reason,
    )

"""One suite for both stores of sessions: PostgreSQL, and the twin in memory that other tests trust."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator

import attrs
import psycopg
import pytest
import trio
from doubles.session_store import MemorySessionStore

from wyld_gateway.adapter import Protocol
from wyld_gateway.sessions.lifecycle import State
from wyld_gateway.sessions.postgres_store import PostgresSessionStore
from wyld_gateway.sessions.session import SessionRow
from wyld_gateway.sessions.store import Displaced, QueuedCommands, SessionStore
from wyld_rpc.messages import AccountId, EntityId, SessionId
from wyld_service.errors import StoreRefused, StoreUnavailable
from wyld_service.postgres import open_database
from wyld_service.secret import Secret
from wyld_service.settings import StoreSettings

pytestmark = pytest.mark.process

NOW = 1_700_000_000.0
ACCOUNT = AccountId(b"account".ljust(16))
BRON, CATO = EntityId(b"bron".ljust(16)), EntityId(b"cato".ljust(16))


def add_characters(database_url: str) -> None:
    """What the world would have written."""
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO accounts (id, name, password_hash) VALUES (%s, 'ann', 'x')", (ACCOUNT.hex(),)
        )
        for entity, name in ((BRON, "Bron"), (CATO, "Cato")):
            connection.execute(
                "INSERT INTO entities (id, kind, name) VALUES (%s, 'character', %s)", (entity.hex(), name)
            )
            connection.execute(
                "INSERT INTO characters (entity_id, account_id, name, race, class) VALUES (%s, %s, %s, 'human', 'mage')",
                (entity.hex(), ACCOUNT.hex(), name),
            )


@pytest.fixture(params=["memory", "postgres"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[SessionStore]:
    if request.param == "memory":
        yield MemorySessionStore()
        return
    url: str = request.getfixturevalue("database_url")
    add_characters(url)
    async with open_database(request.getfixturevalue("store_settings"), application="test") as database:
        yield PostgresSessionStore(database)


def new_row(**changes: object) -> SessionRow:
    row = SessionRow(
        id=SessionId(secrets.token_bytes(16)),
        state=State.CHARACTER_SELECTION,
        protocol=Protocol.TELNET,
        client_addr="192.0.2.7:53124",
        metadata={"client_name": "Mudlet", "width": 100, "capabilities": ["naws"]},
        account_id=ACCOUNT,
        entity_id=None,
        generation=0,
        gateway_id=b"gateway".ljust(16),
        gateway_epoch=b"epoch..1",
        epoch=b"",
        created_at=NOW,
        last_activity=NOW,
    )
    return attrs.evolve(row, **changes)


async def playing(store: SessionStore, character: EntityId = BRON, now: float = NOW) -> SessionRow:
    """A session in play, as the store has it."""
    row = new_row(entity_id=character)
    await store.create(row)
    await store.begin_play(row, now)
    stored = await store.load(row.id)
    assert stored is not None
    return stored


async def test_created_row_is_loaded_as_it_was(store: SessionStore) -> None:
    row = new_row()

    await store.create(row)

    assert await store.load(row.id) == row


async def test_unknown_session_is_none(store: SessionStore) -> None:
    assert await store.load(SessionId(b"nobody".ljust(16))) is None


async def test_repeated_create_changes_nothing(store: SessionStore) -> None:
    row = new_row()
    await store.create(row)

    await store.create(attrs.evolve(row, client_addr="203.0.113.9:1"))

    assert await store.load(row.id) == row


async def test_sessions_are_listed_by_state_oldest_first(store: SessionStore) -> None:
    young, old = new_row(created_at=NOW + 1), new_row()
    for row in (young, old):
        await store.create(row)
    await playing(store)

    found = await store.list_by_state([State.CHARACTER_SELECTION])

    assert [row.id for row in found] == [old.id, young.id]
    assert await store.list_by_state([]) == []


async def test_session_in_play_has_its_character_and_a_generation(store: SessionStore) -> None:
    row = new_row(entity_id=BRON)
    await store.create(row)

    entry = await store.begin_play(row, NOW + 5)

    stored = await store.load(row.id)
    assert stored is not None
    assert (stored.state, stored.entity_id, stored.generation) == (State.PLAYING, BRON, entry.generation)
    assert stored.last_activity == NOW + 5
    assert entry.displaced == ()


async def test_second_session_of_a_character_closes_the_first_and_ranks_higher(store: SessionStore) -> None:
    first = await playing(store)
    row = new_row(entity_id=BRON)
    await store.create(row)

    entry = await store.begin_play(row, NOW + 60)

    assert entry.displaced == (Displaced(first.id, first.client_addr, None),)
    assert entry.generation > first.generation
    closed = await store.load(first.id)
    assert closed is not None
    assert (closed.state, closed.closed_at, closed.close_reason) == (State.CLOSED, NOW + 60, "replaced")


async def test_disconnected_session_is_closed_by_a_new_one_too(store: SessionStore) -> None:
    first = await playing(store)
    await store.save([attrs.evolve(first, state=State.DISCONNECTED, detached_at=NOW + 10)])
    row = new_row(entity_id=BRON)
    await store.create(row)

    entry = await store.begin_play(row, NOW + 60)

    assert entry.displaced == (Displaced(first.id, first.client_addr, NOW + 10),)


async def test_sessions_of_other_characters_stay(store: SessionStore) -> None:
    first = await playing(store, CATO)

    await playing(store, BRON)

    assert await store.load(first.id) == first


async def test_repeated_entry_ranks_higher_again(store: SessionStore) -> None:
    first = await playing(store)

    entry = await store.begin_play(first, NOW)

    assert entry.generation > first.generation
    assert entry.displaced == ()


async def test_closed_or_missing_session_cannot_enter_play(store: SessionStore) -> None:
    row = new_row(entity_id=BRON)
    with pytest.raises(StoreRefused):
        await store.begin_play(row, NOW)

    await store.create(row)
    await store.save([attrs.evolve(row, state=State.CLOSED, closed_at=NOW, close_reason="quit")])

    with pytest.raises(StoreRefused):
        await store.begin_play(row, NOW)


async def test_parallel_entries_leave_one_session_in_play(store: SessionStore) -> None:
    rows = [new_row(entity_id=BRON) for _ in range(10)]
    for row in rows:
        await store.create(row)
    generations = []

    async def enter(row: SessionRow) -> None:
        generations.append((await store.begin_play(row, NOW)).generation)

    async with trio.open_nursery() as nursery:
        for row in rows:
            nursery.start_soon(enter, row)

    (survivor,) = await store.list_by_state([State.PLAYING])
    assert survivor.generation == max(generations)
    assert len(set(generations)) == 10


async def test_saved_changes_are_there(store: SessionStore) -> None:
    row = await playing(store)
    changed = attrs.evolve(
        row,
        state=State.DISCONNECTED,
        detached_at=NOW + 7,
        epoch=b"epoch..9",
        client_addr="[2001:db8::7]:1",
        metadata={"client_name": "TinTin++"},
    )

    await store.save([changed])

    assert await store.load(row.id) == changed


async def test_row_of_another_generation_stays(store: SessionStore) -> None:
    old = await playing(store)
    await store.begin_play(old, NOW)
    current = await store.load(old.id)

    await store.save([attrs.evolve(old, state=State.DISCONNECTED, detached_at=NOW)])

    assert await store.load(old.id) == current


async def test_closed_row_stays_closed(store: SessionStore) -> None:
    first = await playing(store)
    await playing(store)
    closed = await store.load(first.id)

    await store.save([attrs.evolve(first, state=State.DISCONNECTED, detached_at=NOW)])

    assert await store.load(first.id) == closed


async def test_rows_that_are_gone_are_no_error(store: SessionStore) -> None:
    await store.save([new_row()])
    await store.touch([(SessionId(b"nobody".ljust(16)), NOW)])


def queued(request: pytest.FixtureRequest, store: SessionStore) -> list[tuple[bytes, int, str]]:
    """The commands that wait for the world, as it would find them."""
    if isinstance(store, MemorySessionStore):
        return sorted((session, number, text) for (session, number), text in store.queued.items())
    with psycopg.connect(request.getfixturevalue("database_url")) as connection:
        rows = connection.execute("SELECT session_id, number, command FROM session_command_queue").fetchall()
        return sorted((uuid.bytes, number, text) for uuid, number, text in rows)


async def test_queued_commands_of_several_sessions_are_there(request, store: SessionStore) -> None:
    bron, cato = await playing(store), await playing(store, CATO)

    held = await store.queue(
        [
            QueuedCommands(bron.id, bron.generation, 7, ("north", "say 'hé'")),
            QueuedCommands(cato.id, cato.generation, 1, ("",)),
        ]
    )

    assert held == {bron.id, cato.id}
    assert queued(request, store) == sorted(
        [(bron.id, 7, "north"), (bron.id, 8, "say 'hé'"), (cato.id, 1, "")]
    )


async def test_commands_queued_again_stay_as_they_are(request, store: SessionStore) -> None:
    bron = await playing(store)
    await store.queue([QueuedCommands(bron.id, bron.generation, 1, ("north",))])

    held = await store.queue([QueuedCommands(bron.id, bron.generation, 1, ("NORTH", "east"))])

    assert held == {bron.id}
    assert queued(request, store) == [(bron.id, 1, "north"), (bron.id, 2, "east")]


async def test_nothing_is_queued_for_a_session_of_another_generation_or_a_closed_one(
    request, store: SessionStore
) -> None:
    old = await playing(store)
    await store.begin_play(old, NOW)
    closed = await playing(store, CATO)
    await playing(store, CATO)
    unknown = SessionId(b"nobody".ljust(16))

    held = await store.queue(
        [QueuedCommands(session, 1, 1, ("north",)) for session in (old.id, closed.id, unknown)]
    )

    assert held == set()
    assert queued(request, store) == []


async def test_nothing_to_queue_is_no_error(store: SessionStore) -> None:
    assert await store.queue([]) == set()


async def test_touch_never_moves_a_time_back(store: SessionStore) -> None:
    row = new_row()
    await store.create(row)

    await store.touch([(row.id, NOW + 50)])
    await store.touch([(row.id, NOW + 20)])
    await store.save([row])

    stored = await store.load(row.id)
    assert stored is not None
    assert stored.last_activity == NOW + 50


async def test_only_what_was_silent_for_long_expires(store: SessionStore) -> None:
    alive, silent, detached = (
        await playing(store),
        new_row(last_activity=NOW - 100),
        await playing(store, CATO),
    )
    await store.create(silent)
    await store.touch([(detached.id, NOW + 100)])
    await store.save([attrs.evolve(detached, state=State.DISCONNECTED, detached_at=NOW - 50)])

    expired = await store.expire(NOW - 10, NOW)

    assert set(expired) == {silent.id, detached.id}
    assert await store.load(alive.id) == alive
    stored = await store.load(silent.id)
    assert stored is not None
    assert (stored.state, stored.close_reason, stored.closed_at) == (State.CLOSED, "expired", NOW)
    assert await store.expire(NOW - 10, NOW) == []


async def test_old_closed_rows_are_deleted(store: SessionStore) -> None:
    old, young, alive = new_row(), new_row(), new_row()
    for row in (old, young, alive):
        await store.create(row)
    await store.save([attrs.evolve(old, state=State.CLOSED, closed_at=NOW - 100, close_reason="quit")])
    await store.save([attrs.evolve(young, state=State.CLOSED, closed_at=NOW, close_reason="quit")])

    deleted = await store.delete(NOW - 10)

    assert deleted == 1
    assert await store.load(old.id) is None
    assert await store.load(young.id) is not None


async def test_database_that_is_away_is_unavailable(pg_proxy, store_settings: StoreSettings) -> None:
    settings = attrs.evolve(store_settings, url=Secret(pg_proxy.url), connect_timeout=2.0)
    async with open_database(settings, application="test") as database:
        store = PostgresSessionStore(database)
        row = new_row(account_id=None)
        await store.create(row)
        await pg_proxy.refuse()

        with pytest.raises(StoreUnavailable):
            await store.load(row.id)

        pg_proxy.restore()
        assert await store.load(row.id) == row

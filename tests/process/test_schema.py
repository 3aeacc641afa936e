"""`schema.sql` and how it is applied, against a real server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
import trio

from wyld_service.errors import SchemaTooNew
from wyld_service.postgres import open_database
from wyld_service.schema import Schema, apply_schema, find_schema
from wyld_service.secret import Secret
from wyld_service.settings import StoreSettings

pytestmark = pytest.mark.process

Connection = psycopg.Connection[tuple[Any, ...]]

_SHAPE = """
    SELECT table_name, column_name, data_type, is_nullable, column_default
    FROM information_schema.columns WHERE table_schema = 'public'
    UNION ALL
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), '', ''
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL
    SELECT tablename, indexname, indexdef, '', '' FROM pg_indexes WHERE schemaname = 'public'
    ORDER BY 1, 2, 3
"""


def _shape(url: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(_SHAPE).fetchall()


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


async def test_an_empty_database_gets_the_whole_schema(empty_database_url: str, database_url: str) -> None:
    async with open_database(StoreSettings(url=Secret(empty_database_url)), application="test") as database:
        assert await apply_schema(database) == 0

    assert _shape(empty_database_url) == _shape(database_url)


async def test_applying_it_again_changes_nothing(empty_database_url: str) -> None:
    async with open_database(StoreSettings(url=Secret(empty_database_url)), application="test") as database:
        await apply_schema(database)
        before = _shape(empty_database_url)

        assert await apply_schema(database) == Schema.parse(find_schema().read_text()).version

    assert _shape(empty_database_url) == before


def test_the_file_as_a_whole_may_run_twice(empty_database_url: str) -> None:
    text = find_schema().read_bytes()
    with psycopg.connect(empty_database_url) as connection:
        connection.execute(text)
    before = _shape(empty_database_url)

    with psycopg.connect(empty_database_url) as connection:
        connection.execute(text)
        fences = connection.execute("SELECT fence, last_commit FROM world_fence").fetchall()

    assert _shape(empty_database_url) == before
    assert fences == [(0, 0)]


async def test_many_may_apply_it_at_once(empty_database_url: str) -> None:
    versions: list[int] = []

    async def apply() -> None:
        async with open_database(settings, application="test") as database:
            versions.append(await apply_schema(database))

    settings = StoreSettings(url=Secret(empty_database_url))
    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(apply)

    assert sorted(versions) == [0, 2, 2, 2]


async def test_a_newer_database_is_refused_untouched(store_settings: StoreSettings) -> None:
    async with open_database(store_settings, application="test") as database:
        await database.run(lambda c: c.execute("INSERT INTO schema_version VALUES (99)"))

        with pytest.raises(SchemaTooNew, match=r"version 99 .* knows only 2"):
            await apply_schema(database)


async def test_only_migrations_above_the_present_version_run(store_settings: StoreSettings) -> None:
    text = find_schema().read_text() + (
        "\n-- migration 3\nCREATE TABLE later (id integer);\nINSERT INTO schema_version VALUES (3);\n"
    )
    async with open_database(store_settings, application="test") as database:
        assert await apply_schema(database, Schema.parse(text)) == 2
        assert await apply_schema(database, Schema.parse(text)) == 3
        assert await database.run(lambda c: c.execute("SELECT * FROM later").fetchall()) == []


async def test_a_migration_that_fails_leaves_the_old_version(store_settings: StoreSettings) -> None:
    text = find_schema().read_text() + "\n-- migration 3\nCREATE TABLE later (id integer);\nSELECT 1 / 0;\n"
    async with open_database(store_settings, application="test") as database:
        with pytest.raises(Exception, match="division by zero"):
            await apply_schema(database, Schema.parse(text))

        assert await apply_schema(database) == 2
        assert await database.run(lambda c: c.execute("SELECT to_regclass('later')").fetchone()) == (None,)


def _entity(connection: Connection, kind: str = "character", **columns: Any) -> UUID:
    identity = uuid4()
    _insert(connection, "entities", id=identity, kind=kind, name="Ayla", **columns)
    return identity


def _session(connection: Connection, state: str, **columns: Any) -> UUID:
    identity = uuid4()
    values = {"id": identity, "state": state, "protocol": "telnet", "client_addr": "192.0.2.1:5000"} | columns
    _insert(connection, "sessions", **values)
    return identity


def _insert(connection: Connection, table: str, **columns: Any) -> None:
    names = ", ".join(columns)
    places = ", ".join(["%s"] * len(columns))
    connection.execute(f"INSERT INTO {table} ({names}) VALUES ({places})".encode(), list(columns.values()))


@pytest.mark.parametrize("state", ["Connecting", "Authenticating", "CharacterSelection", "Playing"])
def test_a_session_is_in_one_of_six_states(connection: Connection, state: str) -> None:
    _session(connection, state, entity_id=_entity(connection))
    _session(connection, "Disconnected", entity_id=_entity(connection), detached_at="now")
    _session(connection, "Closed", closed_at="now")

    for wrong in ("playing", "Gone", ""):
        with pytest.raises(psycopg.errors.CheckViolation, match="sessions_state"):
            _session(connection, wrong)


def test_a_session_speaks_one_of_two_protocols(connection: Connection) -> None:
    _session(connection, "Connecting", protocol="websocket")

    with pytest.raises(psycopg.errors.CheckViolation, match="sessions_protocol"):
        _session(connection, "Connecting", protocol="gopher")


@pytest.mark.parametrize(
    ("state", "columns", "constraint"),
    [
        ("Playing", {}, "sessions_live_has_character"),
        ("Disconnected", {"detached_at": "now"}, "sessions_live_has_character"),
        ("Closed", {}, "sessions_closed_since"),
        ("Connecting", {"closed_at": "now"}, "sessions_closed_since"),
        ("Connecting", {"token_hash": b"short"}, "token_hash"),
        ("Connecting", {"generation": -1}, "generation"),
    ],
)
def test_a_session_row_that_contradicts_itself_is_refused(
    connection: Connection, state: str, columns: dict[str, Any], constraint: str
) -> None:
    with pytest.raises(psycopg.errors.CheckViolation, match=constraint):
        _session(connection, state, **columns)


def test_a_detached_session_says_since_when(connection: Connection) -> None:
    with pytest.raises(psycopg.errors.CheckViolation, match="sessions_detached_since"):
        _session(connection, "Disconnected", entity_id=_entity(connection))


@pytest.mark.parametrize("first", ["Playing", "Disconnected"])
@pytest.mark.parametrize("second", ["Playing", "Disconnected"])
def test_p14_two_live_sessions_of_one_character_are_impossible(
    connection: Connection, first: str, second: str
) -> None:
    character = _entity(connection)
    live = _session(connection, first, entity_id=character, detached_at="now")

    with pytest.raises(psycopg.errors.UniqueViolation, match="sessions_one_live_per_character"):
        _session(connection, second, entity_id=character, detached_at="now")

    connection.execute("UPDATE sessions SET state = 'Closed', closed_at = now() WHERE id = %s", (live,))
    _session(connection, second, entity_id=character, detached_at="now")


def test_a_thing_is_in_at_most_one_place(connection: Connection) -> None:
    bag = _entity(connection, "item", room="square")
    _entity(connection, "item", container_id=bag)
    _entity(connection, "item")

    with pytest.raises(psycopg.errors.CheckViolation, match="entities_one_place"):
        _entity(connection, "item", room="square", container_id=bag)
    with pytest.raises(psycopg.errors.CheckViolation, match="entities_not_in_itself"):
        connection.execute("UPDATE entities SET room = NULL, container_id = id WHERE id = %s", (bag,))
    with pytest.raises(psycopg.errors.CheckViolation, match="entities_kind"):
        _entity(connection, "dragon")


def test_one_commit_may_hold_contents_before_their_container(connection: Connection) -> None:
    bag = uuid4()
    with connection.transaction():
        _entity(connection, "item", container_id=bag)
        _insert(connection, "entities", id=bag, kind="item", name="a bag", room="square")

    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        _entity(connection, "item", container_id=uuid4())


def _account(connection: Connection, name: str) -> UUID:
    identity = uuid4()
    _insert(connection, "accounts", id=identity, name=name, password_hash="$argon2id$")
    return identity


def test_names_are_unique_whatever_their_case(connection: Connection) -> None:
    def character(name: str) -> None:
        columns = {"name": name, "race": "human", "class": "bard", "account_id": account}
        _insert(connection, "characters", entity_id=_entity(connection), **columns)

    account = _account(connection, "Ayla")
    character("Ayla")

    with pytest.raises(psycopg.errors.UniqueViolation, match="accounts_name_key"):
        _account(connection, "aYLA")
    with pytest.raises(psycopg.errors.UniqueViolation, match="characters_name_key"):
        character("AYLA")


def test_the_world_may_delete_a_character_whatever_gateways_wrote(connection: Connection) -> None:
    character = _entity(connection)
    session = _session(connection, "Disconnected", entity_id=character, detached_at="now")
    _insert(connection, "session_command_queue", session_id=session, number=1, command="look")

    connection.execute("DELETE FROM entities WHERE id = %s", (character,))

    assert connection.execute("SELECT count(*) FROM sessions").fetchone() == (0,)
    assert connection.execute("SELECT count(*) FROM session_command_queue").fetchone() == (0,)


def test_a_queued_command_has_its_number_once(connection: Connection) -> None:
    session = _session(connection, "Connecting")
    _insert(connection, "session_command_queue", session_id=session, number=1, command="look")

    with pytest.raises(psycopg.errors.UniqueViolation, match="session_command_queue_number"):
        _insert(connection, "session_command_queue", session_id=session, number=1, command="look")
    with pytest.raises(psycopg.errors.CheckViolation):
        _insert(connection, "session_command_queue", session_id=session, number=0, command="look")
    with pytest.raises(psycopg.errors.CheckViolation):
        _insert(connection, "session_command_queue", session_id=session, number=2, command="x" * 65537)


def test_positions_need_no_session_row(connection: Connection) -> None:
    _insert(
        connection,
        "session_positions",
        session_id=uuid4(),
        account_id=uuid4(),
        character_id=uuid4(),
        generation=1,
        epoch=b"12345678",
        applied=0,
        sent=0,
    )


def test_there_is_one_fence(connection: Connection) -> None:
    assert connection.execute("SELECT fence, last_commit FROM world_fence").fetchall() == [(0, 0)]

    with pytest.raises(psycopg.errors.UniqueViolation):
        connection.execute("INSERT INTO world_fence DEFAULT VALUES")
    with pytest.raises(psycopg.errors.CheckViolation):
        connection.execute("INSERT INTO world_fence (singleton) VALUES (false)")

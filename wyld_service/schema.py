"""Brings the database to the shape of `schema.sql`; that file's head explains how it is written.

`schema.sql` stands at the root of the source tree and is built into the package's folder in a wheel.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import attrs

from wyld_service.errors import SchemaTooNew
from wyld_service.log import Event, get_logger
from wyld_service.postgres import Connection, Database

LOCK_KEY: Final = 0x57594C44_53434845
"""Of the advisory lock under which the schema is applied: "WYLDSCHE" as bytes."""

_PACKAGE: Final = Path(__file__).parent
_MIGRATION: Final = re.compile(r"^-- migration ([0-9]+)$", re.MULTILINE)

_log = get_logger()


@attrs.frozen
class Schema:
    """The text of `schema.sql`: what comes before the first migration, and the migrations by number."""

    preamble: str
    migrations: dict[int, str]

    @classmethod
    def parse(cls, text: str) -> Schema:
        """Split the text at its `-- migration N` lines, which must count 1, 2, 3 and so on."""
        preamble, *parts = _MIGRATION.split(text)
        numbers = [int(number) for number in parts[::2]]
        if not numbers or numbers != list(range(1, len(numbers) + 1)):
            raise ValueError(f"migrations must be numbered 1, 2, 3, ...; found {numbers}")
        return cls(preamble, dict(zip(numbers, parts[1::2], strict=True)))

    @property
    def version(self) -> int:
        """The version of a database to which all of it was applied."""
        return max(self.migrations)


def find_schema(package: Path = _PACKAGE) -> Path:
    """`schema.sql` beside the modules of `package`, as a wheel has it, or in the folder above, as the source tree.

    Raises:
        FileNotFoundError: It is in neither.
    """
    for folder in (package, package.parent):
        if (folder / "schema.sql").is_file():
            return folder / "schema.sql"
    raise FileNotFoundError(f"schema.sql is neither in {package} nor in {package.parent}")


async def apply_schema(database: Database, schema: Schema | None = None) -> int:
    """Bring the database to the version of this code; return the version that it had before, 0 for an empty one.

    Any number of processes may do this at the same time: an advisory lock lets one after the other. All of it is one
    transaction, so cancellation or a loss of the connection leaves the old version.

    Args:
        database: Where to.
        schema: What instead of `schema.sql`.

    Raises:
        SchemaTooNew: A newer release has been here; nothing was changed.
        StoreUnavailable, StoreRefused: As `Database.run`.
    """
    if schema is None:
        schema = Schema.parse(find_schema().read_text(encoding="utf-8"))
    before = await database.run(_apply, schema)
    if before < schema.version:
        _log.info(Event.STORE_SCHEMA, before=before, after=schema.version)
    return before


def _apply(connection: Connection, schema: Schema) -> int:
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK_KEY,))
    before = _version(connection)
    if before > schema.version:
        raise SchemaTooNew(
            f"The database has version {before} of the schema and this release knows only {schema.version}: "
            "install the release that it was used with last, or restore a backup."
        )
    pending = [text for number, text in schema.migrations.items() if number > before]
    for text in [schema.preamble, *pending] if pending else []:
        connection.execute(text.encode())
    return before


def _version(connection: Connection) -> int:
    row = connection.execute("SELECT to_regclass('schema_version')").fetchone()
    if row == (None,):
        return 0
    row = connection.execute("SELECT coalesce(max(version), 0) FROM schema_version").fetchone()
    assert row is not None
    return int(row[0])

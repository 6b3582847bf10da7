"""Applies the numbered files in `migrations/` to the database, each once, in order.

A migration that has been released must never change.
"""

import re
from dataclasses import dataclass
from importlib.resources import files

from herdbook.errors import ConfigurationError
from herdbook.record.database import Connection, Database

# Any constant that no other program uses: "herd" in ASCII. It makes concurrent migrations take turns.
_ADVISORY_LOCK = 0x68657264
_FILE_NAME = re.compile(r"(\d{4})_(\w+)\.sql")
_OLDEST_SERVER = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One numbered step of the schema."""

    version: int
    name: str
    sql: str


def known_migrations() -> list[Migration]:
    """The migrations inside this package, in order."""
    found = [
        Migration(version=int(match[1]), name=match[2], sql=file.read_text(encoding="utf-8"))
        for file in files(__package__).joinpath("migrations").iterdir()
        if (match := _FILE_NAME.fullmatch(file.name))
    ]
    return sorted(found, key=lambda migration: migration.version)


async def migrate(database: Database) -> list[Migration]:
    """Apply missing migrations in one transaction; returns those applied.

    Raises ConfigurationError if the server is too old or the schema is newer than this program.
    """
    async with database.transaction() as connection:
        await _check_server(connection)
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _ADVISORY_LOCK)
        await connection.execute("CREATE SCHEMA IF NOT EXISTS herdbook")
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS herdbook.migrations "
            "(version integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        missing = await _missing(connection)
        for migration in missing:
            await connection.execute(migration.sql)
            await connection.execute(
                "INSERT INTO herdbook.migrations (version, name) VALUES ($1, $2)",
                migration.version,
                migration.name,
            )
    return missing


async def pending_migrations(connection: Connection) -> list[Migration]:
    """The migrations missing from this database; raises ConfigurationError if it is newer than this program."""
    if await connection.fetchval("SELECT to_regclass('herdbook.migrations')") is None:
        return known_migrations()
    return await _missing(connection)


async def _missing(connection: Connection) -> list[Migration]:
    applied = {row["version"] for row in await connection.fetch("SELECT version FROM herdbook.migrations")}
    known = known_migrations()
    newer = applied - {migration.version for migration in known}
    if newer:
        raise ConfigurationError(f"the record's schema (version {max(newer)}) is newer than this program: upgrade it")
    return [migration for migration in known if migration.version not in applied]


async def _check_server(connection: Connection) -> None:
    version = connection.get_server_version()
    if version.major < _OLDEST_SERVER:
        raise ConfigurationError(f"PostgreSQL {version.major} is too old: Herdbook needs {_OLDEST_SERVER} or newer")

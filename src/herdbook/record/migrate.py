"""Brings the tables up to date while programs use them: each migration is a unit of its own.

A migration that has been released must never change.
"""

import asyncio
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from herdbook.errors import MigrationError
from herdbook.record.database import UNAVAILABLE, Connection, Database, raises_record_unavailable
from herdbook.record.schema import Migration, SchemaState, compare_schema
from herdbook.record.sql import statement
from herdbook.service import log, pause_after

# Any constant that no other program uses: "herd" in ASCII. It makes concurrent migrations take turns.
_ADVISORY_LOCK = 0x68657264
_OLDEST_SERVER = 14
# Milliseconds to wait for a lock. Meanwhile whoever comes next to that table waits behind us; but PostgreSQL only
# interrupts an autovacuum that is in our way after `deadlock_timeout`, one second unless set.
_LOCK_TIMEOUT = 2_000
# Seconds to leave the table to its users before trying again, doubled each time, up to the longest.
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 30.0
_IN_THE_WAY = (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError)


async def migrate(database: Database, *, contract: bool = False) -> list[Migration]:
    """Apply missing migrations, one after the other; returns those applied.

    Contracts are applied with `contract`, once no older version runs, or if the database is empty. It waits as long as
    it takes for other migrators, and for transactions that lock what a migration changes. Raises MigrationError,
    leaving what was applied before, or RecordUnavailableError.
    """
    connection = await database.migration_connection()
    try:
        with raises_record_unavailable():
            _check_server(connection)
            await _take_turn(connection)
            return await _apply_missing(connection, contract=contract)
    finally:
        # Ends our turn too.
        await connection.close(timeout=1)


async def _take_turn(connection: Connection) -> None:
    """Wait until no other process migrates.

    Not inside a statement: its snapshot would keep the other one's CREATE INDEX CONCURRENTLY waiting, and that us.
    """
    looks = 0
    while not await connection.fetchval(statement("try_session_lock"), _ADVISORY_LOCK):
        looks += 1
        if looks == 1:
            log.info("waiting for another process that migrates")
        await asyncio.sleep(pause_after(looks))


async def _apply_missing(connection: Connection, *, contract: bool) -> list[Migration]:
    state = await compare_schema(connection)
    if state.too_new is not None and (mismatch := state.mismatch()):
        raise MigrationError(str(mismatch))
    if state.is_empty:
        await _create_migrations(connection)
    chosen = state.missing if contract or state.is_empty else _before_contracts(state)
    for migration in chosen:
        started = time.monotonic()
        log.info("migrating", migration=str(migration))
        await _apply(connection, migration)
        log.info("migrated", migration=str(migration), seconds=round(time.monotonic() - started, 3))
    if len(chosen) < len(state.needed):
        raise MigrationError(
            f"older versions cannot work after migration {state.contracts[0]}, which comes next: stop them, then run "
            "`herdbook migrate --contract`"
        )
    return list(chosen)


def _before_contracts(state: SchemaState) -> list[Migration]:
    """The missing migrations before the first contract. What follows may rely on it."""
    end = next((index for index, one in enumerate(state.missing) if one.is_contract), len(state.missing))
    return list(state.missing[:end])


async def _create_migrations(connection: Connection) -> None:
    async with connection.transaction():
        await connection.execute("CREATE SCHEMA IF NOT EXISTS herdbook")
        await connection.execute(statement("create_migrations"))


async def _apply(connection: Connection, migration: Migration) -> None:
    """Apply a migration, as often as something is in its way."""
    failures = 0
    while True:
        try:
            with _names_migration(migration):
                await _run(connection, migration)
                return
        except _IN_THE_WAY as error:
            failures += 1
            log.warning("migration waits", migration=str(migration), error=str(error), **await _holder(connection))
        pause = min(_FIRST_PAUSE * 2 ** min(failures - 1, 10), _LONGEST_PAUSE)
        await asyncio.sleep(pause * random.uniform(0.5, 1.0))


async def _run(connection: Connection, migration: Migration) -> None:
    if migration.in_transaction:
        await _limit_lock_waits(connection, _LOCK_TIMEOUT)
        async with connection.transaction():
            await connection.execute(migration.sql)
            await _insert(connection, migration)
        return
    # What runs outside a transaction takes no lock that others queue behind, and may wait for old transactions.
    await _limit_lock_waits(connection, 0)
    for one in migration.statements:
        await connection.execute(one)
    await _insert(connection, migration)


async def _limit_lock_waits(connection: Connection, milliseconds: int) -> None:
    await connection.fetchval("SELECT set_config('lock_timeout', $1, false)", str(milliseconds))


async def _insert(connection: Connection, migration: Migration) -> None:
    if migration.is_contract:
        await connection.execute(statement("insert_contract"), migration.version, migration.name)
    else:
        # Also works before the migration that adds `is_contract`.
        await connection.execute(statement("insert_migration"), migration.version, migration.name)


async def _holder(connection: Connection) -> dict[str, object]:
    """The process with the oldest transaction that holds a lock on one of our tables: most likely that in our way."""
    found = await connection.fetchrow(statement("read_oldest_lock_holder"))
    return dict(found) if found else {}


@contextmanager
def _names_migration(migration: Migration) -> Iterator[None]:
    """Name the migration in errors that repeating it will not mend."""
    try:
        yield
    except (*_IN_THE_WAY, *UNAVAILABLE):
        raise
    except asyncpg.PostgresError as error:
        raise MigrationError(
            f"migration {migration} failed: {error} (those before it are applied; `herdbook migrate` continues here)"
        ) from error


def _check_server(connection: Connection) -> None:
    version = connection.get_server_version()
    if version.major < _OLDEST_SERVER:
        raise MigrationError(f"PostgreSQL {version.major} is too old: Herdbook needs {_OLDEST_SERVER} or newer")

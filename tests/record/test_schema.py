"""A program only works with tables that fit its version, and says what to do otherwise."""

import pytest

from herdbook.errors import RecordUnavailableError
from herdbook.record.database import Database
from herdbook.record.reads import read_stats
from herdbook.record.schema import SchemaMismatchError, known_migrations
from tests.databases import DatabasePool

OLDER = "DELETE FROM herdbook.migrations WHERE version = 9"
WIDER = "INSERT INTO herdbook.migrations VALUES (9998, 'expanded', now(), false)"
NEWER = "INSERT INTO herdbook.migrations VALUES (9999, 'contracted', now(), true)"
MISSING = "^1 migration is missing: run `herdbook migrate`$"
TOO_NEW = r"^the tables are too new for this version of Herdbook \(migration 9999\): upgrade it$"


async def change(database: Database, sql: str) -> None:
    async with database.connection(any_schema=True) as connection:
        await connection.execute(sql)


@pytest.mark.parametrize(("sql", "says", "too_new"), [(OLDER, MISSING, False), (NEWER, TOO_NEW, True)])
async def test_tables_of_another_version_are_not_used(database: Database, sql: str, says: str, too_new: bool) -> None:
    await change(database, sql)
    with pytest.raises(SchemaMismatchError, match=says) as raised:
        async with database.connection():
            pass
    assert raised.value.too_new is too_new
    with pytest.raises(SchemaMismatchError, match=says):
        async with database.transaction():
            pass
    with pytest.raises(SchemaMismatchError, match=says):
        await database.outbox_connection()


async def test_tables_from_before_contracts_are_older(database: Database) -> None:
    await change(database, OLDER)
    await change(database, "ALTER TABLE herdbook.migrations DROP COLUMN is_contract")
    with pytest.raises(SchemaMismatchError, match=MISSING):
        async with database.connection():
            pass


async def test_tables_that_a_newer_version_only_added_to_are_used(database: Database) -> None:
    await change(database, WIDER)
    async with database.connection() as connection:
        await read_stats(connection)


async def test_an_empty_database_names_the_remedy(databases: DatabasePool) -> None:
    database = Database(databases.lend_bare(), size=1)
    await database.open()
    missing = f"{len(known_migrations())} migrations are missing"
    with pytest.raises(SchemaMismatchError, match=f"{missing}: run `herdbook migrate`"):
        async with database.connection():
            pass
    await database.close()


async def test_a_contract_is_noticed_while_the_program_runs(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with database.connection():
        pass
    await change(database, NEWER)
    async with database.connection():
        """Not asked for each time."""
    monkeypatch.setattr(database, "_next_check", 0.0)
    with pytest.raises(SchemaMismatchError, match=TOO_NEW):
        async with database.connection():
            pass


@pytest.mark.parametrize("column", ["jobs.nosuch", "nosuch.id"])
async def test_what_the_tables_lack_is_not_a_fault_of_the_values(database: Database, column: str) -> None:
    with pytest.raises(RecordUnavailableError, match=r"not those of this version of Herdbook \(.*nosuch"):
        async with database.connection() as connection:
            await connection.fetch(f"SELECT {column} FROM herdbook.{column.partition('.')[0]}")


async def test_a_column_that_is_added_disturbs_nobody(database: Database) -> None:
    """PostgreSQL refuses a prepared statement whose result has changed; the caller of a transaction repeats it."""
    everything = "SELECT * FROM herdbook.workers"

    async def use() -> None:
        async with database.connection() as connection:
            await connection.fetch(everything)
            await change(database, "ALTER TABLE herdbook.workers ADD COLUMN colour text")
            await connection.fetch(everything)
            await change(database, "ALTER TABLE herdbook.workers ADD COLUMN taste text")
            async with connection.transaction():
                await connection.fetch(everything)

    with pytest.raises(RecordUnavailableError, match="cached statement plan is invalid"):
        await use()

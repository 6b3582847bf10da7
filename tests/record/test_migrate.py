"""The record's schema."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from herdbook.errors import ConfigurationError, RecordUnavailableError
from herdbook.record.database import Database
from herdbook.record.migrate import known_migrations, migrate, pending_migrations
from herdbook.record.reads import read_stats
from tests.databases import DatabasePool


@pytest.fixture
async def empty(databases: DatabasePool) -> AsyncIterator[Database]:
    """A record on an empty database."""
    database = Database(databases.lend_bare(), size=5)
    await database.open()
    yield database
    await database.close()


async def test_the_error_on_an_empty_database_names_the_remedy(empty: Database) -> None:
    with pytest.raises(RecordUnavailableError, match="herdbook migrate"):
        async with empty.connection() as connection:
            await read_stats(connection)


async def test_migrations_are_applied_once_and_in_order(empty: Database) -> None:
    applied = await migrate(empty)
    assert [one.version for one in applied] == [one.version for one in known_migrations()]
    assert await migrate(empty) == []
    async with empty.connection() as connection:
        assert await pending_migrations(connection) == []


async def test_processes_that_migrate_concurrently_take_turns(empty: Database) -> None:
    applied = await asyncio.gather(*[migrate(empty) for _ in range(4)])
    assert sorted(len(one) for one in applied) == [0, 0, 0, len(known_migrations())]


async def test_a_newer_schema_is_left_alone(empty: Database) -> None:
    await migrate(empty)
    async with empty.connection() as connection:
        await connection.execute("INSERT INTO herdbook.migrations (version, name) VALUES (9999, 'future')")
        with pytest.raises(ConfigurationError, match="newer"):
            await pending_migrations(connection)
    with pytest.raises(ConfigurationError, match="newer"):
        await migrate(empty)


async def test_every_index_leaves_status_updates_hot(database: Database) -> None:
    """An index on a column that claiming or finishing changes makes each of those updates twice as expensive."""
    async with database.connection() as connection:
        columns = await connection.fetch(
            """
            SELECT DISTINCT a.attname
            FROM pg_index i
            JOIN pg_attribute a ON a.attrelid = i.indrelid
            JOIN pg_class c ON c.oid = i.indexrelid
            JOIN pg_am m ON m.oid = c.relam
            WHERE i.indrelid = 'herdbook.jobs'::regclass AND m.amname <> 'brin'
              AND (a.attnum = ANY (i.indkey) OR pg_get_expr(i.indpred, i.indrelid) LIKE '%' || a.attname || '%')
            """
        )
    # NULL before and after, unless the job is scheduled, retried or failed.
    rarely_set = {"idempotency_key", "run_at", "ended_badly"}
    assert {row["attname"] for row in columns} <= {"id", *rarely_set}

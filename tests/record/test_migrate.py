"""Migrations: each is a unit of its own, and none of them holds up the programs that use the tables."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable

import pytest
from structlog.testing import capture_logs

from herdbook.errors import MigrationError
from herdbook.record import database as database_module
from herdbook.record import migrate as migrate_module
from herdbook.record import schema
from herdbook.record.database import Database
from herdbook.record.migrate import migrate
from herdbook.record.schema import Migration, compare_schema, known_migrations, read_migration
from herdbook.testing import eventually
from tests.databases import DatabasePool

Release = Callable[..., None]
# From here on programs may be running.
FIRST_ONLINE = 9
COLUMN = "ALTER TABLE herdbook.jobs ADD COLUMN colour text;"


@pytest.fixture
async def empty(databases: DatabasePool) -> AsyncIterator[Database]:
    """A record on an empty database."""
    database = Database(databases.lend_bare(), size=5)
    await database.open()
    yield database
    await database.close()


@pytest.fixture
async def database(database: Database) -> Database:
    """A record in use: for as long as it trusts its tables, a test may look at those of another version."""
    async with database.connection():
        return database


@pytest.fixture
def release(monkeypatch: pytest.MonkeyPatch) -> Release:
    """Makes this the version that has these migrations beside the real ones, as the files `0901_…`, `0902_…`."""
    monkeypatch.setattr(migrate_module, "_LOCK_TIMEOUT", 50)
    monkeypatch.setattr(migrate_module, "_FIRST_PAUSE", 0.05)
    monkeypatch.setattr(database_module, "_CHECK_INTERVAL", 600)
    real = known_migrations()

    def release(*texts: str) -> None:
        added = [read_migration(f"{number:04}_added.sql", text) for number, text in enumerate(texts, 901)]
        monkeypatch.setattr(schema, "known_migrations", lambda: [*real, *added])

    return release


async def versions(database: Database) -> list[int]:
    async with database.connection() as connection:
        rows = await connection.fetch("SELECT version FROM herdbook.migrations WHERE version > 900 ORDER BY version")
    return [row["version"] for row in rows]


async def has_index(database: Database, name: str) -> bool | None:
    """Whether the index is valid; None if there is none."""
    async with database.connection() as connection:
        valid: bool | None = await connection.fetchval(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass($1)", f"herdbook.{name}"
        )
    return valid


async def test_migrations_are_applied_once_and_in_order(empty: Database) -> None:
    applied = await migrate(empty)
    assert [one.version for one in applied] == [one.version for one in known_migrations()]
    assert await migrate(empty) == []
    async with empty.connection() as connection:
        assert (await compare_schema(connection)).missing == []


async def test_processes_that_migrate_concurrently_take_turns(empty: Database, release: Release) -> None:
    """Also while an index is built, which waits for every older snapshot."""
    release("-- herdbook: no transaction\nCREATE INDEX CONCURRENTLY by_colour ON herdbook.jobs (priority);")
    applied = await asyncio.gather(*[migrate(empty) for _ in range(4)])
    assert sorted(len(one) for one in applied) == [0, 0, 0, len(known_migrations()) + 1]


async def test_a_migration_takes_as_long_as_it_needs(
    database: Database, release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Longer than the pool allows a statement, and longer than the database does."""
    monkeypatch.setattr(database_module, "_COMMAND_TIMEOUT", 0.05)
    async with database.connection() as connection:
        name = await connection.fetchval("SELECT quote_ident(current_database())")
        await connection.execute(f"ALTER DATABASE {name} SET statement_timeout = '50ms'")
    release("SELECT pg_sleep(0.2);")
    await database.close()
    await database.open()
    try:
        assert [one.version for one in await migrate(database)] == [901]
    finally:
        monkeypatch.undo()
        async with database.connection() as connection:
            await connection.execute(f"ALTER DATABASE {name} RESET statement_timeout")


async def test_each_migration_is_a_transaction_and_a_repeat_continues(database: Database, release: Release) -> None:
    release(COLUMN, "CREATE TABLE herdbook.half (); SELECT 1 / 0;", "CREATE TABLE herdbook.third ();")
    with pytest.raises(MigrationError, match=r"0902 added failed: division by zero.*continues here"):
        await migrate(database)
    assert await versions(database) == [901]
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT to_regclass('herdbook.half')") is None
    release(COLUMN, "CREATE TABLE herdbook.half ();", "CREATE TABLE herdbook.third ();")
    assert [one.version for one in await migrate(database)] == [902, 903]


async def test_a_migration_and_its_record_are_one_transaction(database: Database, release: Release) -> None:
    release("CREATE TABLE herdbook.half (); INSERT INTO herdbook.migrations VALUES (901, 'taken');")
    with pytest.raises(MigrationError, match="0901 added failed: duplicate key"):
        await migrate(database)
    assert await versions(database) == []
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT to_regclass('herdbook.half')") is None


async def test_traffic_does_not_queue_behind_a_migration_that_waits(database: Database, release: Release) -> None:
    release(COLUMN)
    async with database.transaction() as reader:
        await reader.execute("SET LOCAL application_name = 'a long report'")
        await reader.execute("SELECT FROM herdbook.jobs")
        with capture_logs() as logs:
            migrating = asyncio.create_task(migrate(database))

            async def waited() -> bool:
                return len([one for one in logs if one["event"] == "migration waits"]) >= 2

            await eventually(waited)
            async with database.transaction() as other:
                await other.execute("UPDATE herdbook.jobs SET priority = 1")
            assert not migrating.done()
        (first, *_) = [one for one in logs if one["event"] == "migration waits"]
        assert first["migration"] == "0901 added"
        assert first["program"] == "a long report"
        assert first["pid"] == reader.get_server_pid()
        assert first["seconds"] >= 0
    assert [one.version for one in await migrating] == [901]


async def test_a_migration_that_deadlocks_is_repeated(database: Database, release: Release) -> None:
    release(
        "DO $$ BEGIN IF nextval('herdbook.tries') = 1 THEN RAISE 'deadlock' USING ERRCODE = 'deadlock_detected'; "
        "END IF; END $$;"
    )
    async with database.connection() as connection:
        await connection.execute("CREATE SEQUENCE herdbook.tries")
        assert [one.version for one in await migrate(database)] == [901]
        assert await connection.fetchval("SELECT last_value FROM herdbook.tries") == 2


async def test_an_index_can_be_built_while_jobs_are_published(database: Database, release: Release) -> None:
    """It waits for older transactions for as long as they take, and nobody waits for it."""
    release(
        "-- herdbook: no transaction\n-- Why it is there.\n\n"
        "DROP INDEX CONCURRENTLY IF EXISTS herdbook.by_priority;\n\n"
        "CREATE INDEX CONCURRENTLY by_priority ON herdbook.jobs (priority);\n"
    )
    async with database.transaction() as writer:
        await writer.execute("UPDATE herdbook.jobs SET priority = 1")
        migrating = asyncio.create_task(migrate(database))

        async def has_waited() -> bool:
            """For longer than a migration waits for a lock."""
            async with database.connection() as connection:
                seconds: float | None = await connection.fetchval(
                    "SELECT extract(epoch FROM clock_timestamp() - query_start)::float8 FROM pg_stat_activity "
                    "WHERE datname = current_database() AND state = 'active' AND query LIKE 'CREATE INDEX%'"
                )
            return seconds is not None and seconds > 0.2

        await eventually(has_waited)
        assert await has_index(database, "by_priority") is False
        async with database.transaction() as other:
            await other.execute("UPDATE herdbook.jobs SET priority = 2")
    assert [one.version for one in await migrating] == [901]
    assert await has_index(database, "by_priority") is True


async def test_an_invalid_index_is_made_again(database: Database, release: Release) -> None:
    release(
        "-- herdbook: no transaction\n"
        "DROP INDEX CONCURRENTLY IF EXISTS herdbook.one_priority;\n\n"
        "CREATE UNIQUE INDEX CONCURRENTLY one_priority ON herdbook.workers (concurrency);\n"
    )
    async with database.connection() as connection:
        await connection.execute(
            "INSERT INTO herdbook.workers (id, host, pid, queues, concurrency) "
            "VALUES ('a', 'h', 1, '{}', 1), ('b', 'h', 1, '{}', 1)"
        )
        with pytest.raises(MigrationError, match="0901 added failed: could not create unique index"):
            await migrate(database)
        assert await has_index(database, "one_priority") is False
        assert await versions(database) == []
        await connection.execute("DELETE FROM herdbook.workers")
    assert [one.version for one in await migrate(database)] == [901]
    assert await has_index(database, "one_priority") is True


async def test_a_contract_is_applied_when_it_is_asked_for(database: Database, release: Release) -> None:
    release(COLUMN, "-- herdbook: contract\nALTER TABLE herdbook.jobs DROP COLUMN colour;")
    assert [one.version for one in await migrate(database)] == [901]
    assert await migrate(database) == []
    assert [one.version for one in await migrate(database, contract=True)] == [902]


async def test_what_comes_after_a_contract_waits_for_it(database: Database, release: Release) -> None:
    release(COLUMN, "-- herdbook: contract\nSELECT 1;", "CREATE TABLE herdbook.third ();")
    with pytest.raises(MigrationError, match=r"migration 0902 added, .* `herdbook migrate --contract`"):
        await migrate(database)
    assert await versions(database) == [901]
    assert [one.version for one in await migrate(database, contract=True)] == [902, 903]


async def test_an_empty_database_gets_everything(empty: Database, release: Release) -> None:
    release("-- herdbook: contract, no transaction\nSELECT 1;", "CREATE TABLE herdbook.third ();")
    assert [one.version for one in await migrate(empty)][-2:] == [901, 902]


async def test_what_a_newer_version_added_is_left_alone(database: Database, release: Release) -> None:
    release(COLUMN)
    await migrate(database)
    release()
    assert await migrate(database) == []
    async with database.connection() as connection:
        assert (await compare_schema(connection)).mismatch() is None


async def test_a_contract_of_a_newer_version_is_refused(database: Database, release: Release) -> None:
    release("-- herdbook: contract\nSELECT 1;", COLUMN)
    await migrate(database, contract=True)
    release()
    with pytest.raises(MigrationError, match=r"too new for this version of Herdbook \(migration 0901\): upgrade"):
        await migrate(database)


def test_a_header_with_an_unknown_word_is_refused() -> None:
    assert read_migration("__init__.py", "") is None
    with pytest.raises(ValueError, match="no transactions"):
        read_migration("0901_added.sql", "-- herdbook: contract, no transactions\n")


@pytest.mark.parametrize("migration", known_migrations(), ids=str)
def test_a_build_that_fails_can_be_repeated(migration: Migration) -> None:
    """It leaves an invalid index, which a repeat has to remove first."""
    built = re.findall(r"CREATE (?:UNIQUE )?INDEX CONCURRENTLY (\w+)", migration.sql)
    dropped = re.findall(r"DROP INDEX CONCURRENTLY IF EXISTS herdbook\.(\w+)", migration.sql)
    assert set(built) <= set(dropped)


@pytest.mark.parametrize("migration", known_migrations()[FIRST_ONLINE - 1 :], ids=str)
def test_a_migration_changes_one_table(migration: Migration) -> None:
    """With locks on two, it and those who use both would wait for each other, and the server might end their work."""
    if migration.in_transaction:
        assert len(set(re.findall(r"ALTER TABLE (\S+)", migration.sql))) <= 1


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

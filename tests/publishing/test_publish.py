"""Publishing: validation, one commit, idempotency, the caller's own transaction, SQL."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

import asyncpg
import psycopg
import pytest
from pydantic import BaseModel
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from herdbook import Herdbook, JobRequest
from herdbook.errors import (
    ConfigurationError,
    HerdbookError,
    IdempotencyConflictError,
    InvalidJobError,
    JobTooLargeError,
    RecordUnavailableError,
    UnknownJobTypeError,
)
from herdbook.model.job import JobStatus
from herdbook.model.options import Backoff
from herdbook.record.database import Database
from herdbook.record.job_types import declare_job_types
from herdbook.settings import Settings


class Note(BaseModel):
    text: str
    copies: int = 1


@pytest.fixture
async def book(settings: Settings) -> AsyncIterator[Herdbook]:
    book = Herdbook(settings)
    book.declare("note", Note, queue="notes", attempts=4, backoff=Backoff(delay=10))
    yield book
    await book.close()


async def count(database: Database, table: str = "jobs") -> int:
    async with database.connection() as connection:
        found: int = await connection.fetchval(f"SELECT count(*) FROM herdbook.{table}")
    return found


async def test_a_job_is_recorded_as_given_with_its_types_options(book: Herdbook, database: Database) -> None:
    id = await book.publish("note", {"text": "a"})
    job = await book.job(id)
    assert (job.status, job.queue, job.job_type, job.job_id) == (JobStatus.PENDING, "notes", "note", str(id))
    assert job.job_data == {"text": "a"}
    assert (job.max_attempts, job.backoff, job.priority, job.attempt) == (4, Backoff(delay=10), 0, 0)
    assert await count(database, "outbox") == 1


async def test_a_jobs_options_override_its_types(book: Herdbook) -> None:
    before = datetime.now(UTC)
    id = await book.publish(
        "note", Note(text="a"), delay="10m", priority=5, attempts=1, backoff={"type": "fixed", "delay": 7}
    )
    job = await book.job(id)
    assert job.job_data == {"text": "a", "copies": 1}
    assert (job.priority, job.max_attempts, job.backoff) == (5, 1, Backoff(type="fixed", delay=7))
    assert job.run_at is not None
    assert timedelta(minutes=9) < job.run_at - before < timedelta(minutes=11)


@pytest.mark.parametrize(
    ("job_type", "data", "error", "path"),
    [
        ("nope", {}, UnknownJobTypeError, "jobType"),
        ("note", {}, InvalidJobError, "jobData.text"),
        ("note", {"text": "a", "copies": "many"}, InvalidJobError, "jobData.copies"),
        ("note", {"text": "a\0b"}, InvalidJobError, "jobData"),
        ("note", {"text": object()}, InvalidJobError, "jobData"),
        ("note", {1: "a"}, InvalidJobError, "jobData"),
        ("note", None, InvalidJobError, "jobData"),
    ],
)
async def test_invalid_input_is_named_by_field_and_not_recorded(
    book: Herdbook, database: Database, job_type: str, data: Any, error: type[InvalidJobError], path: str
) -> None:
    with pytest.raises(error) as caught:
        await book.publish(job_type, data)
    assert caught.value.problems[0].path == path
    assert await count(database) == 0


async def test_the_error_says_what_json_cannot_hold(book: Herdbook) -> None:
    with pytest.raises(InvalidJobError, match=r"^jobData contains a NUL character"):
        await book.publish("note", {"text": "a\0b"})
    with pytest.raises(InvalidJobError, match=r"^jobData\.text\.0: is NaN or infinite"):
        await book.publish("note", {"text": [float("nan")]})
    with pytest.raises(InvalidJobError, match=r"^jobData is not JSON: "):
        await book.publish("note", {"text": object()})


async def test_data_over_the_size_limit_are_refused(book: Herdbook, settings: Settings, database: Database) -> None:
    with pytest.raises(JobTooLargeError, match="1,000,000"):
        await book.publish("note", {"text": "x" * settings.max_job_bytes})
    assert await count(database) == 0


async def test_invalid_options_are_named_in_the_error(book: Herdbook) -> None:
    with pytest.raises(InvalidJobError, match=r"options\.attempts"):
        await book.publish("note", {"text": "a"}, attempts=0)
    with pytest.raises(HerdbookError, match="not both"):
        await book.publish("note", {"text": "a"}, options=book_options(), attempts=1)


def book_options() -> Any:
    from herdbook import JobOptions

    return JobOptions()


async def test_a_bulk_is_all_or_nothing(book: Herdbook, database: Database) -> None:
    good = [JobRequest(job_type="note", job_data={"text": str(n)}) for n in range(1_200)]
    with pytest.raises(InvalidJobError) as caught:
        await book.publish_bulk([*good, JobRequest(job_type="note", job_data={})])
    assert caught.value.problems[0].path == "jobs.1200.jobData.text"
    assert await count(database) == 0
    ids = await book.publish_bulk(good)
    assert len(set(ids)) == 1_200
    assert await count(database) == await count(database, "outbox") == 1_200
    assert (await book.job(ids[700])).job_data == {"text": "700"}


async def test_concurrent_publishes_share_commits_and_each_gets_its_own_job(book: Herdbook, database: Database) -> None:
    ids = await asyncio.gather(*[book.publish("note", {"text": str(n)}) for n in range(200)])
    async with database.connection() as connection:
        rows = await connection.fetch("SELECT id, job_data, xmin::text FROM herdbook.jobs")
    assert {row["id"]: row["job_data"]["text"] for row in rows} == {id: str(n) for n, id in enumerate(ids)}
    assert len({row["xmin"] for row in rows}) < 50


async def test_the_same_key_and_request_return_the_same_job(book: Herdbook, database: Database) -> None:
    ids = await asyncio.gather(
        *[book.publish("note", {"text": "a", "copies": 2}, idempotency_key="k") for _ in range(20)]
    )
    ids.append(await book.publish("note", {"copies": 2, "text": "a"}, idempotency_key="k"))
    assert len(set(ids)) == 1
    assert await count(database) == await count(database, "outbox") == 1


async def test_the_same_key_with_another_request_is_a_conflict_for_its_caller_alone(book: Herdbook) -> None:
    first = await book.publish("note", {"text": "a"}, idempotency_key="k")
    answers = await asyncio.gather(
        book.publish("note", {"text": "b"}, idempotency_key="k"),
        book.publish("note", {"text": "a"}, idempotency_key="k", priority=1),
        book.publish("note", {"text": "a"}, idempotency_key="k"),
        book.publish("note", {"text": "c"}),
        return_exceptions=True,
    )
    assert isinstance(answers[0], IdempotencyConflictError)
    assert isinstance(answers[1], IdempotencyConflictError)
    assert answers[2] == first
    assert isinstance(answers[3], UUID)


async def test_a_conflict_in_a_bulk_records_nothing(book: Herdbook, database: Database) -> None:
    await book.publish("note", {"text": "a"}, idempotency_key="k")
    from herdbook import JobOptions

    with pytest.raises(IdempotencyConflictError):
        await book.publish_bulk(
            [
                JobRequest(job_type="note", job_data={"text": "x"}),
                JobRequest(job_type="note", job_data={"text": "y"}, options=JobOptions(idempotency_key="k")),
            ]
        )
    assert await count(database) == 1


async def test_publishing_without_postgresql_raises_record_unavailable(settings: Settings) -> None:
    book = Herdbook(settings.model_copy(update={"database_url": "postgresql://u:p@127.0.0.1:1/x"}))
    book.declare("note", Note)
    with pytest.raises(RecordUnavailableError, match="PostgreSQL is unreachable"):
        await book.publish("note", {"text": "a"})
    await book.close()


@pytest.mark.parametrize("kind", ["asyncpg", "psycopg", "sqlalchemy+asyncpg", "sqlalchemy+psycopg", "session"])
async def test_a_job_lives_and_dies_with_the_callers_transaction(
    book: Herdbook, database: Database, settings: Settings, kind: str
) -> None:
    url = settings.database_url or ""
    key: dict[str, Any] = {"idempotency_key": "k"}
    if kind == "asyncpg":
        connection = await asyncpg.connect(url)
        transaction = connection.transaction()
        await transaction.start()
        await book.publish("note", {"text": "gone"}, connection=connection)
        await transaction.rollback()
        async with connection.transaction():
            id = await book.publish("note", {"text": "kept"}, connection=connection, **key)
        assert await book.publish("note", {"text": "kept"}, connection=connection, **key) == id
        await connection.close()
    elif kind == "psycopg":
        async with await psycopg.AsyncConnection.connect(url) as own:
            await book.publish("note", {"text": "gone"}, connection=own)
            await own.rollback()
            id = await book.publish("note", {"text": "kept"}, connection=own, **key)
            assert await book.publish("note", {"text": "kept"}, connection=own, **key) == id
    else:
        driver = "asyncpg" if kind.endswith("asyncpg") else "psycopg"
        engine = create_async_engine(url.replace("postgresql:", f"postgresql+{driver}:"))
        async with AsyncSession(engine) if kind == "session" else engine.connect() as held:
            await book.publish("note", {"text": "gone"}, connection=held)
            await held.rollback()
            id = await book.publish("note", {"text": "kept"}, connection=held, **key)
            assert await book.publish("note", {"text": "kept"}, connection=held, **key) == id
            await held.commit()
        await engine.dispose()
    assert (await book.job(id)).job_data == {"text": "kept"}
    assert await count(database) == await count(database, "outbox") == 1


@pytest.mark.parametrize("kind", ["psycopg", "connection", "session"])
async def test_synchronous_programs_also_publish_in_their_transaction(
    book: Herdbook, database: Database, settings: Settings, kind: str
) -> None:
    url = settings.database_url or ""
    if kind == "psycopg":
        with psycopg.connect(url) as own:
            book.publish_sync("note", {"text": "gone"}, connection=own)
            own.rollback()
            id = book.publish_sync("note", {"text": "kept"}, connection=own, idempotency_key="k")
            assert book.publish_sync("note", {"text": "kept"}, connection=own, idempotency_key="k") == id
    else:
        engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
        with Session(engine) if kind == "session" else engine.connect() as held:
            book.publish_sync("note", {"text": "gone"}, connection=held)
            held.rollback()
            id = book.publish_sync("note", {"text": "kept"}, connection=held)
            held.commit()
        engine.dispose()
    assert (await book.job(id)).job_data == {"text": "kept"}
    assert await count(database) == 1


async def test_what_has_no_transaction_is_no_connection(book: Herdbook, database: Database, settings: Settings) -> None:
    url = settings.database_url or ""
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    async with asyncpg.create_pool(url, min_size=1) as pool:
        for wrong in (object(), pool, engine, Session(engine)):
            anything: Any = wrong
            with pytest.raises(ConfigurationError, match=f"an asynchronous .* not {type(wrong).__name__}"):
                await book.publish("note", {"text": "a"}, connection=anything)
        async with pool.acquire() as lent:
            with pytest.raises(ConfigurationError, match=r"a synchronous .* not PoolConnectionProxy"):
                book.publish_sync("note", {"text": "a"}, connection=cast(Any, lent))
            assert await count(database) == 0
            await book.publish("note", {"text": "a"}, connection=lent)
    assert await count(database) == 1
    engine.dispose()


async def test_jobs_can_be_published_in_sql(book: Herdbook, database: Database) -> None:
    async with database.connection() as connection:
        await declare_job_types(connection, book.registry)
        with pytest.raises(asyncpg.RaiseError, match="unknown job type 'nope'"):
            await connection.fetchval("SELECT herdbook.publish('nope', '{}')")
        transaction = connection.transaction()
        await transaction.start()
        await connection.fetchval("""SELECT herdbook.publish('note', '{"text": "gone"}')""")
        await transaction.rollback()
        id = await connection.fetchval("""SELECT herdbook.publish('note', '{"text": "sql"}', priority => 3)""")
    job = await book.job(id)
    assert (job.id.version, job.queue, job.max_attempts, job.backoff) == (7, "notes", 4, Backoff(delay=10))
    assert (job.priority, job.job_data) == (3, {"text": "sql"})
    assert await count(database) == await count(database, "outbox") == 1
    assert abs((id.int >> 80) / 1_000 - job.created_at.timestamp()) < 60


@pytest.mark.parametrize(
    "url", ["https://example.com", "HTTP://[::1]:8080/a?b=c#d", "http://example.com/@a:b@", "https://h/" + "x" * 2_073]
)
async def test_sql_can_set_a_callback_url(book: Herdbook, database: Database, url: str) -> None:
    async with database.connection() as connection:
        id = await connection.fetchval("SELECT herdbook.publish('n', '{}', queue => 'q', callback_url => $1)", url)
    assert (await book.job(id)).callback_url == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "ftp://example.com",
        "https://",
        "https:///path",
        "https://me@example.com/",
        "https://me:secret@example.com",
        "https://example.com\\@other.example.com/",
        "https://example.com/a b",
        " https://example.com",
        "https://example.com\n",
        "https://h/" + "x" * 2_074,
    ],
)
async def test_sql_refuses_an_invalid_callback_url(database: Database, url: str) -> None:
    async with database.connection() as connection:
        with pytest.raises(asyncpg.RaiseError, match="callback_url is not a URL that can be called") as refused:
            await connection.fetchval("SELECT herdbook.publish('n', '{}', queue => 'q', callback_url => $1)", url)
    assert "secret" not in str(refused.value)
    assert await count(database) == 0


async def test_only_herdbook_publishes_jobs_of_a_reserved_type(book: Herdbook) -> None:
    book.declare("alert", dict[str, int])
    book.registry.reserve("alert")
    with pytest.raises(InvalidJobError, match="only Herdbook itself"):
        await book.publish("alert", {})

"""One read of the changes for all subscribers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest
from structlog.testing import capture_logs

from herdbook.operating.feed import Batch, ChangeFeed, Subscription
from herdbook.record.database import Connection, Database
from herdbook.record.workers import WorkerBeat, beat_worker
from herdbook.settings import Settings
from herdbook.testing import eventually
from tests.line import Line

BEAT = WorkerBeat(id="w", host="h", pid=7, queues=["q"], concurrency=100, running=3, state="running")

READS = "SELECT query_start FROM pg_stat_activity WHERE application_name = 'feed'"
MANY = """
INSERT INTO herdbook.jobs (id, job_id, queue, job_type, job_data, max_attempts)
SELECT herdbook.new_job_id(), n, 'q', 'note', '{}', 1 FROM generate_series(1, $1) AS n
"""


@pytest.fixture
async def feed(database: Database) -> AsyncIterator[ChangeFeed]:
    feed = ChangeFeed(database)
    feed.start()
    yield feed
    await feed.stop()


@asynccontextmanager
async def watched(database_url: str) -> AsyncIterator[ChangeFeed]:
    """A feed, not started yet, whose reads READS finds by the name of its connections."""
    database = Database(database_url, size=2, application="feed")
    await database.open()
    feed = ChangeFeed(database)
    try:
        yield feed
    finally:
        await feed.stop()
        await database.close()


async def publish(connection: Connection, queue: str = "q", count: int = 1) -> list[UUID]:
    """New jobs, all in one transaction."""
    rows = await connection.fetch(
        "SELECT herdbook.publish('note', '{}', queue => $1) AS id FROM generate_series(1, $2)", queue, count
    )
    return [row["id"] for row in rows]


async def next_batch(subscription: Subscription) -> Batch:
    """The next batch."""
    async with asyncio.timeout(20):
        async for batch in subscription:
            if batch is not None:
                return batch
    raise EOFError


async def test_subscribers_get_what_changed_and_what_became_stale(feed: ChangeFeed, database: Database) -> None:
    with feed.subscription() as subscription:
        assert (await next_batch(subscription)).changes == []
        async with database.connection() as connection:
            (id,) = await publish(connection, "a b\nevent: x")
            batch = await next_batch(subscription)
            assert [change.id for change in batch.changes] == [id]
            assert batch.topics == f"jobs queue:a%20b%0Aevent%3A%20x job:{id}"
            await beat_worker(connection, BEAT)
            assert (await next_batch(subscription)).topics == "workers"
            await connection.execute("INSERT INTO herdbook.queues (name, paused) VALUES ('m', true), ('n', false)")
            batch = await next_batch(subscription)
            assert (batch.topics, batch.changes) == ("queues queue:m", [])


async def test_many_names_become_all(feed: ChangeFeed, database: Database) -> None:
    with feed.subscription() as subscription:
        await next_batch(subscription)
        async with database.connection() as connection:
            await publish(connection, count=200)
            assert len((await next_batch(subscription)).topics.split()) == 202
            await publish(connection, count=201)
            assert (await next_batch(subscription)).topics == "jobs queue:q jobs:all"
            await connection.execute(
                "SELECT herdbook.publish('note', '{}', queue => n::text) FROM generate_series(1, 201) AS n"
            )
            assert (await next_batch(subscription)).topics == "jobs queues:all jobs:all"


async def test_pages_of_one_read_are_separate_batches_and_stale_names_come_once(
    feed: ChangeFeed, database: Database
) -> None:
    with feed.subscription() as subscription:
        await next_batch(subscription)
        async with database.connection() as connection:
            wanted = await publish(connection, count=2_500)
        batches = [await next_batch(subscription) for _ in range(3)]
    assert [(len(batch.changes), batch.topics) for batch in batches] == [
        (1_000, ""),
        (1_000, ""),
        (500, "jobs queue:q jobs:all"),
    ]
    assert {change.id for batch in batches for change in batch.changes} == set(wanted)


async def test_all_subscribers_share_one_read(feed: ChangeFeed, database: Database) -> None:
    with ExitStack() as stack:
        subscriptions = [stack.enter_context(feed.subscription()) for _ in range(20)]
        for subscription in subscriptions:
            await next_batch(subscription)
        # A later subscriber gets the feed's position, too.
        late = stack.enter_context(feed.subscription())
        assert (await next_batch(late)).changes == []
        async with database.connection() as connection:
            await publish(connection)
        batches = [await next_batch(subscription) for subscription in [*subscriptions, late]]
    assert all(batch is batches[0] for batch in batches)


async def test_nothing_is_read_without_subscribers(settings: Settings, database: Database) -> None:
    assert settings.database_url
    async with watched(settings.database_url) as feed:

        async def reads() -> list[asyncpg.Record]:
            async with database.connection() as connection:
                return await connection.fetch(READS)

        # A round without subscribers reads nothing, takes no connection, and sleeps until it is woken.
        assert await feed.round() > 60
        assert await reads() == []
        feed.start()
        with feed.subscription() as subscription:
            await next_batch(subscription)
            first = await reads()

            async def looked_again() -> bool:
                return await reads() != first

            assert await eventually(looked_again)


async def test_a_new_subscriber_does_not_get_earlier_changes(database: Database) -> None:
    feed = ChangeFeed(database)
    async with database.connection() as connection:
        for _ in range(2):
            with feed.subscription() as subscription:
                await feed.round()
                assert (await next_batch(subscription)).changes == []
                (id,) = await publish(connection)
                await feed.round()
                assert [change.id for change in (await next_batch(subscription)).changes] == [id]
            await feed.round()
            await publish(connection)


async def test_a_slow_subscriber_is_dropped(
    feed: ChangeFeed, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("herdbook.operating.feed._BACKLOG", 10)
    with feed.subscription() as slow, feed.subscription() as other:
        await next_batch(other)
        async with database.connection() as connection:
            await connection.execute(MANY, 12_000)
        found = 0
        while found < 12_000:
            found += len((await next_batch(other)).changes)
        with pytest.raises(EOFError):
            await next_batch(slow)
        async with database.connection() as connection:
            (id,) = await publish(connection)
        while not (batch := await next_batch(other)).changes:
            pass
        assert [change.id for change in batch.changes] == [id]


async def test_after_an_outage_it_resumes_where_it_was(settings: Settings, database: Database) -> None:
    assert settings.database_url
    async with Line.to(settings.database_url) as line, watched(line.url) as feed, database.connection() as connection:
        feed.start()
        with feed.subscription() as subscription, capture_logs() as logs:
            await next_batch(subscription)
            await line.cut()

            async def interrupted() -> bool:
                return any(entry["event"] == "service interrupted" for entry in logs)

            await eventually(interrupted)
            (id,) = await publish(connection)
            await line.mend()
            batch = await next_batch(subscription)
        assert [change.id for change in batch.changes] == [id]
        assert not batch.is_gap


async def test_after_too_long_an_outage_everything_is_stale(
    feed: ChangeFeed, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with feed.subscription() as subscription:
        await next_batch(subscription)
        monkeypatch.setattr("herdbook.record.feed.REACH", timedelta(0))
        batch = await next_batch(subscription)
        assert (batch.is_gap, batch.topics, batch.changes) == (True, "all", [])
        monkeypatch.undo()
        async with database.connection() as connection:
            (id,) = await publish(connection)
        batch = await next_batch(subscription)
        while batch.is_gap:
            batch = await next_batch(subscription)
        assert [change.id for change in batch.changes] == [id]


async def test_quieting_the_feed_ends_every_subscription(feed: ChangeFeed) -> None:
    with feed.subscription() as subscription:
        await next_batch(subscription)
        waiting = asyncio.create_task(next_batch(subscription))
        feed.quiet()
        with pytest.raises(EOFError):
            await waiting
    with feed.subscription() as late, pytest.raises(EOFError):
        await next_batch(late)

"""One look for all who listen."""

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

LOOKS = "SELECT query_start FROM pg_stat_activity WHERE application_name = 'feed'"
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
    """A feed whose looks LOOKS tells from other connections; to be started."""
    database = Database(database_url, size=2, application="feed")
    await database.open()
    feed = ChangeFeed(database)
    try:
        yield feed
    finally:
        await feed.stop()
        await database.close()


async def publish(connection: Connection, queue: str = "q", count: int = 1) -> list[UUID]:
    """New jobs in one transaction."""
    rows = await connection.fetch(
        "SELECT herdbook.publish('note', '{}', queue => $1) AS id FROM generate_series(1, $2)", queue, count
    )
    return [row["id"] for row in rows]


async def heard(subscription: Subscription) -> Batch:
    """The next batch."""
    async with asyncio.timeout(20):
        async for batch in subscription:
            if batch is not None:
                return batch
    raise EOFError


async def test_listeners_hear_what_changed_and_what_went_stale(feed: ChangeFeed, database: Database) -> None:
    with feed.subscription() as subscription:
        assert (await heard(subscription)).changes == []
        async with database.connection() as connection:
            (id,) = await publish(connection, "a b\nevent: x")
            batch = await heard(subscription)
            assert [change.id for change in batch.changes] == [id]
            assert batch.topics == f"jobs queue:a%20b%0Aevent%3A%20x job:{id}"
            await beat_worker(connection, BEAT)
            assert (await heard(subscription)).topics == "workers"
            await connection.execute("INSERT INTO herdbook.queues (name, paused) VALUES ('m', true), ('n', false)")
            batch = await heard(subscription)
            assert (batch.topics, batch.changes) == ("queues queue:m", [])


async def test_many_names_become_any(feed: ChangeFeed, database: Database) -> None:
    with feed.subscription() as subscription:
        await heard(subscription)
        async with database.connection() as connection:
            await publish(connection, count=200)
            assert len((await heard(subscription)).topics.split()) == 202
            await publish(connection, count=201)
            assert (await heard(subscription)).topics == "jobs queue:q jobs:all"
            await connection.execute(
                "SELECT herdbook.publish('note', '{}', queue => n::text) FROM generate_series(1, 201) AS n"
            )
            assert (await heard(subscription)).topics == "jobs queues:all jobs:all"


async def test_pages_of_one_look_are_told_apart_and_stale_names_once(feed: ChangeFeed, database: Database) -> None:
    with feed.subscription() as subscription:
        await heard(subscription)
        async with database.connection() as connection:
            wanted = await publish(connection, count=2_500)
        batches = [await heard(subscription) for _ in range(3)]
    assert [(len(batch.changes), batch.topics) for batch in batches] == [
        (1_000, ""),
        (1_000, ""),
        (500, "jobs queue:q jobs:all"),
    ]
    assert {change.id for batch in batches for change in batch.changes} == set(wanted)


async def test_all_listeners_share_one_look(feed: ChangeFeed, database: Database) -> None:
    with ExitStack() as stack:
        subscriptions = [stack.enter_context(feed.subscription()) for _ in range(20)]
        for subscription in subscriptions:
            await heard(subscription)
        # One that comes later hears where the feed is, too.
        late = stack.enter_context(feed.subscription())
        assert (await heard(late)).changes == []
        async with database.connection() as connection:
            await publish(connection)
        batches = [await heard(subscription) for subscription in [*subscriptions, late]]
    assert all(batch is batches[0] for batch in batches)


async def test_nothing_is_read_while_no_one_listens(settings: Settings, database: Database) -> None:
    assert settings.database_url
    async with watched(settings.database_url) as feed:

        async def looks() -> list[asyncpg.Record]:
            async with database.connection() as connection:
                return await connection.fetch(LOOKS)

        # A round without listeners asks for nothing, not even for a connection, and sleeps until it is woken.
        assert await feed.round() > 60
        assert await looks() == []
        feed.start()
        with feed.subscription() as subscription:
            await heard(subscription)
            first = await looks()

            async def looked_again() -> bool:
                return await looks() != first

            assert await eventually(looked_again)


async def test_what_happened_while_no_one_listened_is_no_ones_business(database: Database) -> None:
    feed = ChangeFeed(database)
    async with database.connection() as connection:
        for _ in range(2):
            with feed.subscription() as subscription:
                await feed.round()
                assert (await heard(subscription)).changes == []
                (id,) = await publish(connection)
                await feed.round()
                assert [change.id for change in (await heard(subscription)).changes] == [id]
            await feed.round()
            await publish(connection)


async def test_a_slow_listener_is_dropped(feed: ChangeFeed, database: Database) -> None:
    with feed.subscription() as slow, feed.subscription() as other:
        await heard(other)
        async with database.connection() as connection:
            await connection.execute(MANY, 45_000)
        found = 0
        while found < 45_000:
            found += len((await heard(other)).changes)
        with pytest.raises(EOFError):
            await heard(slow)
        async with database.connection() as connection:
            (id,) = await publish(connection)
        while not (batch := await heard(other)).changes:
            pass
        assert [change.id for change in batch.changes] == [id]


async def test_after_an_outage_it_goes_on_where_it_was(settings: Settings, database: Database) -> None:
    assert settings.database_url
    async with Line.to(settings.database_url) as line, watched(line.url) as feed, database.connection() as connection:
        feed.start()
        with feed.subscription() as subscription, capture_logs() as logs:
            await heard(subscription)
            await line.cut()

            async def away() -> bool:
                return any(entry["event"] == "service waits" for entry in logs)

            await eventually(away)
            (id,) = await publish(connection)
            await line.mend()
            batch = await heard(subscription)
        assert [change.id for change in batch.changes] == [id]
        assert not batch.is_gap


async def test_after_too_long_an_outage_everything_is_stale(
    feed: ChangeFeed, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with feed.subscription() as subscription:
        await heard(subscription)
        monkeypatch.setattr("herdbook.record.feed.REACH", timedelta(0))
        batch = await heard(subscription)
        assert (batch.is_gap, batch.topics, batch.changes) == (True, "all", [])
        monkeypatch.undo()
        async with database.connection() as connection:
            (id,) = await publish(connection)
        batch = await heard(subscription)
        while batch.is_gap:
            batch = await heard(subscription)
        assert [change.id for change in batch.changes] == [id]


async def test_a_feed_that_is_told_to_stop_ends_every_subscription(feed: ChangeFeed) -> None:
    with feed.subscription() as subscription:
        await heard(subscription)
        waiting = asyncio.create_task(heard(subscription))
        feed.quiet()
        with pytest.raises(EOFError):
            await waiting
    with feed.subscription() as late, pytest.raises(EOFError):
        await heard(late)

"""Statistics of queues, from Redis and the record together."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import redis.asyncio

from herdbook.errors import QueueNotFoundError, QueueUnavailableError
from herdbook.model.ids import external_job_id, new_job_id
from herdbook.model.job import AttemptKey
from herdbook.model.registry import Registry
from herdbook.operating.queue_stats import BullState, JobInQueue, QueueStatsReader
from herdbook.publishing.publish import JobRequest, Publisher
from herdbook.queue.adds import QueuedJob, QueueWriter
from herdbook.record.attempts import claim_jobs_if_newer_attempt
from herdbook.record.changes import set_queue_paused
from herdbook.record.database import Database
from herdbook.record.queue_lookups import read_job_rows
from herdbook.relay import Relay
from herdbook.settings import Settings
from tests.record.attempts import ended


@pytest.fixture
def registry() -> Registry:
    registry = Registry()
    registry.declare("t", dict, queue="q")
    return registry


@pytest.fixture
async def queues(settings: Settings, registry: Registry, database: Database) -> AsyncIterator[QueueStatsReader]:
    queues = QueueStatsReader.connect(settings, registry, database)
    yield queues
    await queues.close()


def external(job_id: str, timestamp: int) -> QueuedJob:
    return QueuedJob(
        job_id=job_id,
        job_type="t",
        data="{}",
        timestamp=timestamp,
        delay=0,
        priority=0,
        attempts=1,
        backoff=None,
    )


async def test_the_waiting_time_of_the_next_job_comes_from_the_record(
    settings: Settings, database: Database, registry: Registry, queues: QueueStatsReader, client: "redis.asyncio.Redis"
) -> None:
    assert [(one.name, one.oldest_waiting, one.rate) for one in await queues.states()] == [("q", None, 0.0)]
    job = await Publisher(database, registry, max_job_bytes=1_000).publish(JobRequest(job_type="t", job_data={}))
    relay = Relay(database, client, prefix=settings.queue_prefix)
    await relay.round()
    await relay.stop()
    async with database.connection() as connection:
        await connection.execute("UPDATE herdbook.jobs SET run_at = now() - interval '1 hour' WHERE id = $1", job.id)
    await ended(database, datetime.now(UTC), queue="q")
    (state,) = await queues.states()
    assert state.oldest_waiting is not None
    assert 3_600 <= state.oldest_waiting < 3_700
    assert state.rate > 0
    assert state.counts["waiting"] == 1


async def test_jobs_of_other_clients_wait_since_they_were_published(
    settings: Settings, queues: QueueStatsReader, client: "redis.asyncio.Redis"
) -> None:
    published = datetime.now(UTC) - timedelta(minutes=10)
    timestamp = int(published.timestamp() * 1_000)
    await QueueWriter(client, prefix=settings.queue_prefix).add("q", [external("1", timestamp)])
    (state,) = await queues.states(["q"])
    assert state.oldest_waiting is not None
    assert 600 <= state.oldest_waiting < 700
    assert await queues.jobs_in("q", BullState.WAITING, 10) == [
        JobInQueue(job_id="1", id=external_job_id("q", "1", timestamp))
    ]
    await client.delete(f"{settings.queue_prefix}:q:1")
    assert await queues.jobs_in("q", BullState.WAITING, 10) == [JobInQueue(job_id="1", id=None)]


async def test_a_queue_may_be_known_to_the_program_the_record_or_redis(
    settings: Settings, database: Database, queues: QueueStatsReader, client: "redis.asyncio.Redis"
) -> None:
    async with database.connection() as connection:
        await connection.fetchval("SELECT herdbook.publish('x', '{}', queue => 'by-sql')")
        await set_queue_paused(connection, "spoken-of", False)
    await QueueWriter(client, prefix=settings.queue_prefix).add("by-node", [external("1", 1_700_000_000_000)])
    await client.hset(f"{settings.queue_prefix}:paused-by-node:meta", "paused", "1")
    assert await queues.names() == ["by-sql", "q", "spoken-of"]
    for name in (*await queues.names(), "by-node", "paused-by-node"):
        await queues.check(name)
    with pytest.raises(QueueNotFoundError):
        await queues.check("nowhere")


async def test_a_queue_may_be_known_without_redis(settings: Settings, database: Database, registry: Registry) -> None:
    lost = settings.model_copy(update={"redis_url": "redis://127.0.0.1:1"})
    queues = QueueStatsReader.connect(lost, registry, database)
    await queues.check("q")
    with pytest.raises(QueueUnavailableError):
        await queues.check("nowhere")
    await queues.close()


async def test_jobs_are_running_if_both_the_queue_and_the_record_say_so(
    settings: Settings, database: Database, registry: Registry, queues: QueueStatsReader, client: "redis.asyncio.Redis"
) -> None:
    publisher = Publisher(database, registry, max_job_bytes=1_000)
    ids = [(await publisher.publish(JobRequest(job_type="t", job_data={}))).id for _ in range(3)]
    async with database.connection() as connection:
        keys = [AttemptKey(job=id, generation=0, number=1) for id in ids[:2]]
        await claim_jobs_if_newer_attempt(connection, keys, [0, 0], "w1")
    await client.lpush(f"{settings.queue_prefix}:q:active", *map(str, ids), str(new_job_id()), "77")
    running = await queues.running()
    assert [(one.id, one.worker, one.queue) for one in running] == [(id, "w1", "q") for id in ids[:2]]
    async with database.connection() as connection:
        assert set(await read_job_rows(connection, [*ids, new_job_id()])) == set(ids)

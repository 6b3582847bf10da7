"""Servers that go away and come back: nothing accepted is lost."""

import asyncio

import pytest

from herdbook.embedded import EmbeddedServers
from herdbook.errors import QueueUnavailableError, RecordUnavailableError
from herdbook.model.context import JobContext
from herdbook.model.job import JobStatus
from herdbook.model.options import JobOptions
from herdbook.model.registry import Registry
from herdbook.publishing.publish import JobRequest
from herdbook.queue.adds import QueuedJob, QueueWriter
from herdbook.queue.connection import connect
from herdbook.queue.reads import QueueReader
from herdbook.record.search import JobFilter, find_jobs
from herdbook.settings import Settings
from herdbook.testing import RunningSystem, eventually, running_system


def counting() -> tuple[Registry, list[int]]:
    registry = Registry()
    ran: list[int] = []

    @registry.processor("count", queue="outage", attempts=1)
    async def count(payload: dict[str, int]) -> int:
        ran.append(payload["n"])
        await asyncio.sleep(0.01)
        return payload["n"]

    return registry, ran


async def all_completed(system: RunningSystem, count: int) -> None:
    async def completed() -> bool:
        async with system.database.connection() as connection:
            jobs = await find_jobs(connection, JobFilter(limit=10_000))
        return len(jobs) == count and all(job.status is JobStatus.COMPLETED for job in jobs)

    await eventually(completed, timeout=60)


async def test_publishing_goes_on_without_redis_and_the_jobs_run_when_it_is_back(
    settings: Settings, own_redis: EmbeddedServers
) -> None:
    registry, ran = counting()
    with_own = settings.model_copy(update={"redis_url": own_redis.redis_url})
    async with running_system(with_own, registry) as system:
        first = [JobRequest(job_type="count", job_data={"n": n}) for n in range(100)]
        await system.publisher.publish_bulk(first)
        await asyncio.to_thread(own_redis.stop)
        client = connect(with_own.redis_url or "")
        with pytest.raises(QueueUnavailableError):
            await QueueReader(client, prefix="x").ping()
        await system.publisher.publish_bulk([JobRequest(job_type="count", job_data={"n": n}) for n in range(100, 200)])
        await asyncio.to_thread(own_redis.start)
        await all_completed(system, 200)
        await client.aclose()
    assert sorted(set(ran)) == list(range(200))


async def test_without_postgresql_publishing_fails_clearly_and_running_jobs_are_recorded_when_it_is_back(
    settings: Settings, own_postgres: EmbeddedServers
) -> None:
    registry = Registry()
    started, gate = asyncio.Event(), asyncio.Event()

    @registry.processor("gated", queue="outage", attempts=1)
    async def wait(payload: dict[str, int]) -> int:
        started.set()
        await gate.wait()
        return payload["n"]

    with_own = settings.model_copy(update={"database_url": own_postgres.database_url})
    async with running_system(with_own, registry) as system:
        await system.publisher.publish_bulk([JobRequest(job_type="gated", job_data={"n": n}) for n in range(50)])
        await started.wait()
        await asyncio.to_thread(own_postgres.stop)
        with pytest.raises(RecordUnavailableError):
            await system.publisher.publish(JobRequest(job_type="gated", job_data={"n": 50}))
        gate.set()
        await asyncio.to_thread(own_postgres.start)
        await all_completed(system, 50)
        async with system.database.connection() as connection:
            attempts = await connection.fetchval("SELECT count(*) FROM herdbook.job_attempts")
    assert attempts == 50


async def test_a_redis_that_forgot_its_newest_writes_is_caught_up_with(settings: Settings) -> None:
    """A crash may cost Redis a second of writes: its count of attempts is then behind the record's."""
    registry, ran = counting()
    assert settings.redis_url
    client = connect(settings.redis_url)
    async with running_system(settings, registry) as system:
        async with system.database.connection() as connection:
            id = await connection.fetchval("""SELECT herdbook.publish('count', '{"n": 1}')""")
            await connection.execute("UPDATE herdbook.jobs SET attempt = 4 WHERE id = $1", id)
        job = await system.finished(id)
    await client.aclose()
    assert (job.status, job.attempt, ran) == (JobStatus.COMPLETED, 5, [1])


async def test_a_job_that_is_over_is_not_run_again_when_it_is_delivered_again(settings: Settings) -> None:
    """As after a crash between recording and acknowledging, or by a relay that delivers twice."""
    registry, ran = counting()
    forgetful = settings.model_copy(update={"keep_completed": 0})
    assert forgetful.redis_url
    client = connect(forgetful.redis_url)
    reader = QueueReader(client, prefix=settings.queue_prefix)

    async def queue_is_empty() -> bool:
        return not any((await reader.counts("outage")).counts.values())

    async with running_system(forgetful, registry) as system:
        published = await system.publisher.publish(JobRequest(job_type="count", job_data={"n": 1}))
        job = await system.finished(published.id)
        await eventually(queue_is_empty)
        again = QueuedJob(
            job_id=job.job_id,
            job_type="count",
            data='{"n": 2}',
            timestamp=1,
            delay=0,
            priority=0,
            attempts=1,
            backoff=None,
        )
        await QueueWriter(client, prefix=settings.queue_prefix).add("outage", [again])
        await eventually(queue_is_empty)
        assert await system.job(published.id) == job
    assert ran == [1]
    await client.aclose()


async def test_a_redis_that_is_flushed_amid_the_work_is_filled_again_from_the_record(
    settings: Settings, own_redis: EmbeddedServers
) -> None:
    registry = Registry()
    release = asyncio.Event()

    @registry.processor("count", queue="outage", attempts=2, backoff={"type": "fixed", "delay": 2_000})
    async def count(payload: dict[str, int], job: JobContext) -> int:
        if payload["n"] % 10 == 0 and job.attempt == 1:
            raise ConnectionError
        if payload["n"] % 10 == 1:
            await release.wait()
        return payload["n"]

    @registry.processor("rest", queue="paused")
    async def rest(payload: None) -> None: ...

    with_own = settings.model_copy(update={"redis_url": own_redis.redis_url, "stalled_interval": 500})
    async with running_system(with_own, registry) as system:
        await system.control.pause("paused")
        resting = await system.publisher.publish(JobRequest(job_type="rest", job_data=None))
        options = JobOptions(delay=3_000)
        for start, more in ((0, None), (500, options)):
            requests = [JobRequest(job_type="count", job_data={"n": start + n}, options=more) for n in range(500)]
            await system.publisher.publish_bulk(requests)

        async def is_amid() -> bool:
            async with system.database.connection() as connection:
                found: bool = await connection.fetchval(
                    "SELECT count(*) FILTER (WHERE status = 'processing') >= 10 AND count(*) FILTER (WHERE attempt > 0"
                    " AND status = 'pending') > 0 FROM herdbook.jobs"
                )
            return found and not await client.llen(f"{with_own.queue_prefix}:outage:wait")

        client = connect(with_own.redis_url or "")
        await eventually(is_amid, timeout=30)
        keys = [key async for key in client.scan_iter(f"{with_own.queue_prefix}:*", count=1_000)]
        await client.unlink(*keys)
        release.set()

        async def all_over() -> bool:
            async with system.database.connection() as connection:
                left: int = await connection.fetchval(
                    "SELECT count(*) FROM herdbook.jobs WHERE queue = 'outage' AND status <> 'completed'"
                )
            return not left

        await eventually(all_over, timeout=60)
        assert (await system.job(resting.id)).status is JobStatus.PENDING

        async def is_paused_again() -> bool:
            return await client.hget(f"{with_own.queue_prefix}:paused:meta", "paused") == "1"

        await eventually(is_paused_again)
        await client.aclose()

"""The steps of one worker, taken by hand."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import redis.asyncio

from herdbook.execution.executor import Executor
from herdbook.execution.limits import JobLimits
from herdbook.execution.processes import ProcessPool
from herdbook.model.artifacts import FolderArtifacts
from herdbook.model.job import JobStatus
from herdbook.model.registry import Registry
from herdbook.model.signals import Retry
from herdbook.queue.locks import LockKeeper
from herdbook.record.changes import cancel_jobs_if_pending
from herdbook.record.database import Database
from herdbook.record.reads import read_job
from herdbook.relay import Relay
from herdbook.settings import Settings
from herdbook.testing import eventually
from tests.queue.conftest import work_queue
from tests.states import new_jobs

registry = Registry()


@registry.processor("t", queue="q", attempts=2)
async def retry_later(payload: object) -> None:
    raise Retry(after=60_000)


@asynccontextmanager
async def executing(settings: Settings, database: Database) -> AsyncIterator[Executor]:
    """An executor whose steps are not running."""
    assert settings.redis_url
    queue = work_queue(settings, "w1")
    locks = LockKeeper(settings.redis_url, prefix=settings.queue_prefix, lock_duration=30_000, on_lost=print)
    artifacts = FolderArtifacts(settings.artifact_folder)
    processes = ProcessPool(1, artifacts)
    limits = JobLimits(lost=3, result_bytes=1_000, log_lines=10)
    executor = Executor(queue, database, locks, registry, artifacts, processes, concurrency=10, limits=limits)
    yield executor
    executor.close()
    await queue.close()


async def test_what_is_recorded_is_acknowledged_although_the_rest_cannot_be_rejected(
    settings: Settings, database: Database, client: "redis.asyncio.Redis"
) -> None:
    retried, cancelled = await new_jobs(database, 2)
    keys = f"{settings.queue_prefix}:q"
    relay = Relay(database, client, prefix=settings.queue_prefix)
    async with database.connection() as connection:
        await connection.execute("UPDATE herdbook.jobs SET max_attempts = 2")
        await connection.execute("INSERT INTO herdbook.outbox (job) SELECT id FROM herdbook.jobs")
    await relay.round()
    await relay.stop()
    async with executing(settings, database) as executor:
        claim, _, record, acknowledge, _ = executor.steps()
        await executor.fetch()
        await claim.round()

        async def ended() -> bool:
            return not executor.capacity.running

        await eventually(ended)
        async with database.connection() as connection:
            assert await cancel_jobs_if_pending(connection, [cancelled], "not needed")
            # A status that this version does not know, as in a rolling upgrade.
            await connection.execute("ALTER TYPE herdbook.job_status RENAME VALUE 'cancelled' TO 'withdrawn'")
            await record.round()
            await connection.execute("ALTER TYPE herdbook.job_status RENAME VALUE 'withdrawn' TO 'cancelled'")
            assert (await read_job(connection, retried)).status is JobStatus.PENDING
        await acknowledge.round()
        assert executor.capacity.is_empty.is_set()
    assert await client.zcard(f"{keys}:delayed") == 1
    assert await client.zscore(f"{keys}:delayed", str(retried))

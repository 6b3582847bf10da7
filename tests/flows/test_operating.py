"""What an operator does, from end to end."""

import asyncio

import pytest
from bullmq import Queue

from herdbook.errors import JobNotFoundError
from herdbook.model.artifacts import FolderArtifacts
from herdbook.model.context import JobContext
from herdbook.model.job import AttemptOutcome, JobStatus
from herdbook.model.options import JobOptions
from herdbook.model.registry import Registry
from herdbook.operating.control import OperationAction
from herdbook.publishing.publish import JobRequest
from herdbook.queue.connection import connect
from herdbook.record.reads import read_attempts, read_logs, read_outbox_lag
from herdbook.record.search import JobFilter
from herdbook.settings import Settings
from herdbook.testing import RunningSystem, eventually, running_system


def request(**options: object) -> JobRequest:
    return JobRequest(job_type="work", job_data={}, options=JobOptions.model_validate(options))


async def settled(system: RunningSystem) -> None:
    """Return when the relay has carried everything."""

    async def carried() -> bool:
        async with system.database.connection() as connection:
            return (await read_outbox_lag(connection)).depth == 0

    await eventually(carried)


def client_of(settings: Settings, name: str = "work") -> Queue:
    """The queue as another client sees it."""
    assert settings.redis_url
    return Queue(name, {"connection": connect(settings.redis_url), "prefix": settings.queue_prefix})


async def test_a_failed_job_is_retried_and_keeps_its_earlier_attempts(settings: Settings) -> None:
    registry = Registry()
    well = asyncio.Event()

    @registry.processor("work", attempts=2, backoff=None)
    async def work(payload: dict[str, int], job: JobContext) -> str:
        job.log("well" if well.is_set() else "unwell")
        if not well.is_set():
            raise ConnectionError("no answer")
        return "done"

    queue = client_of(settings)
    async with running_system(settings, registry) as system:
        id = (await system.publisher.publish(request())).id
        assert (await system.finished(id)).status is JobStatus.FAILED
        well.set()
        assert (await system.control.retry([id])).changed == [id]
        job = await system.finished(id)
        async with system.database.connection() as connection:
            attempts = await read_attempts(connection, job)
            lines = await read_logs(connection, id)
        await settled(system)

        async def shown() -> bool:
            # The queue shows the newest generation only, once its end is acknowledged.
            return [one.id for one in await queue.getJobs(["completed", "failed"])] == [f"{id}~1"]

        await eventually(shown)
    assert (job.status, job.result, job.generation, job.attempt) == (JobStatus.COMPLETED, "done", 1, 1)
    assert [(one.generation, one.number, one.outcome) for one in attempts] == [
        (0, 1, AttemptOutcome.RETRY),
        (0, 2, AttemptOutcome.FAILED),
        (1, 1, AttemptOutcome.COMPLETED),
    ]
    assert [(line.generation, line.message) for line in lines] == [(0, "unwell"), (0, "unwell"), (1, "well")]
    await queue.close()


def counting() -> tuple[Registry, list[str]]:
    registry = Registry()
    ran: list[str] = []

    @registry.processor("work")
    async def work(payload: dict[str, int], job: JobContext) -> None:
        ran.append(str(job.id))

    return registry, ran


async def test_a_delayed_job_is_cancelled_and_runs_when_it_is_retried(settings: Settings) -> None:
    registry, ran = counting()
    queue = client_of(settings)
    async with running_system(settings, registry) as system:
        id = (await system.publisher.publish(request(delay="1h"))).id
        await settled(system)
        assert await queue.getDelayedCount() == 1
        assert (await system.control.cancel([id], "not wanted")).changed == [id]
        await settled(system)
        assert await queue.getDelayedCount() == 0
        job = await system.job(id)
        assert (job.status, job.error_message, ran) == (JobStatus.CANCELLED, "not wanted", [])
        await system.control.retry([id])
        assert (await system.finished(id)).status is JobStatus.COMPLETED
    assert ran == [str(id)]
    await queue.close()


async def test_a_scheduled_job_is_promoted(settings: Settings) -> None:
    registry, ran = counting()
    async with running_system(settings, registry) as system:
        id = (await system.publisher.publish(request(delay="1h"))).id
        await settled(system)
        assert (await system.control.promote([id])).changed == [id]
        assert (await system.finished(id)).status is JobStatus.COMPLETED
    assert ran == [str(id)]


async def test_a_job_between_two_tries_need_not_wait_for_its_next(settings: Settings) -> None:
    registry = Registry()

    @registry.processor("work", attempts=2, backoff={"type": "fixed", "delay": 3_600_000})
    async def work(payload: dict[str, int], job: JobContext) -> int:
        if job.attempt == 1:
            raise ConnectionError
        return job.attempt

    async with running_system(settings, registry) as system:
        id = (await system.publisher.publish(request())).id

        async def waits() -> bool:
            return (await system.job(id)).run_at is not None

        await eventually(waits)
        assert (await system.control.promote([id])).changed == [id]
        assert (await system.finished(id)).result == 2


async def test_a_paused_queue_waits_and_any_client_sees_it(settings: Settings) -> None:
    registry, ran = counting()
    queue = client_of(settings)
    async with running_system(settings, registry) as system:
        await system.control.pause("work")
        await settled(system)
        assert await queue.isPaused()
        first = (await system.publisher.publish(request())).id
        await settled(system)
        assert await queue.getWaitingCount() == 1
        assert (await system.job(first)).status is JobStatus.PENDING
        assert ran == []
        await system.control.resume("work")
        assert (await system.finished(first)).status is JobStatus.COMPLETED
        assert not await queue.isPaused()
    await queue.close()


async def test_a_deleted_job_is_gone_everywhere(settings: Settings) -> None:
    registry = Registry()

    @registry.processor("work")
    async def work(payload: dict[str, int], job: JobContext) -> None:
        job.save_artifact("a.txt", b"a", "text/plain")

    queue = client_of(settings)
    artifacts = FolderArtifacts(settings.artifact_folder)
    async with running_system(settings, registry) as system:
        id = (await system.publisher.publish(request())).id
        await system.finished(id)
        assert artifacts.find(id) is not None
        assert (await system.control.delete([id])).changed == [id]
        await settled(system)
        with pytest.raises(JobNotFoundError):
            await system.job(id)
    assert artifacts.find(id) is None
    assert await queue.getJobs(["completed", "failed", "waiting", "active"]) == []
    await queue.close()


async def test_of_a_cancellation_and_a_worker_one_wins_and_the_job_ends_once(settings: Settings) -> None:
    registry, ran = counting()
    async with running_system(settings, registry) as system:
        published = await system.publisher.publish_bulk([request() for _ in range(300)])
        ids = [one.id for one in published]
        cancelled = set((await system.control.cancel(ids)).changed)
        jobs = [await system.finished(id) for id in ids]
    assert {job.id for job in jobs if job.status is JobStatus.CANCELLED} == cancelled
    assert {job.id for job in jobs if job.status is JobStatus.COMPLETED} == set(ids) - cancelled
    # A claim is a read, so a job may begin in the instant in which it is cancelled; what it returns is discarded.
    assert set(ran) >= {str(id) for id in set(ids) - cancelled}
    assert len(ran) == len(set(ran))


async def test_everything_that_failed_is_retried_at_once(settings: Settings) -> None:
    registry = Registry()
    well = asyncio.Event()

    @registry.processor("work", attempts=1)
    async def work(payload: dict[str, int]) -> None:
        if not well.is_set():
            raise ConnectionError

    async with running_system(settings, registry) as system:
        ids = [one.id for one in await system.publisher.publish_bulk([request() for _ in range(700)])]
        for id in ids:
            assert (await system.finished(id)).status is JobStatus.FAILED
        well.set()
        begun = await system.control.begin(OperationAction.RETRY, JobFilter(status=JobStatus.FAILED))

        async def done() -> bool:
            return (await system.control.operation(begun.id)).finished_at is not None

        await eventually(done)
        jobs = [await system.finished(id) for id in ids]
    assert {(job.status, job.generation) for job in jobs} == {(JobStatus.COMPLETED, 1)}

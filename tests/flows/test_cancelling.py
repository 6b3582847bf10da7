"""Cancelling jobs that run: the worker stops them, or they end first; never both."""

import asyncio
import threading
from typing import Any
from uuid import UUID

import pytest

from herdbook.model.context import JobContext
from herdbook.model.job import AttemptOutcome, JobStatus
from herdbook.model.registry import Registry
from herdbook.publishing.publish import JobRequest
from herdbook.record.reads import read_attempts
from herdbook.settings import Settings
from herdbook.testing import RunningSystem, eventually, running_system

from . import apart


def registry(ended: threading.Event) -> Registry:
    registry = Registry()

    @registry.processor("patient")
    async def patient(payload: Any) -> None:
        await asyncio.Event().wait()

    @registry.processor("blocking")
    def blocking(payload: Any, job: JobContext) -> None:
        while not job.cancelled:
            ended.wait(0.01)
        ended.set()

    @registry.processor("brief")
    async def brief(payload: float) -> str:
        await asyncio.sleep(payload)
        return "done"

    registry.processor("apart", executor="process")(apart.stuck)
    return registry


async def started(system: RunningSystem, job_type: str, data: Any = 0) -> UUID:
    id = (await system.publisher.publish(JobRequest(job_type=job_type, job_data=data))).id

    async def runs() -> bool:
        return (await system.job(id)).status is JobStatus.PROCESSING

    await eventually(runs)
    return id


@pytest.mark.parametrize("job_type", ["patient", "blocking", "apart"])
async def test_a_running_job_of_each_kind_is_stopped(settings: Settings, job_type: str) -> None:
    ended = threading.Event()
    async with running_system(settings, registry(ended)) as system:
        id = await started(system, job_type)
        changes = await system.control.cancel_and_wait(id, "not needed", timeout=15)
        assert changes.changed == [id]
        job = await system.job(id)
        assert (job.status, job.error_message) == (JobStatus.CANCELLED, "not needed")
        async with system.database.connection() as connection:
            (attempt,) = await read_attempts(connection, job)
            assert attempt.outcome is AttemptOutcome.CANCELLED

            async def is_forgotten() -> bool:
                return not await connection.fetchval("SELECT count(*) FROM herdbook.cancellations")

            await eventually(is_forgotten)
        if job_type == "blocking":
            await asyncio.to_thread(ended.wait)


async def test_a_job_that_has_just_begun_is_stopped(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    # Long enough for the cancellation to find a job that the record does not show as running yet.
    monkeypatch.setattr("herdbook.execution.start_saver._BRIEF", 1.0)
    begun, stopped = asyncio.Event(), asyncio.Event()
    own = Registry()

    @own.processor("begins")
    async def begins(is_brief: bool) -> None:
        if is_brief:
            return
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    async with running_system(settings, own) as system:
        brief = await system.publisher.publish(JobRequest(job_type="begins", job_data=True))
        await system.finished(brief.id)
        id = (await system.publisher.publish(JobRequest(job_type="begins", job_data=False))).id
        await begun.wait()
        assert (await system.job(id)).status is JobStatus.PENDING
        assert (await system.control.cancel([id], "not needed")).changed == [id]
        await stopped.wait()

        async def is_let_go() -> bool:
            return system.worker.held == 0

        await eventually(is_let_go)
        job = await system.job(id)
    assert (job.status, job.error_message) == (JobStatus.CANCELLED, "not needed")


async def test_a_cancelled_job_that_is_retried_runs_again(settings: Settings) -> None:
    async with running_system(settings, registry(threading.Event())) as system:
        id = await started(system, "patient")
        await system.control.cancel_and_wait(id, timeout=15)
        await system.control.retry([id])

        async def runs_again() -> bool:
            job = await system.job(id)
            return (job.status, job.generation) == (JobStatus.PROCESSING, 1)

        await eventually(runs_again)
        await system.control.cancel_and_wait(id, timeout=15)


async def test_a_job_between_two_attempts_is_cancelled_all_the_same(settings: Settings) -> None:
    """Its worker was asked, but the attempt failed before it looked."""
    async with running_system(settings, registry(threading.Event())) as system:
        id = await started(system, "patient")
        async with system.database.transaction() as connection:
            await connection.execute(
                "UPDATE herdbook.jobs SET status = 'pending', worker = NULL, run_at = now() + interval '1 hour'"
                " WHERE id = $1",
                id,
            )
            await connection.execute("INSERT INTO herdbook.cancellations VALUES ($1, 0, 'too late')", id)
        job = await system.finished(id)
        assert (job.status, job.error_message) == (JobStatus.CANCELLED, "too late")


async def test_of_200_cancellations_and_completions_exactly_one_wins_each(settings: Settings) -> None:
    async with running_system(settings, registry(threading.Event())) as system:
        requests = [JobRequest(job_type="brief", job_data=0.2 + 0.005 * number) for number in range(200)]
        ids = [one.id for one in await system.publisher.publish_bulk(requests)]
        told = await asyncio.gather(*(system.control.cancel_and_wait(id, timeout=20) for id in ids))
        jobs = await asyncio.gather(*(system.finished(id) for id in ids))
        for id, changes, job in zip(ids, told, jobs, strict=True):
            assert not changes.asked
            if job.status is JobStatus.CANCELLED:
                assert changes.changed == [id]
            else:
                assert (job.status, job.result) == (JobStatus.COMPLETED, "done")
                assert changes.refused == {id: "is completed"}


async def test_nothing_of_a_cancelled_job_stays_behind(settings: Settings) -> None:
    async with running_system(settings, registry(threading.Event())) as system:
        ids = [await started(system, kind) for kind in ("patient", "blocking", "apart")]
        for id in ids:
            await system.control.cancel_and_wait(id, timeout=15)
        await system.worker.idle()

    async def nothing_is_left() -> bool:
        threads = [one for one in threading.enumerate() if one.name.startswith("herdbook")]
        return not threads and not apart.job_processes()

    await eventually(nothing_is_left)

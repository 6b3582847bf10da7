"""Tries that fail, and what becomes of them."""

from pydantic import BaseModel

from herdbook import Unrecoverable
from herdbook.context import JobContext
from herdbook.job import AttemptOutcome, JobStatus
from herdbook.publish import JobRequest
from herdbook.registry import Registry
from herdbook.settings import Settings
from herdbook.store.reads import read_attempts
from herdbook.testing import running_system


class Order(BaseModel):
    number: int


async def test_a_job_is_tried_until_it_succeeds_and_each_try_is_written_down(settings: Settings) -> None:
    registry = Registry()

    @registry.processor("flaky", attempts=5, backoff={"type": "fixed", "delay": 20})
    async def flaky(order: Order, job: JobContext) -> int:
        if job.attempt < 3:
            raise ConnectionError(f"busy at try {job.attempt}")
        return job.attempt

    async with running_system(settings, registry) as system:
        published = await system.publisher.publish(JobRequest(job_type="flaky", job_data={"number": 1}))
        job = await system.finished(published.id)
        async with system.record.connection() as connection:
            attempts = await read_attempts(connection, job)

    assert (job.status, job.result, job.attempt, job.error_message) == (JobStatus.COMPLETED, 3, 3, None)
    assert [(one.outcome, one.error_type, one.error_message) for one in attempts] == [
        (AttemptOutcome.RETRY, "ConnectionError", "busy at try 1"),
        (AttemptOutcome.RETRY, "ConnectionError", "busy at try 2"),
        (AttemptOutcome.COMPLETED, None, None),
    ]
    assert "in flaky" in (attempts[0].stack_trace or "")
    assert "runner.py" not in (attempts[0].stack_trace or "")
    assert attempts[0].started_at
    assert attempts[0].ended_at
    assert attempts[1].started_at
    assert (attempts[1].started_at - attempts[0].ended_at).total_seconds() >= 0.015


async def test_a_job_that_never_succeeds_fails_with_its_last_error(settings: Settings) -> None:
    registry = Registry()

    @registry.processor("broken", attempts=2, backoff=None)
    async def broken(order: Order, job: JobContext) -> None:
        raise ValueError(f"no {job.attempt}")

    async with running_system(settings, registry) as system:
        published = await system.publisher.publish(JobRequest(job_type="broken", job_data={"number": 1}))
        job = await system.finished(published.id)
    assert (job.status, job.error_message, job.attempt) == (JobStatus.FAILED, "no 2", 2)
    assert job.completed_at is not None


async def test_an_unrecoverable_error_is_not_tried_again(settings: Settings) -> None:
    registry = Registry()

    @registry.processor("hopeless", attempts=5)
    async def hopeless(order: Order) -> None:
        raise Unrecoverable("the address does not exist")

    async with running_system(settings, registry) as system:
        published = await system.publisher.publish(JobRequest(job_type="hopeless", job_data={"number": 1}))
        job = await system.finished(published.id)
    assert (job.status, job.attempt, job.error_message) == (JobStatus.FAILED, 1, "the address does not exist")


async def test_a_payload_that_does_not_fit_fails_at_once(settings: Settings) -> None:
    """SQL can publish what no model has checked."""
    registry = Registry()

    @registry.processor("order", attempts=5)
    async def order(order: Order) -> None: ...

    async with running_system(settings, registry) as system:
        async with system.record.connection() as connection:
            id = await connection.fetchval("""SELECT herdbook.publish('order', '{"number": "many"}')""")
        job = await system.finished(id)
    assert (job.status, job.attempt) == (JobStatus.FAILED, 1)
    assert "jobData.number" in (job.error_message or "")


async def test_a_type_that_the_worker_does_not_know_is_said_so(settings: Settings) -> None:
    registry, other = Registry(), Registry()

    @registry.processor("known", queue="shared")
    async def known(order: Order) -> None: ...

    other.declare("unknown", Order, queue="shared", attempts=1)
    async with running_system(settings, registry) as system:
        async with system.record.connection() as connection:
            id = await connection.fetchval(
                """SELECT herdbook.publish('unknown', '{"number": 1}', queue => 'shared', attempts => 1)"""
            )
        job = await system.finished(id)
    assert (job.status, job.error_message) == (
        JobStatus.FAILED,
        "this worker has no processor for job type 'unknown'",
    )


async def test_a_result_that_postgresql_refuses_spoils_no_other(settings: Settings) -> None:
    registry = Registry()

    @registry.processor("number")
    async def number(order: Order) -> int:
        return order.number

    async with running_system(settings, registry) as system:
        async with system.record.connection() as connection:
            await connection.execute("ALTER TABLE herdbook.jobs ADD CHECK (result <> '3')")
        published = await system.publisher.publish_bulk(
            [JobRequest(job_type="number", job_data={"number": n}) for n in range(6)]
        )
        jobs = [await system.finished(one.id) for one in published]
    assert [job.result for job in jobs] == [0, 1, 2, None, 4, 5]
    assert jobs[3].status is JobStatus.FAILED
    assert "violates check constraint" in (jobs[3].error_message or "")


async def test_whatever_a_processor_raises_fails_its_own_try_only(settings: Settings) -> None:
    import asyncio

    registry = Registry()

    @registry.processor("exits", attempts=1)
    async def exits(order: Order) -> None:
        if order.number == 0:
            raise SystemExit(3)
        if order.number == 1:
            raise asyncio.CancelledError
        task = asyncio.current_task()
        assert task
        task.cancel()
        await asyncio.Event().wait()

    async with running_system(settings, registry) as system:
        published = [
            await system.publisher.publish(JobRequest(job_type="exits", job_data={"number": n})) for n in range(3)
        ]
        jobs = [await system.finished(one.id) for one in published]
        attempts = []
        async with system.record.connection() as connection:
            for job in jobs:
                attempts += await read_attempts(connection, job)
    assert [one.error_type for one in attempts] == ["SystemExit", "CancelledError", "CancelledError"]

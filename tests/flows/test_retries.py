"""Tries that fail, and what becomes of them."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from pydantic import BaseModel

from herdbook import Cancel, Retry, Snooze, Unrecoverable
from herdbook.model.context import JobContext
from herdbook.model.job import Attempt, AttemptOutcome, Job, JobStatus
from herdbook.model.options import JobOptions
from herdbook.model.registry import Registry
from herdbook.publishing.publish import JobRequest
from herdbook.record.reads import read_attempts
from herdbook.settings import Settings
from herdbook.testing import RunningSystem, eventually, running_system


class Order(BaseModel):
    number: int


async def attempts_of(system: RunningSystem, job: Job) -> list[Attempt]:
    async with system.database.connection() as connection:
        return await read_attempts(connection, job)


async def run(system: RunningSystem, job_type: str, number: int = 1) -> tuple[Job, list[Attempt]]:
    """A job once it is final, and its attempts."""
    published = await system.publisher.publish(JobRequest(job_type=job_type, job_data={"number": number}))
    job = await system.finished(published.id)
    return job, await attempts_of(system, job)


def waits(attempts: list[Attempt]) -> list[timedelta]:
    """What lay between the attempts."""
    return [
        after.started_at - before.ended_at
        for before, after in pairwise(attempts)
        if after.started_at and before.ended_at
    ]


async def test_a_job_is_tried_until_it_succeeds_and_each_try_is_written_down(settings: Settings) -> None:
    registry = Registry()

    @registry.processor("flaky", attempts=5, backoff={"type": "fixed", "delay": 20})
    async def flaky(order: Order, job: JobContext) -> int:
        if job.attempt < 3:
            raise ConnectionError(f"busy at attempt {job.attempt}")
        return job.attempt

    async with running_system(settings, registry) as system:
        published = await system.publisher.publish(JobRequest(job_type="flaky", job_data={"number": 1}))
        job = await system.finished(published.id)
        async with system.database.connection() as connection:
            attempts = await read_attempts(connection, job)

    assert (job.status, job.result, job.attempt, job.error_message) == (JobStatus.COMPLETED, 3, 3, None)
    assert [(one.outcome, one.error_type, one.error_message) for one in attempts] == [
        (AttemptOutcome.RETRY, "ConnectionError", "busy at attempt 1"),
        (AttemptOutcome.RETRY, "ConnectionError", "busy at attempt 2"),
        (AttemptOutcome.COMPLETED, None, None),
    ]
    assert "in flaky" in (attempts[0].stack_trace or "")
    assert "execution/run.py" not in (attempts[0].stack_trace or "")
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
        async with system.database.connection() as connection:
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
        async with system.database.connection() as connection:
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
        async with system.database.connection() as connection:
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
        async with system.database.connection() as connection:
            for job in jobs:
                attempts += await read_attempts(connection, job)
    assert [one.error_type for one in attempts] == ["SystemExit", "CancelledError", "CancelledError"]


async def test_a_programs_own_backoff_decides_how_long_to_wait(settings: Settings) -> None:
    registry = Registry()
    asked: list[tuple[int, str]] = []

    def backoff(attempt: int, error: BaseException) -> float:
        asked.append((attempt, str(error)))
        return 30 * attempt

    @registry.processor("own", attempts=3, backoff=backoff)
    async def own(order: Order, job: JobContext) -> None:
        raise ConnectionError(f"busy {job.attempt}")

    async with running_system(settings, registry) as system:
        job, attempts = await run(system, "own")
    assert (job.status, len(attempts)) == (JobStatus.FAILED, 3)
    assert asked == [(1, "busy 1"), (2, "busy 2")]
    first, second = waits(attempts)
    assert first >= timedelta(milliseconds=29)
    assert second >= timedelta(milliseconds=59)


async def test_a_jobs_own_backoff_goes_before_the_programs(settings: Settings) -> None:
    registry = Registry()

    def never(attempt: int, error: BaseException) -> float:
        raise AssertionError

    @registry.processor("own", attempts=2, backoff=never)
    async def own(order: Order) -> None:
        raise ConnectionError

    options = JobOptions.model_validate({"backoff": {"type": "fixed", "delay": 20, "jitter": 0.5}})
    async with running_system(settings, registry) as system:
        published = await system.publisher.publish(JobRequest(job_type="own", job_data={"number": 1}, options=options))
        job = await system.finished(published.id)
        attempts = await attempts_of(system, job)
    assert [one.error_type for one in attempts] == ["ConnectionError"] * 2
    assert waits(attempts)[0] >= timedelta(milliseconds=9)


async def test_a_broken_backoff_function_is_told_and_the_default_holds(settings: Settings) -> None:
    registry = Registry()

    @registry.processor("own", attempts=2, backoff=lambda _attempt, _error: 1 / 0)
    async def own(order: Order) -> None:
        raise ConnectionError("busy")

    async with running_system(settings, registry) as system:
        _, attempts = await run(system, "own")
    assert attempts[0].error_message == "busy (its backoff function failed: ZeroDivisionError: division by zero)"
    assert waits(attempts)[0] >= timedelta(milliseconds=900)


async def test_a_processor_may_say_when_to_try_again(settings: Settings) -> None:
    registry = Registry()

    @registry.processor("limited", attempts=2, backoff={"type": "fixed", "delay": "1h"})
    async def limited(order: Order, job: JobContext) -> int:
        if job.attempt == 1:
            raise Retry("the bucket is empty", after=30)
        return job.attempt

    async with running_system(settings, registry) as system:
        job, attempts = await run(system, "limited")
    assert (job.status, job.result) == (JobStatus.COMPLETED, 2)
    assert (attempts[0].outcome, attempts[0].error_message) == (AttemptOutcome.RETRY, "the bucket is empty")
    assert waits(attempts)[0] >= timedelta(milliseconds=29)


async def test_a_snoozed_job_comes_back_and_no_try_is_counted(settings: Settings) -> None:
    registry = Registry()
    calls: list[int] = []

    @registry.processor("sleepy", attempts=1)
    async def sleepy(order: Order, job: JobContext) -> str:
        calls.append(job.attempt)
        if len(calls) < 4:
            raise Snooze(order.number)
        return "awake"

    async with running_system(settings, registry) as system:
        job, attempts = await run(system, "sleepy", number=20)
        async with system.database.connection() as connection:
            made = await connection.fetchval("SELECT attempts_made FROM herdbook.jobs")
    assert (job.status, job.result, job.error_message, made) == (JobStatus.COMPLETED, "awake", None, 1)
    assert [one.outcome for one in attempts] == [AttemptOutcome.SNOOZED] * 3 + [AttemptOutcome.COMPLETED]
    assert [one.error_type for one in attempts] == [None] * 4
    assert min(waits(attempts)) >= timedelta(milliseconds=19)


async def test_while_it_is_snoozed_a_job_is_scheduled(settings: Settings) -> None:
    registry = Registry()

    @registry.processor("sleepy", attempts=1)
    async def sleepy(order: Order) -> None:
        raise Snooze("1h")

    async with running_system(settings, registry) as system:
        published = await system.publisher.publish(JobRequest(job_type="sleepy", job_data={"number": 1}))

        async def snoozed() -> Job | None:
            job = await system.job(published.id)
            return job if job.run_at else None

        job = await eventually(snoozed)
    assert job
    assert job.run_at
    assert (job.status, job.attempt) == (JobStatus.PENDING, 1)
    assert timedelta(minutes=55) < job.run_at - datetime.now(UTC) < timedelta(minutes=61)


async def test_a_processor_may_cancel_its_job(settings: Settings) -> None:
    registry = Registry()

    @registry.processor("unwanted", attempts=5)
    async def unwanted(order: Order) -> None:
        raise Cancel("the order was withdrawn")

    async with running_system(settings, registry) as system:
        job, (attempt,) = await run(system, "unwanted")
    assert (job.status, job.error_message) == (JobStatus.CANCELLED, "the order was withdrawn")
    assert (attempt.outcome, attempt.error_type) == (AttemptOutcome.CANCELLED, "Cancel")


async def test_errors_are_kept_with_their_causes_and_without_secrets(settings: Settings) -> None:
    registry = Registry()

    @registry.processor("broken", attempts=1)
    def broken(order: Order) -> None:
        token = "kept in a variable"  # noqa: F841
        try:
            raise ConnectionError("cannot reach postgresql://me:s3cr3t@db/orders")
        except ConnectionError as error:
            raise RuntimeError(f"order {order.number} is stuck") from error

    async with running_system(settings, registry) as system:
        job, (attempt,) = await run(system, "broken", number=4)
    trace = attempt.stack_trace or ""
    assert job.error_message == "order 4 is stuck"
    assert "postgresql://me:***@db/orders" in trace
    assert trace.index("ConnectionError") < trace.index("RuntimeError: order 4")
    assert "direct cause" in trace
    assert "kept in a variable" not in trace
    assert "herdbook/" not in trace
    assert "concurrent/futures" not in trace

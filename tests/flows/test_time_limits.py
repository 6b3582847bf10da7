"""Functions that block for two minutes, with a limit of seconds: each kind ends, and what was around it goes on."""

import asyncio
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from herdbook.model.context import JobContext
from herdbook.model.job import Attempt, AttemptOutcome, Job, JobStatus
from herdbook.model.options import JobOptions
from herdbook.model.registry import Registry
from herdbook.publishing.publish import JobRequest, Publisher
from herdbook.queue.connection import connect
from herdbook.record.database import Database
from herdbook.record.reads import read_attempts, read_job, read_logs
from herdbook.relay import Relay
from herdbook.settings import Settings
from herdbook.testing import RunningSystem, eventually, running_system
from tests.cli.processes import running, wait_for_exit

from . import apart

LIMIT = 0.3
LIMITED = JobOptions(timeout=LIMIT)


async def attempts_of(system: RunningSystem, job: Job) -> list[Attempt]:
    async with system.database.connection() as connection:
        return await read_attempts(connection, job)


def ran_for(attempt: Attempt) -> float:
    assert attempt.started_at
    assert attempt.ended_at
    return (attempt.ended_at - attempt.started_at).total_seconds()


@pytest.mark.parametrize(
    ("job_type", "data", "place"),
    [
        ("stuck_async", {"number": 1}, "in stuck_async"),
        ("stuck_thread", {"number": 1}, "in _wait_for_ever"),
        ("stuck", 1, "in _wait_for_ever"),
    ],
)
async def test_a_job_of_each_kind_ends_at_its_limit_and_says_where_it_was(
    settings: Settings, job_type: str, data: Any, place: str
) -> None:
    apart.enough.clear()
    with_one = settings.model_copy(update={"concurrency": 1, "processes": 1})
    async with running_system(with_one, apart.book) as system:
        stuck = await system.publisher.publish(JobRequest(job_type=job_type, job_data=data, options=LIMITED))
        job = await system.finished(stuck.id)
        (attempt,) = await attempts_of(system, job)
    assert (job.status, attempt.outcome, attempt.error_type) == (JobStatus.FAILED, AttemptOutcome.FAILED, "TimedOut")
    assert (job.error_message or "").startswith("it took longer than its limit of 0.3 s")
    assert ("a thread cannot be stopped" in (job.error_message or "")) == (job_type == "stuck_thread")
    assert LIMIT <= ran_for(attempt) < 60
    assert place in (attempt.stack_trace or "")
    assert "execution/run.py" not in (attempt.stack_trace or "")
    apart.enough.set()
    assert not apart.job_processes()


SLEEPERS = """
import asyncio, time
from herdbook import Herdbook

book = Herdbook()

@book.processor("waits", queue="sleepers", attempts=1, timeout=2)
async def waits(seconds: int) -> None:
    await asyncio.sleep(seconds)

@book.processor("sleeps", queue="sleepers", attempts=1, timeout=2)
def sleeps(seconds: int) -> None:
    time.sleep(seconds)

@book.processor("sleeps-apart", queue="sleepers", attempts=1, timeout=2, executor="process")
def sleeps_apart(seconds: int) -> None:
    time.sleep(seconds)
"""


async def test_two_minutes_of_sleep_end_after_two_seconds(
    settings: Settings, database: Database, tmp_path: Path
) -> None:
    (tmp_path / "sleepers.py").write_text(SLEEPERS, encoding="utf-8")
    kinds = ("waits", "sleeps", "sleeps-apart")
    registry = Registry()
    for kind in kinds:
        registry.declare(kind, int, queue="sleepers", attempts=1)
    servers = {"DATABASE_URL": settings.database_url or "", "REDIS_URL": settings.redis_url or ""}
    publisher = Publisher(database, registry, max_job_bytes=1_000)
    ids = [(await publisher.publish(JobRequest(job_type=kind, job_data=120))).id for kind in kinds]
    async with connect(servers["REDIS_URL"]) as client:
        relay = Relay(database, client, prefix=settings.queue_prefix)
        relay.start()
        prefix = {"HERDBOOK_QUEUE_PREFIX": settings.queue_prefix}
        words = ("worker", "sleepers:book", "--queue", "sleepers")
        async with running(*words, cwd=tmp_path, **servers, **prefix) as worker:

            async def ended_jobs() -> list[Job] | None:
                async with database.connection() as connection:
                    jobs = [await read_job(connection, id) for id in ids]
                return jobs if all(job.status.is_final for job in jobs) else None

            jobs = await eventually(ended_jobs, timeout=60)
            # Also the thread that sleeps on keeps the worker from nothing.
            worker.terminate()
            assert (await wait_for_exit(worker))[0] == 0
        await relay.stop()
    async with database.connection() as connection:
        attempts = [one for job in jobs or () for one in await read_attempts(connection, job)]
    assert [(one.outcome, one.error_type) for one in attempts] == [(AttemptOutcome.FAILED, "TimedOut")] * 3
    assert all(2 <= ran_for(one) < 60 for one in attempts)


async def test_a_job_that_timed_out_is_tried_again_like_any_other(settings: Settings) -> None:
    registry = Registry()

    @registry.processor("slow", attempts=3, backoff=None, timeout="300ms")
    async def slow(payload: dict[str, int], job: JobContext) -> int:
        assert job.deadline
        assert job.deadline > datetime.now(UTC)
        if job.attempt == 1:
            await asyncio.Event().wait()
        return job.attempt

    async with running_system(settings, registry) as system:
        published = await system.publisher.publish(JobRequest(job_type="slow", job_data={}))
        job = await system.finished(published.id)
        first, second = await attempts_of(system, job)
    assert (job.status, job.result) == (JobStatus.COMPLETED, 2)
    assert (first.outcome, first.error_type) == (AttemptOutcome.RETRY, "TimedOut")
    assert second.outcome is AttemptOutcome.COMPLETED


async def test_a_thread_that_was_given_up_gives_its_place_back_and_its_late_result_is_ignored(
    settings: Settings,
) -> None:
    registry = Registry()
    gate, seen = threading.Event(), threading.Event()

    @registry.processor("late", queue="threads", attempts=1, timeout=LIMIT)
    def late(payload: dict[str, int], job: JobContext) -> str:
        gate.wait()
        if job.cancelled:
            seen.set()
        job.log("too late")
        return "too late"

    @registry.processor("quick", queue="threads", attempts=1)
    def quick(payload: dict[str, int]) -> str:
        return "in time"

    async with running_system(settings.model_copy(update={"concurrency": 1}), registry) as system:
        first = await system.publisher.publish(JobRequest(job_type="late", job_data={}))
        second = await system.publisher.publish(JobRequest(job_type="quick", job_data={}))
        after = await system.finished(second.id)
        assert not gate.is_set()
        gate.set()
        await asyncio.to_thread(seen.wait)
        late_job = await system.finished(first.id)
        async with system.database.connection() as connection:
            lines = await read_logs(connection, first.id)
        attempts = await attempts_of(system, late_job)
    assert after.result == "in time"
    assert (late_job.status, late_job.result, len(attempts), lines) == (JobStatus.FAILED, None, 1, [])


async def test_a_coroutine_that_swallows_its_cancellation_is_given_up(settings: Settings) -> None:
    registry = Registry()
    gate, ended = asyncio.Event(), asyncio.Event()

    @registry.processor("stubborn", queue="stubborn", attempts=1, timeout=LIMIT)
    async def stubborn(payload: dict[str, int]) -> str:
        while not gate.is_set():
            try:
                await gate.wait()
            except asyncio.CancelledError:
                continue
        ended.set()
        return "too late"

    async with running_system(settings, registry) as system:
        published = await system.publisher.publish(JobRequest(job_type="stubborn", job_data={}))
        job = await system.finished(published.id)
        gate.set()
        await ended.wait()
        still = await system.job(published.id)
    assert (job.status, job.result) == (JobStatus.FAILED, None)
    assert still == job


async def test_a_coroutine_that_returns_when_it_is_cancelled_has_timed_out_all_the_same(settings: Settings) -> None:
    registry = Registry()

    @registry.processor("tidy", attempts=1, timeout=LIMIT)
    async def tidy(payload: dict[str, int], job: JobContext) -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            job.log(f"cancelled: {job.cancelled}")
        return "half"

    async with running_system(settings, registry) as system:
        published = await system.publisher.publish(JobRequest(job_type="tidy", job_data={}))
        job = await system.finished(published.id)
        async with system.database.connection() as connection:
            lines = await read_logs(connection, published.id)
    assert (job.status, job.result) == (JobStatus.FAILED, None)
    assert [line.message for line in lines] == ["cancelled: True"]


async def test_a_process_may_look_whether_it_is_to_end_and_is_then_used_again(settings: Settings) -> None:
    async with running_system(settings.model_copy(update={"processes": 1}), apart.book) as system:
        warm = await system.publisher.publish(JobRequest(job_type="square", job_data={"number": 1}))
        before = (await system.finished(warm.id)).result["pid"]
        polite = await system.publisher.publish(JobRequest(job_type="polite", job_data={"number": 1}, options=LIMITED))
        job = await system.finished(polite.id)
        async with system.database.connection() as connection:
            lines = await read_logs(connection, polite.id)
        again = await system.publisher.publish(JobRequest(job_type="square", job_data={"number": 2}))
        after = (await system.finished(again.id)).result["pid"]
    assert (job.status, job.result) == (JobStatus.FAILED, None)
    assert [line.message for line in lines] == ["it is to end"]
    assert before == after


async def test_time_in_which_a_job_waits_for_a_process_does_not_count(settings: Settings) -> None:
    registry = Registry()
    registry.include(apart.book.registry)
    one = settings.model_copy(update={"processes": 1})
    async with running_system(one, registry) as system:
        ids: list[UUID] = []
        for number in range(20):
            request = JobRequest(job_type="square", job_data={"number": number}, options=JobOptions(timeout=20))
            ids.append((await system.publisher.publish(request)).id)
        jobs = [await system.finished(id) for id in ids]
    assert all(job.status is JobStatus.COMPLETED and job.result["deadline"] for job in jobs)


async def test_a_jobs_own_limit_goes_before_its_types_and_sql_can_give_one(settings: Settings) -> None:
    registry = Registry()
    deadlines: list[datetime | None] = []

    @registry.processor("limits", attempts=1, timeout=1_000)
    async def limits(payload: dict[str, int], job: JobContext) -> None:
        deadlines.append(job.deadline)

    async with running_system(settings, registry) as system:
        for options in (JobOptions(), JobOptions(timeout="5h")):
            published = await system.publisher.publish(JobRequest(job_type="limits", job_data={}, options=options))
            await system.finished(published.id)
        async with system.database.connection() as connection:
            id = await connection.fetchval("SELECT herdbook.publish('limits', '{}', timeout => '100 hours')")
        job = await system.finished(id)
    now = datetime.now(UTC)
    assert job.timeout_ms == 360_000_000
    assert [round((one - now).total_seconds() / 100) for one in deadlines if one] == [10, 180, 3600]


async def test_a_busy_thread_pool_does_not_starve_others(settings: Settings) -> None:
    """Threads that never pause want the interpreter for themselves; another queue's job gets through meanwhile."""
    registry = Registry()
    enough = threading.Event()

    @registry.processor("burn", queue="burning", attempts=1)
    def burn(payload: dict[str, int]) -> int:
        rounds = 0
        while not enough.is_set():
            rounds += 1
        return rounds

    @registry.processor("light", queue="light", attempts=1)
    async def light(payload: dict[str, int]) -> bool:
        return enough.is_set()

    patient = settings.model_copy(update={"concurrency": 3, "lock_duration": 30_000})
    async with running_system(patient, registry) as system:
        burning = await system.publisher.publish_bulk([JobRequest(job_type="burn", job_data={})] * 3)

        async def all_run() -> bool:
            jobs = [await system.job(one.id) for one in burning]
            return all(job.status is JobStatus.PROCESSING for job in jobs)

        try:
            await eventually(all_run)
            published = await system.publisher.publish(JobRequest(job_type="light", job_data={}))
            job = await system.finished(published.id)
        finally:
            enough.set()
        burnt = [await system.finished(one.id) for one in burning]
    assert job.result is False
    assert [one.attempt for one in burnt] == [1] * 3

"""Workers that are killed, and workers that are told to stop: no job is lost, none is recorded twice."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process, create_subprocess_exec
from pathlib import Path
from typing import Any

from herdbook.model.context import JobContext
from herdbook.model.job import AttemptOutcome, JobStatus
from herdbook.model.registry import Registry
from herdbook.publishing.publish import JobRequest, Publisher
from herdbook.queue.connection import connect
from herdbook.record.database import Database
from herdbook.record.reads import read_attempts
from herdbook.relay import Relay
from herdbook.settings import Settings
from herdbook.testing import eventually, running_system

from .working import book


async def start_worker(settings: Settings, queue: str = "killed") -> Process:
    environment = {
        **os.environ,
        "DATABASE_URL": settings.database_url or "",
        "REDIS_URL": settings.redis_url or "",
        "HERDBOOK_DATA": str(settings.data),
        "HERDBOOK_QUEUE_PREFIX": settings.queue_prefix,
        "HERDBOOK_LOCK_DURATION": str(settings.lock_duration),
        "HERDBOOK_STALLED_INTERVAL": str(settings.stalled_interval),
        "HERDBOOK_MAX_STALLED": str(settings.max_stalled),
        "HERDBOOK_STOP_DEADLINE": "0",
        "HERDBOOK_LOG_LEVEL": "error",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    command = (sys.executable, "-m", "herdbook", "worker", "tests.flows.working:book", "--queue", queue)
    return await create_subprocess_exec(*command, env=environment)


async def ask(database: Database, question: str) -> Any:
    async with database.connection() as connection:
        return await connection.fetchval(question)


async def test_a_killed_workers_jobs_are_run_by_the_next_and_recorded_once(
    settings: Settings, database: Database
) -> None:
    assert settings.redis_url
    client = connect(settings.redis_url)
    relay = Relay(database, client, prefix=settings.queue_prefix)
    relay.start()
    publisher = Publisher(database, book.registry, max_job_bytes=10_000)
    # The first ten last, so that some are running whenever the worker is killed.
    data = [{"n": n, "seconds": 3} if n < 10 else {"n": n} for n in range(1_000)]
    await publisher.publish_bulk([JobRequest(job_type="pause", job_data=one) for one in data])
    first = await start_worker(settings)

    async def is_in_the_middle() -> bool:
        return bool(
            await ask(database, "SELECT count(*) BETWEEN 200 AND 800 FROM herdbook.jobs WHERE status = 'completed'")
        )

    await eventually(is_in_the_middle, timeout=30)
    first.kill()
    await first.wait()
    held = await ask(database, "SELECT count(*) FROM herdbook.jobs WHERE status = 'processing'")
    # Its locks are long: on a busy machine a short one may run out, and a job must not stall twice.
    second = await start_worker(settings.model_copy(update={"lock_duration": 30_000}))

    async def all_final() -> bool:
        return not await ask(database, "SELECT count(*) FROM herdbook.jobs WHERE status IN ('pending', 'processing')")

    await eventually(all_final, timeout=60)
    second.terminate()
    assert await second.wait() == 0
    await relay.stop()
    await client.aclose()

    assert held > 0
    completed = (
        f"SELECT count(*) FROM herdbook.jobs WHERE status = '{JobStatus.COMPLETED}' AND result = job_data -> 'n'"
    )
    assert await ask(database, completed) == 1_000
    finals = "SELECT count(*) FROM herdbook.job_attempts WHERE outcome = 'completed'"
    assert await ask(database, finals) == 1_000
    assert await ask(database, "SELECT count(*) FROM herdbook.job_attempts WHERE outcome = 'lost'") == held


async def test_a_stopped_worker_hands_its_jobs_back(settings: Settings, database: Database) -> None:
    assert settings.redis_url
    client = connect(settings.redis_url)
    relay = Relay(database, client, prefix=settings.queue_prefix)
    relay.start()
    publisher = Publisher(database, book.registry, max_job_bytes=10_000)
    await publisher.publish(JobRequest(job_type="pause", job_data={"n": 1, "seconds": 600}))
    worker = await start_worker(settings)

    async def is_running() -> bool:
        return bool(await ask(database, "SELECT count(*) FROM herdbook.jobs WHERE status = 'processing'"))

    await eventually(is_running)
    worker.send_signal(signal.SIGTERM)
    assert await worker.wait() == 0
    await relay.stop()
    await client.aclose()
    assert await ask(database, "SELECT status FROM herdbook.jobs") == JobStatus.PENDING
    assert await ask(database, "SELECT outcome FROM herdbook.job_attempts") == "released"
    assert await ask(database, "SELECT attempts_made FROM herdbook.jobs") == 0


async def test_a_job_whose_lock_is_lost_is_told_to_stop_and_runs_again(settings: Settings) -> None:
    registry = Registry()
    stopped = asyncio.Event()

    @registry.processor("pause", queue="locks", attempts=1)
    async def pause(payload: None, job: JobContext) -> int:
        if job.attempt == 1:
            try:
                await asyncio.Event().wait()
            finally:
                stopped.set()
        return job.attempt

    assert settings.redis_url
    client = connect(settings.redis_url)
    short = settings.model_copy(update={"lock_duration": 600, "stalled_interval": 100})
    async with running_system(short, registry) as system:
        published = await system.publisher.publish(JobRequest(job_type="pause", job_data=None))

        async def is_lost() -> bool:
            return bool(await client.delete(f"{settings.queue_prefix}:locks:{published.id}:lock"))

        await eventually(is_lost)
        await stopped.wait()
        job = await system.finished(published.id)
        async with system.database.connection() as connection:
            attempts = await read_attempts(connection, job)
    await client.aclose()
    assert (job.status, job.result) == (JobStatus.COMPLETED, 2)
    assert attempts[0].outcome in (AttemptOutcome.RELEASED, AttemptOutcome.LOST)


async def test_a_job_that_kills_its_workers_fails_alone(settings: Settings, database: Database) -> None:
    assert settings.redis_url
    client = connect(settings.redis_url)
    relay = Relay(database, client, prefix=settings.queue_prefix)
    relay.start()
    publisher = Publisher(database, book.registry, max_job_bytes=10_000)
    await publisher.publish_bulk([JobRequest(job_type="deadly", job_data={"n": n}) for n in range(12)])
    once = settings.model_copy(update={"max_stalled": 1})

    async def left() -> int:
        return int(await ask(database, "SELECT count(*) FROM herdbook.jobs WHERE completed_at IS NULL"))

    worker = await start_worker(once, "deadly")
    deaths = 0
    while await left():
        if worker.returncode is not None:
            deaths += 1
            worker = await start_worker(once, "deadly")
        await asyncio.sleep(0)
    worker.terminate()
    await worker.wait()
    await relay.stop()
    await client.aclose()

    # With all the others, when nobody suspects it, and then alone. The first may come before the record shows it.
    assert 2 <= deaths <= 3
    failed = await ask(database, "SELECT array_agg(job_data -> 'n') FROM herdbook.jobs WHERE status = 'failed'")
    assert failed == [7]
    assert await ask(database, "SELECT count(*) FROM herdbook.jobs WHERE status = 'completed'") == 11
    reason = await ask(database, "SELECT error_message FROM herdbook.jobs WHERE status = 'failed'")
    assert reason == "its worker vanished 2 times while it ran, so it is not run again"

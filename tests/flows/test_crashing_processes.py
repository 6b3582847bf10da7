"""Jobs that crash: in a process of its own each takes down itself alone, and none is left behind."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process, create_subprocess_exec
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import psutil

from herdbook.model.job import AttemptOutcome, JobStatus
from herdbook.model.options import JobOptions
from herdbook.publishing.publish import JobRequest, Publisher
from herdbook.queue.connection import connect
from herdbook.record.database import Database
from herdbook.record.reads import read_attempts, read_job
from herdbook.relay import Relay
from herdbook.settings import Settings
from herdbook.testing import eventually, running_system

from . import apart


async def test_a_segfault_amid_a_hundred_good_jobs_fails_itself_alone(settings: Settings) -> None:
    two = settings.model_copy(update={"processes": 2})
    requests = [JobRequest(job_type="calm", job_data={"number": n}) for n in range(100)]
    requests.insert(50, JobRequest(job_type="calm", job_data={"number": -1}))
    async with running_system(two, apart.book) as system:
        published = await system.publisher.publish_bulk(requests)
        jobs = [await system.finished(one.id, timeout=60) for one in published]
        async with system.database.connection() as connection:
            (attempt,) = await read_attempts(connection, jobs[50])
    good = jobs[:50] + jobs[51:]
    assert [job.result for job in good] == list(range(100))
    assert {(job.status, job.attempt) for job in good} == {(JobStatus.COMPLETED, 1)}
    assert (jobs[50].status, jobs[50].error_message) == (
        JobStatus.FAILED,
        "the job's process was killed by SIGSEGV",
    )
    assert attempt.error_type == "ProcessDied"
    assert "in calm" in (attempt.stack_trace or "")
    assert not apart.job_processes()


async def test_a_job_that_kills_three_processes_is_poison_whatever_tries_it_has_left(settings: Settings) -> None:
    async with running_system(settings.model_copy(update={"processes": 1}), apart.book) as system:
        published = await system.publisher.publish(JobRequest(job_type="deadly", job_data={"number": 9}))
        job = await system.finished(published.id, timeout=60)
        async with system.database.connection() as connection:
            attempts = await read_attempts(connection, job)
    assert (job.status, job.attempt, job.max_attempts) == (JobStatus.FAILED, 3, 10)
    assert job.error_message == (
        "the job's process ended by itself, with exit code 9; 3 processes have died of this job, so it is not retried"
    )
    assert [(one.outcome, one.error_type) for one in attempts] == [
        (AttemptOutcome.RETRY, "ProcessDied"),
        (AttemptOutcome.RETRY, "ProcessDied"),
        (AttemptOutcome.FAILED, "ProcessDied"),
    ]


@asynccontextmanager
async def working(settings: Settings, database: Database) -> AsyncIterator[tuple[Process, UUID, set[int]]]:
    """A worker as a process, with a job in a process of its own that never ends, and those processes."""
    assert settings.redis_url
    client = connect(settings.redis_url)
    relay = Relay(database, client, prefix=settings.queue_prefix)
    relay.start()
    publisher = Publisher(database, apart.book.registry, max_job_bytes=10_000)
    options = JobOptions(attempts=2, backoff=None)
    published = await publisher.publish(JobRequest(job_type="stuck", job_data=0, options=options))
    worker = await start_worker(settings)

    async def job_processes() -> set[int]:
        async with database.connection() as connection:
            job = await read_job(connection, published.id)
        return apart.job_processes(worker.pid) if job.status is JobStatus.PROCESSING else set()

    try:
        yield worker, published.id, await eventually(job_processes, timeout=60)
    finally:
        if worker.returncode is None:
            worker.kill()
        await worker.wait()
        await relay.stop()
        await client.aclose()


async def start_worker(settings: Settings) -> Process:
    environment = {
        **os.environ,
        "DATABASE_URL": settings.database_url or "",
        "REDIS_URL": settings.redis_url or "",
        "HERDBOOK_DATA": str(settings.data),
        "HERDBOOK_QUEUE_PREFIX": settings.queue_prefix,
        "HERDBOOK_STOP_DEADLINE": "0",
        "HERDBOOK_LOG_LEVEL": "error",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    command = (sys.executable, "-m", "herdbook", "worker", "tests.flows.apart:book", "--queue", "apart")
    return await create_subprocess_exec(*command, env=environment, start_new_session=True)


def there(pids: set[int]) -> set[int]:
    """Those that still run."""
    running = set()
    for pid in pids:
        try:
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                running.add(pid)
        except psutil.NoSuchProcess:
            continue
    return running


async def test_a_stopped_worker_ends_its_processes_and_hands_their_jobs_back(
    settings: Settings, database: Database
) -> None:
    async with working(settings, database) as (worker, id, processes):
        worker.send_signal(signal.SIGTERM)
        assert await worker.wait() == 0
        assert not there(processes)
    async with database.connection() as connection:
        job = await read_job(connection, id)
        (attempt,) = await read_attempts(connection, job)
    assert (job.status, attempt.outcome) == (JobStatus.PENDING, AttemptOutcome.RELEASED)


async def test_ctrl_c_in_the_terminal_is_for_the_worker_alone(settings: Settings, database: Database) -> None:
    """A terminal sends it to the whole group; the job must not be hit before its worker has handed it back."""
    async with working(settings, database) as (worker, id, processes):
        os.killpg(worker.pid, signal.SIGINT)
        assert await worker.wait() == 0
        assert not there(processes)
    async with database.connection() as connection:
        job = await read_job(connection, id)
        (attempt,) = await read_attempts(connection, job)
    assert (job.status, attempt.outcome) == (JobStatus.PENDING, AttemptOutcome.RELEASED)


async def test_a_killed_worker_leaves_no_process_behind(settings: Settings, database: Database) -> None:
    async with working(settings, database) as (worker, _, processes):
        assert processes
        worker.kill()
        await worker.wait()

        async def gone() -> bool:
            return not there(processes)

        await eventually(gone)


async def test_a_worker_in_this_process_leaves_none_either(settings: Settings) -> None:
    async with running_system(settings.model_copy(update={"processes": 2}), apart.book) as system:
        published = await system.publisher.publish_bulk(
            [JobRequest(job_type="calm", job_data={"number": n}) for n in range(10)]
        )
        await asyncio.gather(*(system.finished(one.id) for one in published))
        assert 1 <= len(apart.job_processes()) <= 2
    assert not apart.job_processes()

"""A worker as a process: it waits for its servers, and never exits while it holds a job."""

import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from uuid import UUID

import pytest

from herdbook.cli.event_loop import ORPHANED
from herdbook.model.job import AttemptOutcome, Job, JobStatus
from herdbook.model.registry import Registry
from herdbook.publishing.publish import JobRequest, Publisher
from herdbook.queue.connection import connect
from herdbook.record.database import Database
from herdbook.record.reads import read_attempts, read_job
from herdbook.relay import Relay
from herdbook.settings import Settings
from herdbook.testing import eventually

from .processes import read_log_until, running, wait_for_exit

APP = """
import asyncio, threading
from pathlib import Path
from herdbook import Herdbook

book = Herdbook()

@book.processor("wait", queue="waiting")
async def wait(path: str) -> str:
    while not Path(path).exists():
        await asyncio.sleep(0.01)
    return "it came"

@book.processor("stick", queue="waiting")
def stick(path: str) -> None:
    threading.Event().wait()

@book.processor("stubborn", queue="waiting")
async def stubborn(path: str) -> None:
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            Path(path).touch()

@book.processor("leave-a-thread", queue="waiting")
async def leave_a_thread(path: str) -> None:
    threading.Thread(target=threading.Event().wait, name="left").start()
    await wait(path)

@book.processor("block", queue="waiting")
async def block(path: str) -> None:
    await asyncio.sleep(0.5)
    Path(path).touch()
    threading.Event().wait()
"""
UNREACHABLE = {"DATABASE_URL": "postgresql://u:secret@127.0.0.1:1/d", "REDIS_URL": "redis://:secret@127.0.0.1:1/0"}

WORKER = ("worker", "waiting_app:book", "--queue", "waiting")


@pytest.fixture
def variables(settings: Settings) -> dict[str, str]:
    """The environment of a worker on the test's servers."""
    return {
        "DATABASE_URL": settings.database_url or "",
        "REDIS_URL": settings.redis_url or "",
        "HERDBOOK_QUEUE_PREFIX": settings.queue_prefix,
        "HERDBOOK_STOP_DEADLINE": "600",
    }


@pytest.fixture
async def publish(
    settings: Settings, database: Database, tmp_path: Path
) -> AsyncIterator[Callable[..., Awaitable[UUID]]]:
    """Publishes a job of the worker's application, which a relay queues."""
    (tmp_path / "waiting_app.py").write_text(APP, encoding="utf-8")
    registry = Registry()
    for name in ("wait", "stick", "stubborn", "leave-a-thread", "block"):
        registry.declare(name, str, queue="waiting")
    publisher = Publisher(database, registry, max_job_bytes=1_000)
    assert settings.redis_url
    async with connect(settings.redis_url) as client:
        relay = Relay(database, client, prefix=settings.queue_prefix)
        relay.start()

        async def publish(job_type: str, path: str = "none") -> UUID:
            return (await publisher.publish(JobRequest(job_type=job_type, job_data=path))).id

        yield publish
        await relay.stop()


async def job_as(database: Database, id: UUID, status: JobStatus) -> Job:
    """The job once it is in this state."""

    async def look() -> Job | None:
        async with database.connection() as connection:
            job = await read_job(connection, id)
        return job if job.status is status else None

    job = await eventually(look)
    assert job is not None
    return job


async def outcomes(database: Database, job: Job) -> list[AttemptOutcome | None]:
    async with database.connection() as connection:
        return [one.outcome for one in await read_attempts(connection, job)]


async def test_it_starts_while_both_servers_are_unreachable_and_stops_on_a_signal(tmp_path: Path) -> None:
    async with running("worker", cwd=tmp_path, **UNREACHABLE) as worker:
        log = await read_log_until(worker, "worker started", "PostgreSQL is unreachable", "Redis is unreachable")
        worker.terminate()
        code, out, rest = await wait_for_exit(worker)
    assert (code, out) == (0, "")
    assert "worker stopped" in rest
    assert "secret" not in log + rest
    assert "Traceback" not in log + rest


async def test_running_jobs_get_time_to_finish(
    variables: dict[str, str], publish: Callable[..., Awaitable[UUID]], database: Database, tmp_path: Path
) -> None:
    async with running(*WORKER, cwd=tmp_path, **variables) as worker:
        id = await publish("wait", "sign")
        await job_as(database, id, JobStatus.PROCESSING)
        worker.terminate()
        await read_log_until(worker, "worker stopping")
        (tmp_path / "sign").touch()
        assert (await wait_for_exit(worker))[0] == 0
    job = await job_as(database, id, JobStatus.COMPLETED)
    assert job.result == "it came"


async def test_a_second_signal_releases_jobs_at_once(
    variables: dict[str, str], publish: Callable[..., Awaitable[UUID]], database: Database, tmp_path: Path
) -> None:
    async with running(*WORKER, cwd=tmp_path, **variables) as worker:
        id = await publish("wait")
        await job_as(database, id, JobStatus.PROCESSING)
        worker.terminate()
        await read_log_until(worker, "worker stopping")
        worker.terminate()
        assert (await wait_for_exit(worker))[0] == 0
    job = await job_as(database, id, JobStatus.PENDING)
    assert await outcomes(database, job) == [AttemptOutcome.RELEASED]


async def test_a_worker_whose_up_was_killed_does_not_wait_for_its_jobs(
    variables: dict[str, str], publish: Callable[..., Awaitable[UUID]], database: Database, tmp_path: Path
) -> None:
    async with running(*WORKER, cwd=tmp_path, **variables) as worker:
        id = await publish("wait")
        await job_as(database, id, JobStatus.PROCESSING)
        worker.send_signal(ORPHANED)
        assert (await wait_for_exit(worker))[0] == 0
    await job_as(database, id, JobStatus.PENDING)


@pytest.mark.parametrize("job_type", ["stick", "stubborn", "leave-a-thread"])
async def test_a_processor_that_cannot_be_stopped_does_not_keep_the_process(
    variables: dict[str, str],
    publish: Callable[..., Awaitable[UUID]],
    database: Database,
    tmp_path: Path,
    job_type: str,
) -> None:
    async with running(*WORKER, cwd=tmp_path, **variables | {"HERDBOOK_STOP_DEADLINE": "0"}) as worker:
        id = await publish(job_type)
        await job_as(database, id, JobStatus.PROCESSING)
        worker.terminate()
        code, _, err = await wait_for_exit(worker)
    assert code == 0
    assert "worker stopped" in err
    assert "a processor is still running" in err
    job = await job_as(database, id, JobStatus.PENDING)
    assert await outcomes(database, job) == [AttemptOutcome.RELEASED]


@pytest.mark.parametrize(
    ("deadline", "signals"), [("0", [signal.SIGTERM]), ("600", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])]
)
async def test_a_processor_that_blocks_the_event_loop_does_not_keep_the_process(
    variables: dict[str, str],
    publish: Callable[..., Awaitable[UUID]],
    database: Database,
    tmp_path: Path,
    deadline: str,
    signals: list[signal.Signals],
) -> None:
    async with running(*WORKER, cwd=tmp_path, **variables | {"HERDBOOK_STOP_DEADLINE": deadline}) as worker:
        id = await publish("block", "blocked")

        async def is_blocked() -> bool:
            return (tmp_path / "blocked").exists()

        await eventually(is_blocked)
        for one in signals:
            # The kernel makes one of two equal signals that come at once.
            worker.send_signal(one)
        code, _, err = await wait_for_exit(worker)
    assert code == 1
    assert "exiting without handing jobs back" in err
    # Its lock expires, and another worker takes it.
    await job_as(database, id, JobStatus.PROCESSING)


async def test_a_queue_without_a_processor_is_refused(tmp_path: Path) -> None:
    async with running("worker", "--queue", "nosuch", cwd=tmp_path, **UNREACHABLE) as worker:
        code, out, err = await wait_for_exit(worker)
    assert (code, out) == (2, "")
    queues = "alerts, callbacks, email, notification, report"
    assert err == f"herdbook: no processor for queue 'nosuch'; known queues: {queues}\n"

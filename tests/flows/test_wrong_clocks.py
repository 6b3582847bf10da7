"""Processes whose clock is an hour off: jobs run when they are due by the clocks of PostgreSQL and Redis."""

import os
import sys
from asyncio.subprocess import PIPE, Process, create_subprocess_exec
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Unpack
from uuid import UUID

import httpx
import pytest
import redis.asyncio
from bullmq import Queue

from herdbook.cli.checks import check_everything
from herdbook.model.job import Job, JobStatus
from herdbook.model.options import PublishOptions
from herdbook.operating.findings import FindingKind
from herdbook.publishing.publish import JobRequest, Publisher
from herdbook.record.database import Database
from herdbook.record.job_types import declare_job_types
from herdbook.record.reads import read_job, read_logs
from herdbook.record.rollups import bucket_of, write_rollups
from herdbook.record.workers import WorkerRow, read_workers
from herdbook.relay import Relay
from herdbook.settings import Settings
from herdbook.testing import eventually
from tests.receiving import SECRET, receiving
from tests.record.attempts import ended

from .working import book

ROOT = Path(__file__).parents[2]
HOUR = 3_600


@asynccontextmanager
async def wrong(settings: Settings, seconds: int, *words: str, **variables: str) -> AsyncIterator[Process]:
    """A `herdbook` process whose clock is ahead by so many seconds."""
    environment = {
        **os.environ,
        "DATABASE_URL": settings.database_url or "",
        "REDIS_URL": settings.redis_url or "",
        "HERDBOOK_DATA": str(settings.data),
        "HERDBOOK_QUEUE_PREFIX": settings.queue_prefix,
        "HERDBOOK_STOP_DEADLINE": "0",
        "HERDBOOK_LOG_LEVEL": "warning",
        "PYTHONPATH": str(ROOT),
        **variables,
    }
    command = (sys.executable, "-P", str(ROOT / "tests/wrong_clock.py"), str(seconds), *words)
    process = await create_subprocess_exec(*command, env=environment, stdout=PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        assert await process.wait() == 0


async def read(database: Database, id: UUID) -> Job:
    async with database.connection() as connection:
        return await read_job(connection, id)


@pytest.mark.parametrize("seconds", [HOUR, -HOUR], ids=["ahead", "behind"])
async def test_jobs_run_when_they_are_due(settings: Settings, database: Database, seconds: int) -> None:
    publisher = Publisher(database, book.registry, max_job_bytes=10_000)

    async def publish(**options: Unpack[PublishOptions]) -> UUID:
        data = {"n": 1, "log": True}
        return (await publisher.publish(JobRequest(job_type="pause", job_data=data, **options))).id

    later = await publish(run_at=datetime.now(UTC) + timedelta(minutes=30))
    soon = await publish(delay="1s")

    async def is_done() -> bool:
        return (await read(database, soon)).status is JobStatus.COMPLETED

    async with (
        wrong(settings, seconds, "relay"),
        wrong(settings, seconds, "worker", "tests.flows.working:book", "--queue", "killed"),
    ):
        await eventually(is_done)
    done, scheduled = await read(database, soon), await read(database, later)
    async with database.connection() as connection:
        (line,) = await read_logs(connection, soon)
    assert (scheduled.status, scheduled.attempt) == (JobStatus.PENDING, 0)
    assert done.run_at is None
    assert done.started_at is not None
    assert done.completed_at is not None
    assert done.started_at >= done.created_at + timedelta(seconds=1)
    assert done.started_at <= line.logged_at <= done.completed_at


@pytest.mark.parametrize(("seconds", "how"), [(HOUR, "1 h ahead"), (-HOUR, "1 h behind")])
async def test_the_doctor_finds_the_worker(settings: Settings, database: Database, seconds: int, how: str) -> None:
    async def workers() -> list[WorkerRow]:
        async with database.connection() as connection:
            return await read_workers(connection)

    async with wrong(settings, seconds, "worker", "tests.flows.working:book", "--queue", "killed"):
        (worker,) = await eventually(workers)
        findings = await check_everything(settings)
    found = [one.message for one in findings if one.kind is FindingKind.WORKER_CLOCK_WRONG]
    assert found == [f"Worker {worker.id}: its clock is {how}."]


@pytest.mark.parametrize("seconds", [HOUR, -HOUR], ids=["ahead", "behind"])
async def test_the_pages_judge_by_the_servers_clocks(
    settings: Settings, database: Database, client: "redis.asyncio.Redis", seconds: int
) -> None:
    async with database.connection() as connection:
        await declare_job_types(connection, book.registry)
    publisher = Publisher(database, book.registry, max_job_bytes=10_000)
    published = await publisher.publish(JobRequest(job_type="pause", job_data={"n": 1}, delay="30m"))
    relay = Relay(database, client, prefix=settings.queue_prefix)
    await relay.round()
    await relay.stop()
    # From another client, so that the record does not know since when it has waited.
    await Queue("killed", {"connection": client, "prefix": settings.queue_prefix}).add("t", {}, {})
    async with wrong(settings, seconds, "serve", "--port", "0") as serve:
        assert serve.stdout
        url = (await serve.stdout.readline()).decode().removeprefix("ready ").strip()
        now = datetime.now(UTC)
        minute = bucket_of(now, 60)
        # Before the process began, since then, and so much later that the minute before is final.
        for minutes in (-30, 0, 2):
            await ended(database, now + timedelta(minutes=minutes), queue="killed", job_type="t")
        async with database.connection() as connection:
            await write_rollups(connection, minute - timedelta(minutes=30), minute + timedelta(minutes=3))
        async with httpx.AsyncClient(base_url=url) as site:
            metrics = (await site.get("/metrics")).text
            page = (await site.get(f"/jobs/{published.id}")).text
            (queue,) = [one for one in (await site.get("/api/queues")).json()["queues"] if one["name"] == "killed"]
    assert 'herdbook_attempts_total{outcome="completed",queue="killed",type="t"} 1.0' in metrics
    assert "It is scheduled for" in page
    assert 0 <= queue["oldestWaitingSeconds"] < 60


@pytest.mark.parametrize("seconds", [HOUR, -HOUR], ids=["ahead", "behind"])
async def test_what_a_queue_refuses_is_tried_again_soon(
    settings: Settings, database: Database, client: "redis.asyncio.Redis", seconds: int
) -> None:
    meta = f"{settings.queue_prefix}:killed:meta"
    await client.set(meta, "in the way")
    publisher = Publisher(database, book.registry, max_job_bytes=10_000)
    await publisher.publish(JobRequest(job_type="pause", job_data={"n": 1}, delay="1h"))

    async def ask(question: str) -> Any:
        async with database.connection() as connection:
            return await connection.fetchval(question)

    async with wrong(settings, seconds, "relay"):
        await eventually(lambda: ask("SELECT tries FROM herdbook.outbox"))
        pause = await ask("SELECT extract(epoch FROM max(deliver_after) - now()) FROM herdbook.outbox")
        await client.delete(meta)
        await eventually(lambda: ask("SELECT count(*) = 0 FROM herdbook.outbox"))
    assert -1 < pause < 6


@pytest.mark.parametrize("seconds", [HOUR, -HOUR], ids=["ahead", "behind"])
async def test_a_delay_counts_from_the_moment_of_recording(
    settings: Settings, database: Database, seconds: int
) -> None:
    job = ("pause", '{"n": 1}', "--app", "tests.flows.working:book", "--delay", "10m")
    async with wrong(settings, seconds, "publish", *job) as publisher:
        await publisher.wait()
    async with database.connection() as connection:
        row = await connection.fetchrow("SELECT run_at, created_at FROM herdbook.jobs")
    assert row is not None
    assert abs(row["run_at"] - row["created_at"] - timedelta(minutes=10)) < timedelta(seconds=10)


@pytest.mark.parametrize("seconds", [HOUR, -HOUR], ids=["ahead", "behind"])
async def test_a_callback_is_not_refused_for_its_time(
    settings: Settings, database: Database, client: "redis.asyncio.Redis", seconds: int
) -> None:
    publisher = Publisher(database, book.registry, max_job_bytes=10_000)
    queues = ("--queue", "killed", "--queue", "callbacks")
    allowed = {"HERDBOOK_ALLOW_PRIVATE_TARGETS": "true", "HERDBOOK_WEBHOOK_SECRET": SECRET}
    relay = Relay(database, client, prefix=settings.queue_prefix)
    relay.start()
    async with (
        receiving() as receiver,
        wrong(settings, seconds, "worker", "tests.flows.working:book", *queues, **allowed),
    ):
        await publisher.publish(JobRequest(job_type="pause", job_data={"n": 1}, callback_url=receiver.url))
        await eventually(lambda: receiver.got(1))
    await relay.stop()
    (message,) = receiver.messages
    assert message.is_signed
    assert abs(message.timestamp - datetime.now(UTC).timestamp()) < 60

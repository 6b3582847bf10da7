"""Explaining why a job is not running."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from herdbook.model.health import QueueFacts
from herdbook.model.ids import new_job_id
from herdbook.model.job import Job, JobStatus
from herdbook.model.registry import Registry
from herdbook.operating.explain import InQueue, JobFacts, reasons, why_not_running
from herdbook.operating.queue_stats import BullState, JobLocation, QueueStatsReader
from herdbook.publishing.publish import JobRequest, Publisher
from herdbook.queue.connection import connect
from herdbook.record.database import Database
from herdbook.record.queue_lookups import Undelivered
from herdbook.record.reads import read_job
from herdbook.record.workers import WorkerBeat, WorkerRow, beat_worker
from herdbook.relay import Relay
from herdbook.settings import Settings

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
JOB = Job(
    id=new_job_id(),
    job_id="x",
    queue="mails",
    job_type="email",
    status=JobStatus.PENDING,
    job_data={},
    result=None,
    error_message=None,
    progress=None,
    priority=0,
    run_at=None,
    max_attempts=3,
    backoff=None,
    attempt=0,
    generation=0,
    worker=None,
    waited_ms=None,
    created_at=NOW,
    updated_at=NOW,
    started_at=None,
    completed_at=None,
)
WORKER = WorkerRow(
    id="w",
    host="h",
    pid=1,
    queues=["mails"],
    concurrency=10,
    running=0,
    state="running",
    started_at=NOW,
    heartbeat_at=NOW,
    seconds_silent=1.0,
)


def queue(
    place: BullState = BullState.WAITING, *, paused: bool = False, active: int = 0, workers: int = 1, **more: object
) -> InQueue:
    found = JobLocation(place=place, **more)  # type: ignore[arg-type]
    facts = QueueFacts(
        name="mails", waiting=1, active=active, paused=paused, oldest_waiting=1.0, workers=workers, held=0
    )
    return InQueue(place=found, queue=facts)


HEALTHY = JobFacts(job=JOB, now=NOW, undelivered=None, found=queue(ahead=0), workers=[WORKER], is_declared=True)
NEXT = "It is next in its queue."


def waiting(seconds: float, error: str | None = None, tries: int = 0) -> Undelivered:
    return Undelivered(since=NOW - timedelta(seconds=seconds), tries=tries, deliver_after=None, error_message=error)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (HEALTHY, [NEXT]),
        (replace(HEALTHY, found=queue(ahead=1)), ["1 job is ahead of it."]),
        (replace(HEALTHY, found=queue(BullState.PRIORITIZED, ahead=1_234)), ["1,234 jobs are ahead of it."]),
        (replace(HEALTHY, found=queue(ahead=10_000, is_exact=False)), ["More than 10,000 jobs are ahead of it."]),
        (replace(HEALTHY, found=queue()), ["It is waiting in its queue."]),
        (
            replace(HEALTHY, found=queue(ahead=0, paused=True)),
            [NEXT, "Queue mails is paused: none of its jobs starts until it is resumed."],
        ),
        (
            replace(HEALTHY, found=queue(BullState.DELAYED, due=NOW + timedelta(hours=1))),
            ["It is scheduled for 2026-11-24 09:00:00 UTC."],
        ),
        (
            replace(HEALTHY, job=replace(JOB, attempt=1), found=queue(BullState.DELAYED, due=NOW + timedelta(hours=1))),
            ["Its next attempt is at 2026-11-24 09:00:00 UTC."],
        ),
        (
            replace(HEALTHY, found=queue(BullState.DELAYED, due=NOW)),
            ["It has been due since 2026-11-24 08:00:00 UTC, and starts when a worker next looks for jobs."],
        ),
        (
            replace(HEALTHY, found=queue(BullState.ACTIVE)),
            ["A worker has just taken it; or one had taken it and was lost, and another will take it over."],
        ),
        (replace(HEALTHY, found=queue(BullState.CHILDREN)), ["It is waiting for the jobs that it depends on."]),
        (
            replace(HEALTHY, found=queue(BullState.FAILED)),
            ["Its queue counts it as finished, but the record has not been told how it ended."],
        ),
        (
            replace(HEALTHY, found=queue(BullState.MISSING)),
            ["Its queue no longer has it: Redis lost it, and it comes back; or another program removed it."],
        ),
        (replace(HEALTHY, undelivered=waiting(1), found=queue(BullState.MISSING)), ["It is on its way to its queue."]),
        (
            replace(HEALTHY, undelivered=waiting(60), found=queue(BullState.MISSING)),
            ["It has been waiting for the relay since 2026-11-24 07:59:00 UTC. Is a relay running?"],
        ),
        (
            replace(HEALTHY, undelivered=waiting(60, "WRONGTYPE", 1), found=queue(BullState.MISSING)),
            ["Its queue has refused it once, and the relay keeps trying: WRONGTYPE"],
        ),
        (
            replace(HEALTHY, undelivered=waiting(60, "<b>" + "x" * 500, 1_000), found=queue(BullState.MISSING)),
            [f"Its queue has refused it 1,000 times, and the relay keeps trying: <b>{'x' * 197}"],
        ),
        (
            replace(HEALTHY, found=None),
            ["Redis is unreachable. No job can start until it is back; the record keeps all of them."],
        ),
        (replace(HEALTHY, workers=[], found=queue(ahead=0, workers=0)), [NEXT, "No live worker takes queue mails."]),
        (
            replace(HEALTHY, workers=[], found=queue(ahead=0, workers=0, active=3)),
            [NEXT, "Only other programs' workers take queue mails; 3 jobs running."],
        ),
        (
            replace(HEALTHY, workers=[], found=None, undelivered=waiting(60)),
            [
                "Redis is unreachable. No job can start until it is back; the record keeps all of them.",
                "It has been waiting for the relay since 2026-11-24 07:59:00 UTC.",
                "No live worker takes queue mails.",
            ],
        ),
        (
            replace(HEALTHY, workers=[replace(WORKER, state="quiet")], found=queue(ahead=0, workers=0)),
            [NEXT, "All workers of queue mails are stopping and take no more jobs."],
        ),
        (
            replace(HEALTHY, found=queue(ahead=0, active=10)),
            [NEXT, "The worker is busy: 10 jobs of the queue running, room for 10."],
        ),
        (
            replace(HEALTHY, workers=[WORKER, WORKER], found=queue(ahead=0, active=20)),
            [NEXT, "All 2 workers are busy: 20 jobs of the queue running, room for 20."],
        ),
        (replace(HEALTHY, workers=[WORKER, WORKER], found=queue(ahead=0, active=19)), [NEXT]),
        (
            replace(HEALTHY, is_declared=False),
            [NEXT, "No program has declared the job type email, so no worker has a processor for it."],
        ),
    ],
)
def test_each_reason_has_its_sentence(facts: JobFacts, expected: list[str]) -> None:
    assert list(reasons(facts)) == expected


@pytest.fixture
def registry() -> Registry:
    registry = Registry()
    registry.declare("email", dict, queue="mails")
    return registry


@pytest.fixture
async def queues(settings: Settings, registry: Registry, database: Database) -> AsyncIterator[QueueStatsReader]:
    queues = QueueStatsReader.connect(settings, registry, database)
    yield queues
    await queues.close()


async def test_the_facts_are_gathered_from_all_servers(
    settings: Settings, database: Database, registry: Registry, queues: QueueStatsReader
) -> None:
    publisher = Publisher(database, registry, max_job_bytes=1_000)
    id = (await publisher.publish(JobRequest(job_type="email", job_data={}))).id

    async def why(known: Registry = registry) -> list[str]:
        async with database.connection() as connection:
            job = await read_job(connection, id)
        return await why_not_running(database, queues, known, job)

    nobody = "No live worker takes queue mails."
    assert await why() == ["It is on its way to its queue.", nobody]
    assert settings.redis_url
    client = connect(settings.redis_url)
    relay = Relay(database, client, prefix=settings.queue_prefix)
    await relay.round()
    await relay.stop()
    await client.aclose()
    assert await why() == [NEXT, nobody]
    async with database.connection() as connection:
        for worker, of in (("w1", "mails"), ("w2", "other")):
            beat = WorkerBeat(id=worker, host="h", pid=1, queues=[of], concurrency=1, running=0, state="running")
            await beat_worker(connection, beat)
    assert await why() == [NEXT]
    assert await why(Registry()) == [
        NEXT,
        "No program has declared the job type email, so no worker has a processor for it.",
    ]
    async with database.connection() as connection:
        await connection.execute("UPDATE herdbook.jobs SET status = 'cancelled', completed_at = now()")
    assert await why() == []


async def test_an_unreachable_redis_is_a_reason(database: Database, registry: Registry) -> None:
    id = (
        await Publisher(database, registry, max_job_bytes=1_000).publish(JobRequest(job_type="email", job_data={}))
    ).id
    nowhere = connect("redis://127.0.0.1:1/0")
    queues = QueueStatsReader(database, registry, nowhere, prefix="x")
    async with database.connection() as connection:
        job = await read_job(connection, id)
    first, *_ = await why_not_running(database, queues, registry, job)
    assert first.startswith("Redis is unreachable.")
    await queues.close()

"""The facts that health is judged by, from the servers."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from herdbook.errors import RecordUnavailableError
from herdbook.model.health import OutboxLag, RecordFacts, RedisFacts, SchemaFacts, Unanswered, WorkerFacts
from herdbook.model.job import JobStatus
from herdbook.model.registry import Registry
from herdbook.operating.health_facts import (
    answered,
    queue_facts,
    read_readiness,
    read_record,
    read_redis,
    read_schema,
    read_work,
)
from herdbook.operating.queue_stats import QueueStats, QueueStatsReader
from herdbook.publishing.publish import JobRequest, Publisher
from herdbook.queue.connection import connect
from herdbook.queue.reads import STATES, QueueReader
from herdbook.record.database import Database
from herdbook.record.reads import StatusCount
from herdbook.record.workers import WorkerBeat, beat_worker
from herdbook.settings import Settings


def state(name: str = "q", **counts: int) -> QueueStats:
    return QueueStats(name=name, counts=dict.fromkeys(STATES, 0) | counts, paused=False, oldest_waiting=None, rate=0.0)


def worker(state: str = "running", *, silent: float = 1.0, running: int = 0, queue: str = "q") -> WorkerFacts:
    return WorkerFacts(id="w", queues=[queue], running=running, state=state, seconds_silent=silent)


def processing(count: int, queue: str = "q") -> StatusCount:
    return StatusCount(queue=queue, job_type="t", status=JobStatus.PROCESSING, count=count)


@pytest.mark.parametrize(
    ("workers", "recorded", "expected"),
    [
        ([], [], (0, 0, 0)),
        ([worker(), worker(running=3)], [processing(3)], (2, 3, 0)),
        ([worker(queue="other", silent=99, running=3)], [processing(3, "other")], (0, 0, 0)),
        ([worker("quiet", running=2)], [], (0, 2, 2)),
        ([worker(silent=99, running=2)], [], (0, 2, 0)),
        ([worker("quiet", running=2), worker(silent=99, running=1)], [processing(1)], (0, 3, 2)),
        # A worker that was lost longer than a day ago is forgotten, what it ran is not.
        ([], [processing(2), processing(3)], (0, 5, 0)),
    ],
)
def test_a_queue_has_what_heartbeats_and_record_tell(
    workers: list[WorkerFacts], recorded: list[StatusCount], expected: tuple[int, int, int]
) -> None:
    (found,) = queue_facts([state(waiting=1, prioritized=2, active=4)], workers, recorded)
    assert (found.waiting, found.active) == (3, 4)
    assert (found.workers, found.held, found.stopping) == expected


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


async def test_readiness_asks_both_servers(database: Database, queues: QueueStatsReader) -> None:
    facts = await read_readiness(database, queues, timeout=60)
    assert (facts.record, facts.redis) == (RecordFacts(), RedisFacts())
    assert facts.schema == SchemaFacts()
    assert facts.outbox == OutboxLag(depth=0, age=0.0, error_message=None)


async def test_what_doctor_asks_more(settings: Settings, database: Database) -> None:
    record = await read_record(database)
    assert record.version
    assert record.version[0].isdecimal()
    assert record.clock_ahead is not None
    assert settings.redis_url
    async with connect(settings.redis_url) as client:
        redis = await read_redis(QueueReader(client, prefix=settings.queue_prefix))
    assert redis.version
    assert redis.clock_ahead is not None


async def test_a_schema_is_compared_with_this_version(database: Database) -> None:
    async with database.connection() as connection:
        await connection.execute("DELETE FROM herdbook.migrations WHERE version = 1")
        assert await read_schema(database) == SchemaFacts(missing=1)
        await connection.execute("INSERT INTO herdbook.migrations VALUES (9999, 'x', now(), true)")
    assert "9999" in (await read_schema(database)).conflict


async def test_the_work_is_read_from_all_servers(
    database: Database, registry: Registry, queues: QueueStatsReader
) -> None:
    await Publisher(database, registry, max_job_bytes=1_000).publish(JobRequest(job_type="email", job_data={}))
    beat = WorkerBeat(id="w", host="h", pid=1, queues=["mails"], concurrency=1, running=0, state="running")
    async with database.connection() as connection:
        await beat_worker(connection, beat)
    facts = await read_work(database, queues)
    assert isinstance(facts.outbox, OutboxLag)
    assert facts.outbox.depth == 1
    assert isinstance(facts.queues, list)
    assert [(one.name, one.workers) for one in facts.queues] == [("mails", 1)]
    assert [one.id for one in facts.workers] == ["w"]


async def test_a_question_may_go_unanswered() -> None:
    async def fail() -> None:
        raise RecordUnavailableError("PostgreSQL is unreachable: refused")

    async def say() -> str:
        return "yes"

    assert await answered(asyncio.Event().wait(), 0.01) == Unanswered("no answer within 0.01 s")
    assert await answered(fail(), 60) == Unanswered("PostgreSQL is unreachable: refused")
    assert await answered(say(), 60) == "yes"

"""The system as a whole: job types, queues, workers, statistics."""

from dataclasses import replace
from datetime import UTC, datetime

import httpx

from herdbook.model.job import JobStatus
from herdbook.model.registry import Registry
from herdbook.queue.adds import QueuedJob, QueueWriter
from herdbook.queue.connection import connect
from herdbook.record.database import Database
from herdbook.record.job_types import declare_job_types
from herdbook.record.workers import WorkerBeat, beat_worker
from herdbook.settings import Settings
from tests.record.attempts import ended

NONE = {"pending": 0, "processing": 0, "completed": 0, "failed": 0, "cancelled": 0}


async def test_job_types_are_listed_with_their_schemas(api: httpx.AsyncClient) -> None:
    types = (await api.get("/api/job-types")).json()["jobTypes"]
    assert [one["name"] for one in types] == ["any", "count", "note"]
    count, note = types[1:]
    assert count == {
        "name": "count",
        "queue": "count",
        "description": "Count on.",
        "attempts": 3,
        "backoff": None,
        "hasOwnBackoff": False,
        "timeout": None,
        "executor": "async",
        "hasProcessor": True,
        "schema": {"type": "integer"},
    }
    assert (note["queue"], note["attempts"], note["hasProcessor"], note["executor"]) == ("notes", 4, False, None)
    assert note["backoff"] == {"type": "exponential", "delay": 10, "jitter": 0.0}
    assert set(note["schema"]["properties"]) == {"text", "copies", "sentTo"}


async def test_job_types_say_how_they_run(api: httpx.AsyncClient, registry: Registry) -> None:
    @registry.processor("slow", backoff=lambda attempt, error: 100 * attempt, timeout="500ms")
    def slow(payload: dict[str, int]) -> None: ...

    (found,) = [one for one in (await api.get("/api/job-types")).json()["jobTypes"] if one["name"] == "slow"]
    assert (found["backoff"], found["hasOwnBackoff"]) == (None, True)
    assert (found["timeout"], found["executor"]) == (0.5, "thread")


async def test_queues_are_listed_with_their_statistics(
    api: httpx.AsyncClient, settings: Settings, database: Database
) -> None:
    elsewhere = Registry()
    elsewhere.declare("other", dict, queue="elsewhere")
    async with database.connection() as connection:
        await declare_job_types(connection, elsewhere)
    assert settings.redis_url
    redis = connect(settings.redis_url)
    await QueueWriter(redis, prefix=settings.queue_prefix).add(
        "notes", [queued("a", 0), queued("b", 5), queued("c", 0)]
    )
    await redis.hset(f"{settings.queue_prefix}:count:meta", "paused", "1")
    await redis.aclose()
    queues = {one["name"]: one for one in (await api.get("/api/queues")).json()["queues"]}
    assert list(queues) == ["any", "count", "elsewhere", "notes"]
    states = {"waiting", "active", "delayed", "prioritized", "waiting-children", "completed", "failed"}
    assert set(queues["notes"]["counts"]) == states
    assert {state: n for state, n in queues["notes"]["counts"].items() if n} == {"waiting": 2, "prioritized": 1}
    assert [name for name, one in queues.items() if one["paused"]] == ["count"]
    # These jobs were published in 2023 and are not in the record.
    assert queues["notes"]["oldestWaitingSeconds"] > 86_400
    assert [one["oldestWaitingSeconds"] for name, one in queues.items() if name != "notes"] == [None, None, None]


async def test_queues_have_their_rate(api: httpx.AsyncClient, database: Database) -> None:
    for _ in range(10):
        await ended(database, datetime.now(UTC), queue="notes")
    queues = {one["name"]: one["ratePerMinute"] for one in (await api.get("/api/queues")).json()["queues"]}
    assert queues["any"] == 0
    assert 2 <= queues["notes"] <= 2.5


def queued(job_id: str, priority: int) -> QueuedJob:
    return QueuedJob(
        job_id=job_id,
        job_type="note",
        data="{}",
        timestamp=1_700_000_000_000,
        delay=0,
        priority=priority,
        attempts=1,
        backoff=None,
    )


async def test_silent_workers_are_not_alive(api: httpx.AsyncClient, database: Database) -> None:
    async with database.connection() as connection:
        for name in ("here", "gone"):
            beat = WorkerBeat(id=name, host="h", pid=7, queues=["notes"], concurrency=100, running=3, state="running")
            await beat_worker(connection, replace(beat, clock_ahead=-7.5))
            # At the next heartbeat it could not be compared.
            await beat_worker(connection, beat)
        await connection.execute("UPDATE herdbook.workers SET heartbeat_at = now() - interval '16 s' WHERE id = 'gone'")
    workers = {one["id"]: one for one in (await api.get("/api/workers")).json()["workers"]}
    assert {name: one["alive"] for name, one in workers.items()} == {"here": True, "gone": False}
    here = workers["here"]
    assert (here["host"], here["pid"], here["queues"], here["concurrency"], here["running"], here["state"]) == (
        "h",
        7,
        ["notes"],
        100,
        3,
        "running",
    )
    assert here["clockAhead"] == -7.5
    assert workers["gone"]["secondsSilent"] >= 16
    assert here["startedAt"].endswith("Z")
    assert here["heartbeatAt"].endswith("Z")


async def test_stats_always_have_all_states_and_types(api: httpx.AsyncClient, database: Database) -> None:
    empty = (await api.get("/api/stats")).json()
    assert empty == {"total": NONE, "byType": {"any": NONE, "count": NONE, "note": NONE}}
    for number in (1, 2, 3):
        await api.post("/api/jobs", json={"jobType": "count", "jobData": number})
    await api.post("/api/jobs", json={"jobType": "any", "jobData": None})
    async with database.connection() as connection:
        await connection.execute(
            "UPDATE herdbook.jobs SET status = 'failed', completed_at = now() WHERE job_data = '1'"
        )
        await connection.execute("UPDATE herdbook.jobs SET job_type = 'past' WHERE job_data = '2'")
    stats = (await api.get("/api/stats")).json()
    assert stats["total"] == {**NONE, "pending": 3, "failed": 1}
    assert stats["byType"] == {
        "any": {**NONE, "pending": 1},
        "count": {**NONE, "pending": 1, "failed": 1},
        "note": NONE,
        "past": {**NONE, "pending": 1},
    }
    assert list(stats["total"]) == [status.value for status in JobStatus]

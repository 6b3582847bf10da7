"""Delivering operators' actions from the outbox to the queues."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
import redis.asyncio
from bullmq import Queue

from herdbook.errors import QueueUnavailableError
from herdbook.model.artifacts import FolderArtifacts
from herdbook.model.ids import external_job_id
from herdbook.model.job import JobStatus
from herdbook.operating.control import Control
from herdbook.queue.connection import connect
from herdbook.queue.reads import QueueReader
from herdbook.record.database import Database
from herdbook.relay import Relay
from herdbook.settings import Settings
from tests.states import HOUR, new_jobs, outbox, put


@pytest.fixture
async def relay(database: Database, client: "redis.asyncio.Redis", settings: Settings) -> AsyncIterator[Relay]:
    relay = Relay(database, client, prefix=settings.queue_prefix)
    yield relay
    await relay.stop()


@pytest.fixture
def control(database: Database, tmp_path: Path) -> Control:
    return Control(database, FolderArtifacts(tmp_path))


@pytest.fixture
def queue(client: "redis.asyncio.Redis", settings: Settings) -> Queue:
    """The queue as another client sees it."""
    return Queue("q", {"connection": client, "prefix": settings.queue_prefix})


async def delivered(database: Database, relay: Relay, count: int, *, after: timedelta | None = None) -> list[UUID]:
    """Jobs that are already in the queue."""
    ids = await new_jobs(database, count, after=after)
    await deliver(database, relay, *ids)
    return ids


async def deliver(database: Database, relay: Relay, *ids: UUID) -> None:
    async with database.connection() as connection:
        await connection.executemany("INSERT INTO herdbook.outbox (job) VALUES ($1)", [(id,) for id in ids])
    await relay.round()


async def counts(client: "redis.asyncio.Redis", settings: Settings) -> dict[str, int]:
    found = (await QueueReader(client, prefix=settings.queue_prefix).counts("q")).counts
    return {state: count for state, count in found.items() if count}


async def test_a_retried_job_is_queued_under_a_new_id_and_the_old_one_is_removed(
    database: Database, relay: Relay, control: Control, queue: Queue
) -> None:
    (id,) = await delivered(database, relay, 1)
    await put(database, [id], JobStatus.FAILED)
    await control.retry([id])
    await relay.round()
    assert [job.id for job in await queue.getJobs(["waiting"])] == [f"{id}~1"]
    assert await outbox(database) == []


async def test_a_cancelled_or_deleted_job_leaves_the_queue_or_never_enters_it(
    database: Database, relay: Relay, control: Control, client: "redis.asyncio.Redis", settings: Settings
) -> None:
    there = await delivered(database, relay, 2)
    later = await delivered(database, relay, 1, after=HOUR)
    on_its_way = await new_jobs(database, 2)
    assert await counts(client, settings) == {"waiting": 2, "delayed": 1}
    await control.cancel([*there, *later, *on_its_way])
    await control.delete([on_its_way[1]])
    await deliver(database, relay, *on_its_way)
    assert await counts(client, settings) == {}
    assert await outbox(database) == []


async def test_a_promoted_job_is_due_whether_it_was_delivered_before_or_not(
    database: Database, relay: Relay, control: Control, client: "redis.asyncio.Redis", settings: Settings
) -> None:
    there = await delivered(database, relay, 2, after=HOUR)
    on_its_way = await new_jobs(database, 1, after=HOUR)
    await control.promote([there[0], *on_its_way])
    await relay.round()
    assert await counts(client, settings) == {"waiting": 2, "delayed": 1}
    await deliver(database, relay, *on_its_way)
    assert await counts(client, settings) == {"waiting": 2, "delayed": 1}
    assert await outbox(database) == []


async def test_a_promotion_that_comes_too_late_does_not_affect_the_next_attempt(
    database: Database, relay: Relay, control: Control, client: "redis.asyncio.Redis", settings: Settings
) -> None:
    (id,) = await delivered(database, relay, 1, after=HOUR)
    await control.promote([id])
    async with database.connection() as connection:
        await connection.execute("UPDATE herdbook.jobs SET run_at = now() + interval '1 hour', attempt = 1")
    await relay.round()
    assert await counts(client, settings) == {"delayed": 1}
    assert await outbox(database) == []


async def test_jobs_of_other_clients_are_found_by_their_own_id(
    database: Database,
    relay: Relay,
    control: Control,
    queue: Queue,
    client: "redis.asyncio.Redis",
    settings: Settings,
) -> None:
    ids = []
    for _ in range(3):
        job = await queue.add("t", {}, {"delay": 3_600_000})
        (id,) = await new_jobs(database, 1, after=HOUR)
        async with database.connection() as connection:
            derived = external_job_id("q", job.id, job.timestamp)
            update = "UPDATE herdbook.jobs SET id = $2, job_id = $3 WHERE id = $1"
            await connection.execute(update, id, derived, f"{job.id}@{job.timestamp}")
        ids.append(derived)
    await control.promote(ids[:1])
    await control.cancel(ids[1:2])
    await control.cancel(ids[2:])
    await control.retry(ids[2:])
    await relay.round()
    assert await counts(client, settings) == {"waiting": 2}
    assert sorted(job.id for job in await queue.getJobs(["waiting"])) == ["1", "3"]
    assert await outbox(database) == []


async def test_a_removal_that_comes_after_the_retry_of_another_clients_job_leaves_it_alone(
    database: Database, relay: Relay, control: Control, queue: Queue, client: "redis.asyncio.Redis", settings: Settings
) -> None:
    job = await queue.add("t", {}, {})
    (id,) = await new_jobs(database, 1)
    async with database.connection() as connection:
        await connection.execute("UPDATE herdbook.jobs SET job_id = $1", f"{job.id}@{job.timestamp}")
    lock = f"{settings.queue_prefix}:q:{job.id}:lock"
    await client.set(lock, "w1")
    await control.cancel([id])
    await relay.round()
    # The worker still holds the job, so that its removal is postponed; meanwhile the job is retried.
    await control.retry([id])
    await client.delete(lock)
    async with database.connection() as connection:
        await connection.execute("UPDATE herdbook.outbox SET deliver_after = NULL")
    await relay.round()
    assert await counts(client, settings) == {"waiting": 1}
    assert await outbox(database) == []
    # Of a job that was deleted nothing is left.
    await control.cancel([id])
    await control.delete([id])
    await relay.round()
    assert await counts(client, settings) == {}


async def test_removing_a_job_that_a_worker_holds_is_retried_later(
    database: Database, relay: Relay, control: Control, client: "redis.asyncio.Redis", settings: Settings
) -> None:
    (id,) = await delivered(database, relay, 1)
    lock = f"{settings.queue_prefix}:q:{id}:lock"
    await client.set(lock, "w1")
    await control.cancel([id])
    await relay.round()
    (row,) = await outbox(database)
    assert (row["action"], row["job"], row["queue"], row["job_id"]) == ("remove", id, "q", str(id))
    assert (row["tries"], row["error_message"], row["deliver_after"] > row["created_at"]) == (
        1,
        "a worker holds the job",
        True,
    )
    await client.delete(lock)
    async with database.connection() as connection:
        await connection.execute("UPDATE herdbook.outbox SET deliver_after = now()")
    await relay.round()
    assert await counts(client, settings) == {}
    assert await outbox(database) == []


async def test_a_promotion_whose_job_cannot_be_added_is_postponed_once(
    database: Database, relay: Relay, control: Control, client: "redis.asyncio.Redis", settings: Settings
) -> None:
    await client.set(f"{settings.queue_prefix}:q:wait", "in the way")
    (id,) = await new_jobs(database, 1, after=HOUR)
    await control.promote([id])
    await relay.round()
    (row,) = await outbox(database)
    assert (row["action"], row["job"], row["queue"], row["job_id"], row["tries"]) == ("promote", id, None, None, 1)
    assert "WRONGTYPE" in row["error_message"]


async def test_queues_are_paused_resumed_and_cleaned(
    database: Database, relay: Relay, control: Control, queue: Queue
) -> None:
    await control.pause("q")
    await relay.round()
    assert await queue.isPaused()
    await control.pause("q")
    await control.resume("q")
    await control.clean("q")
    await relay.round()
    assert not await queue.isPaused()
    assert await outbox(database) == []


async def test_two_relays_leave_a_queue_in_its_last_requested_state(
    database: Database, relay: Relay, client: "redis.asyncio.Redis", settings: Settings, control: Control, queue: Queue
) -> None:
    other = Relay(database, client, prefix=settings.queue_prefix)
    for n in range(40):
        paused = n % 2 == 0
        act = control.pause("q") if paused else control.resume("q")
        await asyncio.gather(relay.round(), act, other.round())
        if n % 5 == 0:
            await asyncio.gather(relay.round(), other.round())
            assert await outbox(database) == []
            assert await queue.isPaused() is paused
    await other.stop()


async def test_without_redis_no_action_is_lost(database: Database, control: Control) -> None:
    await control.pause("q")
    nowhere = connect("redis://127.0.0.1:1/0")
    relay = Relay(database, nowhere, prefix="x")
    with pytest.raises(QueueUnavailableError):
        await relay.round()
    assert [row["action"] for row in await outbox(database)] == ["pause"]
    await relay.stop()
    await nowhere.aclose()

"""Carrying operators' actions from the outbox to the queue."""

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
from herdbook.model.ids import foreign_job_id
from herdbook.model.job import JobStatus
from herdbook.operating.control import Control
from herdbook.queue.connection import connect
from herdbook.queue.reads import QueueReader
from herdbook.record.database import Record
from herdbook.relay import Relay
from herdbook.settings import Settings
from tests.states import HOUR, new_jobs, outbox, put


@pytest.fixture
async def relay(record: Record, client: "redis.asyncio.Redis", settings: Settings) -> AsyncIterator[Relay]:
    relay = Relay(record, client, prefix=settings.queue_prefix)
    yield relay
    await relay.stop()


@pytest.fixture
def control(record: Record, tmp_path: Path) -> Control:
    return Control(record, FolderArtifacts(tmp_path))


@pytest.fixture
def queue(client: "redis.asyncio.Redis", settings: Settings) -> Queue:
    """The queue as another client sees it."""
    return Queue("q", {"connection": client, "prefix": settings.queue_prefix})


async def delivered(record: Record, relay: Relay, count: int, *, after: timedelta | None = None) -> list[UUID]:
    """Jobs that the queue has."""
    ids = await new_jobs(record, count, after=after)
    await deliver(record, relay, *ids)
    return ids


async def deliver(record: Record, relay: Relay, *ids: UUID) -> None:
    async with record.connection() as connection:
        await connection.executemany("INSERT INTO herdbook.outbox (job) VALUES ($1)", [(id,) for id in ids])
    await relay.round()


async def counts(client: "redis.asyncio.Redis", settings: Settings) -> dict[str, int]:
    found = (await QueueReader(client, prefix=settings.queue_prefix).counts("q")).counts
    return {state: count for state, count in found.items() if count}


async def test_a_retried_job_comes_under_a_new_id_and_the_old_one_is_forgotten(
    record: Record, relay: Relay, control: Control, queue: Queue
) -> None:
    (id,) = await delivered(record, relay, 1)
    await put(record, [id], JobStatus.FAILED)
    await control.retry([id])
    await relay.round()
    assert [job.id for job in await queue.getJobs(["waiting"])] == [f"{id}~1"]
    assert await outbox(record) == []


async def test_a_cancelled_or_deleted_job_leaves_the_queue_or_never_gets_there(
    record: Record, relay: Relay, control: Control, client: "redis.asyncio.Redis", settings: Settings
) -> None:
    there = await delivered(record, relay, 2)
    later = await delivered(record, relay, 1, after=HOUR)
    on_its_way = await new_jobs(record, 2)
    assert await counts(client, settings) == {"waiting": 2, "delayed": 1}
    await control.cancel([*there, *later, *on_its_way])
    await control.delete([on_its_way[1]])
    await deliver(record, relay, *on_its_way)
    assert await counts(client, settings) == {}
    assert await outbox(record) == []


async def test_a_promoted_job_waits_no_longer_whether_the_queue_has_it_already_or_not(
    record: Record, relay: Relay, control: Control, client: "redis.asyncio.Redis", settings: Settings
) -> None:
    there = await delivered(record, relay, 2, after=HOUR)
    on_its_way = await new_jobs(record, 1, after=HOUR)
    await control.promote([there[0], *on_its_way])
    await relay.round()
    assert await counts(client, settings) == {"waiting": 2, "delayed": 1}
    await deliver(record, relay, *on_its_way)
    assert await counts(client, settings) == {"waiting": 2, "delayed": 1}
    assert await outbox(record) == []


async def test_a_promotion_that_comes_too_late_does_not_touch_the_next_try(
    record: Record, relay: Relay, control: Control, client: "redis.asyncio.Redis", settings: Settings
) -> None:
    (id,) = await delivered(record, relay, 1, after=HOUR)
    await control.promote([id])
    async with record.connection() as connection:
        await connection.execute("UPDATE herdbook.jobs SET run_at = now() + interval '1 hour', attempt = 1")
    await relay.round()
    assert await counts(client, settings) == {"delayed": 1}
    assert await outbox(record) == []


async def test_jobs_of_other_clients_are_known_by_their_own_id(
    record: Record,
    relay: Relay,
    control: Control,
    queue: Queue,
    client: "redis.asyncio.Redis",
    settings: Settings,
) -> None:
    ids = []
    for _ in range(3):
        job = await queue.add("t", {}, {"delay": 3_600_000})
        (id,) = await new_jobs(record, 1, after=HOUR)
        async with record.connection() as connection:
            derived = foreign_job_id("q", job.id, job.timestamp)
            update = "UPDATE herdbook.jobs SET id = $2, job_id = $3 WHERE id = $1"
            await connection.execute(update, id, derived, f"{job.id}@{job.timestamp}")
        ids.append(derived)
    await control.promote(ids[:1])
    await control.cancel(ids[1:2])
    await control.cancel(ids[2:])
    await control.retry(ids[2:])
    await relay.round()
    assert await counts(client, settings) == {"waiting": 2}
    assert sorted(job.id for job in await queue.getJobs(["waiting"])) == sorted(["1", f"{ids[2]}~1"])
    assert await outbox(record) == []


async def test_a_job_that_a_worker_holds_is_asked_for_again_later(
    record: Record, relay: Relay, control: Control, client: "redis.asyncio.Redis", settings: Settings
) -> None:
    (id,) = await delivered(record, relay, 1)
    lock = f"{settings.queue_prefix}:q:{id}:lock"
    await client.set(lock, "w1")
    await control.cancel([id])
    await relay.round()
    (row,) = await outbox(record)
    assert (row["action"], row["job"], row["queue"], row["job_id"]) == ("remove", id, "q", str(id))
    assert (row["tries"], row["error_message"], row["deliver_after"] > row["created_at"]) == (
        1,
        "a worker holds the job",
        True,
    )
    await client.delete(lock)
    async with record.connection() as connection:
        await connection.execute("UPDATE herdbook.outbox SET deliver_after = now()")
    await relay.round()
    assert await counts(client, settings) == {}
    assert await outbox(record) == []


async def test_a_promotion_whose_job_cannot_be_added_is_refused_once(
    record: Record, relay: Relay, control: Control, client: "redis.asyncio.Redis", settings: Settings
) -> None:
    await client.set(f"{settings.queue_prefix}:q:wait", "in the way")
    (id,) = await new_jobs(record, 1, after=HOUR)
    await control.promote([id])
    await relay.round()
    (row,) = await outbox(record)
    assert (row["action"], row["job"], row["queue"], row["job_id"], row["tries"]) == ("promote", id, None, None, 1)
    assert "WRONGTYPE" in row["error_message"]


async def test_queues_are_paused_resumed_and_cleaned(
    record: Record, relay: Relay, control: Control, queue: Queue
) -> None:
    await control.pause("q")
    await relay.round()
    assert await queue.isPaused()
    await control.pause("q")
    await control.resume("q")
    await control.clean("q")
    await relay.round()
    assert not await queue.isPaused()
    assert await outbox(record) == []


async def test_two_relays_leave_a_queue_as_it_was_last_wanted(
    record: Record, relay: Relay, client: "redis.asyncio.Redis", settings: Settings, control: Control, queue: Queue
) -> None:
    other = Relay(record, client, prefix=settings.queue_prefix)
    for n in range(40):
        paused = n % 2 == 0
        act = control.pause("q") if paused else control.resume("q")
        await asyncio.gather(relay.round(), act, other.round())
        if n % 5 == 0:
            await asyncio.gather(relay.round(), other.round())
            assert await outbox(record) == []
            assert await queue.isPaused() is paused
    await other.stop()


async def test_without_redis_no_action_is_lost(record: Record, control: Control) -> None:
    await control.pause("q")
    nowhere = connect("redis://127.0.0.1:1/0")
    relay = Relay(record, nowhere, prefix="x")
    with pytest.raises(QueueUnavailableError):
        await relay.round()
    assert [row["action"] for row in await outbox(record)] == ["pause"]
    await relay.stop()
    await nowhere.aclose()

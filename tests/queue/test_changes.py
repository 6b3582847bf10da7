"""Operators' actions on one BullMQ queue."""

import pytest
import redis.asyncio
from bullmq import Queue

from herdbook.errors import QueueUnavailableError
from herdbook.queue.adds import QueueWriter
from herdbook.queue.changes import GONE, Clean, Pause, Promote, QueueChanger, Remove, Reopen, Resume
from herdbook.queue.connection import connect
from herdbook.queue.reads import QueueReader
from herdbook.queue.work import BATCH_LIMIT, WorkQueue
from herdbook.settings import Settings
from tests.queue.acks import ack_completed, ack_failed, ack_retry

from .conftest import job, work_queue

LATER = 10**13 - 1_700_000_000_000
HELD = "a worker holds the job"


@pytest.fixture
def changer(client: "redis.asyncio.Redis", settings: Settings) -> QueueChanger:
    return QueueChanger(client, prefix=settings.queue_prefix)


@pytest.fixture
def keys(settings: Settings) -> str:
    return f"{settings.queue_prefix}:q:"


async def counts(client: "redis.asyncio.Redis", settings: Settings) -> dict[str, int]:
    found = (await QueueReader(client, prefix=settings.queue_prefix).counts("q")).counts
    return {state: count for state, count in found.items() if count}


async def test_a_job_is_removed_from_any_state(
    queue: WorkQueue, writer: QueueWriter, changer: QueueChanger, client: "redis.asyncio.Redis", settings: Settings
) -> None:
    await writer.add("q", [job("ended"), job("broken")])
    done, failed = (await queue.ack_and_fetch([], 2)).deliveries
    await queue.ack_and_fetch([ack_completed(done, result="1"), ack_failed(failed, reason="x")], 0)
    await writer.add("q", [job("waiting"), job("later", delay=LATER), job("first", priority=1), job("stays")])
    assert sum((await counts(client, settings)).values()) == 6
    removals = [Remove(job_id=name) for name in ("ended", "broken", "waiting", "later", "first", "unknown")]
    assert await changer.change("q", removals) == [None] * 6
    assert await counts(client, settings) == {"waiting": 1}
    assert await changer.change("q", removals) == [None] * 6


async def test_a_job_is_not_removed_while_a_worker_holds_it(
    queue: WorkQueue, writer: QueueWriter, changer: QueueChanger, client: "redis.asyncio.Redis", settings: Settings
) -> None:
    await writer.add("q", [job("j")])
    (held,) = (await queue.ack_and_fetch([], 1)).deliveries
    assert await changer.change("q", [Remove(job_id="j"), Promote(job_id="j")]) == [HELD, HELD]
    await queue.ack_and_fetch([ack_retry(held, after=60_000, reason="later")], 0)
    assert await changer.change("q", [Promote(job_id="j")]) == [None]
    assert await counts(client, settings) == {"waiting": 1}
    assert await changer.change("q", [Remove(job_id="j")]) == [None]
    assert await counts(client, settings) == {}


async def test_a_job_whose_worker_vanished_is_removed(
    settings: Settings, writer: QueueWriter, changer: QueueChanger, client: "redis.asyncio.Redis", keys: str
) -> None:
    vanished = work_queue(settings, "w1")
    await writer.add("q", [job("j")])
    await vanished.ack_and_fetch([], 1)
    await vanished.close()
    await client.delete(f"{keys}j:lock")
    assert await changer.change("q", [Remove(job_id="j")]) == [None]
    assert await counts(client, settings) == {}


async def test_a_job_that_reuses_the_id_of_an_older_one_is_left_alone(
    writer: QueueWriter, changer: QueueChanger, client: "redis.asyncio.Redis", settings: Settings
) -> None:
    await writer.add("q", [job("7", delay=LATER)])
    await client.hset(f"{settings.queue_prefix}:q:7", "timestamp", 2_000)
    assert await changer.change("q", [Promote(job_id="7", timestamp=1_000)]) == [None]
    assert await changer.change("q", [Remove(job_id="7", timestamp=1_000)]) == [None]
    assert await counts(client, settings) == {"delayed": 1}
    assert await changer.change("q", [Promote(job_id="7", timestamp=2_000)]) == [None]
    assert await counts(client, settings) == {"waiting": 1}


async def test_a_reopened_job_starts_over_under_its_id_and_its_deliveries_are_counted_on(
    queue: WorkQueue, writer: QueueWriter, changer: QueueChanger, client: "redis.asyncio.Redis", settings: Settings
) -> None:
    await writer.add("q", [job("j"), job("first", priority=3), job("done")])
    deliveries = (await queue.ack_and_fetch([], 3)).deliveries
    acks = [ack_failed(one, reason="x") for one in deliveries if one.job_id != "done"]
    await queue.ack_and_fetch(
        [*acks, *(ack_completed(one, result="1") for one in deliveries if one.job_id == "done")], 0
    )
    assert await counts(client, settings) == {"failed": 2, "completed": 1}
    names = ("j", "first", "done")
    assert await changer.change("q", [Reopen(job_id=name) for name in names]) == [None] * 3
    assert await counts(client, settings) == {"waiting": 2, "prioritized": 1}
    # A repeat changes nothing.
    assert await changer.change("q", [Reopen(job_id=name) for name in names]) == [None] * 3
    await queue.wait(None)
    again = (await queue.ack_and_fetch([], 3)).deliveries
    assert {(one.job_id, one.attempt, one.attempts_made) for one in again} == {(name, 2, 0) for name in names}
    assert await changer.change("q", [Reopen(job_id="j"), Reopen(job_id="unknown")]) == [HELD, GONE]


@pytest.mark.parametrize(
    ("lifo", "expected"), [("true", ["j", "other"]), ("false", ["other", "j"]), ("}", ["other", "j"])]
)
async def test_a_reopened_job_queues_up_as_its_options_say(
    queue: WorkQueue,
    writer: QueueWriter,
    changer: QueueChanger,
    client: "redis.asyncio.Redis",
    keys: str,
    lifo: str,
    expected: list[str],
) -> None:
    await writer.add("q", [job("j")])
    (failed,) = (await queue.ack_and_fetch([], 1)).deliveries
    await queue.ack_and_fetch([ack_failed(failed, reason="x")], 0)
    await client.hset(f"{keys}j", "opts", f'{{"lifo":{lifo}}}')
    await writer.add("q", [job("other")])
    assert await changer.change("q", [Reopen(job_id="j")]) == [None]
    assert [one.job_id for one in (await queue.ack_and_fetch([], 2)).deliveries] == expected


async def test_a_reopened_job_that_was_about_to_fail_or_to_wait_runs_at_once(
    queue: WorkQueue, writer: QueueWriter, changer: QueueChanger, client: "redis.asyncio.Redis", keys: str
) -> None:
    await writer.add("q", [job("j", delay=LATER), job("7", delay=LATER, timestamp=2_000)])
    await client.hset(f"{keys}j", "defa", "cancelled")
    reopened = [Reopen(job_id="j"), Reopen(job_id="7", timestamp=1_000)]
    assert await changer.change("q", reopened) == [None, GONE]
    (delivery,) = (await queue.ack_and_fetch([], 2)).deliveries
    assert (delivery.job_id, delivery.deferred_failure) == ("j", None)


async def test_a_promoted_job_keeps_its_priority_and_wakes_a_worker(
    queue: WorkQueue, writer: QueueWriter, changer: QueueChanger, client: "redis.asyncio.Redis", settings: Settings
) -> None:
    await writer.add("q", [job("plain", delay=LATER), job("first", delay=LATER, priority=3)])
    assert (await queue.ack_and_fetch([], 1)).deliveries == []
    assert await changer.change("q", [Promote(job_id=name) for name in ("plain", "first", "unknown")]) == [None] * 3
    assert await counts(client, settings) == {"waiting": 1, "prioritized": 1}
    await queue.wait(None)
    assert {one.job_id for one in (await queue.ack_and_fetch([], 2)).deliveries} == {"plain", "first"}
    assert await changer.change("q", [Promote(job_id="unknown")]) == [None]


async def test_a_paused_queue_delivers_nothing_and_other_clients_see_it_paused(
    queue: WorkQueue, writer: QueueWriter, changer: QueueChanger, client: "redis.asyncio.Redis", settings: Settings
) -> None:
    other = Queue("q", {"connection": client, "prefix": settings.queue_prefix})
    await writer.add("q", [job("before")])
    assert await changer.change("q", [Pause(), Pause()]) == [None, None]
    assert await other.isPaused()
    assert (await QueueReader(client, prefix=settings.queue_prefix).counts("q")).paused
    await writer.add("q", [job("after")])
    assert (await queue.ack_and_fetch([], BATCH_LIMIT)).deliveries == []

    assert await changer.change("q", [Resume(), Resume()]) == [None, None]
    assert not await other.isPaused()
    await queue.wait(None)
    assert [one.job_id for one in (await queue.ack_and_fetch([], BATCH_LIMIT)).deliveries] == ["before", "after"]


async def test_resuming_restores_jobs_that_an_older_client_set_aside(
    changer: QueueChanger, writer: QueueWriter, client: "redis.asyncio.Redis", settings: Settings, keys: str
) -> None:
    await Queue("q", {"connection": client, "prefix": settings.queue_prefix}).pause()
    await writer.add("q", [job("new")])
    await client.rpush(f"{keys}paused", *[f"old{n}" for n in range(15_000)])
    assert await changer.change("q", [Resume()]) == [None]
    assert await counts(client, settings) == {"waiting": 15_001}


async def test_cleaning_removes_all_completed_jobs_and_no_others(
    settings: Settings, writer: QueueWriter, changer: QueueChanger, client: "redis.asyncio.Redis"
) -> None:
    queue = work_queue(settings, "w1", keep=1_000)
    await writer.add("q", [job(f"j{n}") for n in range(601)])
    reply = await queue.ack_and_fetch([], BATCH_LIMIT)
    await queue.ack_and_fetch([ack_failed(reply.deliveries[0], reason="x")], 0)
    completed = 0
    while deliveries := reply.deliveries[1:] if not completed else reply.deliveries:
        completed += len(deliveries)
        reply = await queue.ack_and_fetch([ack_completed(one, result="1") for one in deliveries], BATCH_LIMIT)
    await queue.close()
    await writer.add("q", [job("waiting")])
    assert await counts(client, settings) == {"completed": 600, "failed": 1, "waiting": 1}
    assert await changer.change("q", [Clean(), Remove(job_id="waiting")]) == [None, None]
    assert await counts(client, settings) == {"failed": 1}


async def test_changes_are_applied_in_order_and_one_that_fails_affects_no_other(
    changer: QueueChanger, writer: QueueWriter, client: "redis.asyncio.Redis", settings: Settings, keys: str
) -> None:
    await writer.add("q", [job(f"j{n}") for n in range(120)])
    await client.set(f"{keys}completed", "in the way")
    await client.set(f"{keys}j5", "not a job")
    removals = [Remove(job_id=f"j{n}") for n in range(120)]
    errors = await changer.change("q", [Clean(), *removals])
    assert all("WRONGTYPE" in (error or "") for error in errors)
    await client.delete(f"{keys}completed", f"{keys}j5")
    errors = await changer.change("q", [Clean(), *removals])
    assert errors == [None] * 121
    assert await counts(client, settings) == {"waiting": 1}


async def test_an_unreachable_redis_raises_queue_unavailable() -> None:
    nowhere = connect("redis://127.0.0.1:1/0")
    with pytest.raises(QueueUnavailableError, match="Redis is unreachable"):
        await QueueChanger(nowhere, prefix="x").change("q", [Pause()])
    await nowhere.aclose()

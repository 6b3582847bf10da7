"""Reading queues, and finding jobs in them."""

from datetime import UTC, datetime

import pytest
import redis.asyncio

from herdbook.errors import QueueUnavailableError
from herdbook.queue import job_locations
from herdbook.queue.adds import QueueWriter
from herdbook.queue.connection import connect
from herdbook.queue.job_locations import BullState, JobLocation, JobLocator
from herdbook.queue.reads import NextJob, QueueReader
from herdbook.queue.work import WorkQueue
from herdbook.settings import Settings
from tests.queue.conftest import job

PUBLISHED = 1_700_000_000_000


@pytest.fixture
def reader(client: "redis.asyncio.Redis", settings: Settings) -> QueueReader:
    return QueueReader(client, prefix=settings.queue_prefix)


@pytest.fixture
def finder(client: "redis.asyncio.Redis", settings: Settings) -> JobLocator:
    return JobLocator(client, prefix=settings.queue_prefix)


async def test_all_queues_are_counted_together(
    reader: QueueReader, writer: QueueWriter, client: "redis.asyncio.Redis", settings: Settings
) -> None:
    await writer.add("q", [job("a"), job("b"), job("c", priority=9), job("d", priority=5), job("e", delay=60_000)])
    await client.hset(f"{settings.queue_prefix}:paused:meta", "paused", "1")
    q, paused, unknown = await reader.all_counts(["q", "paused", "unknown"])
    assert {state: count for state, count in q.counts.items() if count} == {
        "waiting": 2,
        "prioritized": 2,
        "delayed": 1,
    }
    assert q.next_jobs == (NextJob(job_id="a", timestamp=PUBLISHED), NextJob(job_id="d", timestamp=PUBLISHED))
    assert (q.paused, paused.paused, unknown.paused) == (False, True, False)
    assert (set(unknown.counts.values()), unknown.next_jobs) == ({0}, ())
    assert await reader.all_counts([]) == []


async def test_a_next_job_may_have_no_timestamp_or_an_invalid_one(
    reader: QueueReader, writer: QueueWriter, client: "redis.asyncio.Redis", settings: Settings
) -> None:
    await writer.add("q", [job("a"), job("b", priority=1)])
    await client.delete(f"{settings.queue_prefix}:q:a")
    await client.hset(f"{settings.queue_prefix}:q:b", "timestamp", "yesterday")
    assert (await reader.counts("q")).next_jobs == (
        NextJob(job_id="a", timestamp=None),
        NextJob(job_id="b", timestamp=None),
    )


async def test_a_job_is_located_in_any_state(
    finder: JobLocator, queue: WorkQueue, writer: QueueWriter, client: "redis.asyncio.Redis", settings: Settings
) -> None:
    await writer.add("q", [job("taken"), job("next"), job("after")])
    assert [one.job_id for one in (await queue.ack_and_fetch([], 1)).deliveries] == ["taken"]
    await writer.add("q", [job("first", priority=1), job("second", priority=2), job("later", delay=60_000)])
    assert await finder.locate("q", "taken") == JobLocation(place=BullState.ACTIVE)
    assert await finder.locate("q", "next") == JobLocation(place=BullState.WAITING, ahead=0)
    assert await finder.locate("q", "after") == JobLocation(place=BullState.WAITING, ahead=1)
    assert await finder.locate("q", "first") == JobLocation(place=BullState.PRIORITIZED, ahead=2)
    assert await finder.locate("q", "second") == JobLocation(place=BullState.PRIORITIZED, ahead=3)
    later = await finder.locate("q", "later")
    (published,) = await finder.timestamps("q", ["later"])
    assert published
    assert (later.place, later.due) == (BullState.DELAYED, datetime.fromtimestamp(published / 1_000 + 60, UTC))
    assert await finder.locate("q", "nowhere") == JobLocation(place=BullState.MISSING)
    await client.lpush(f"{settings.queue_prefix}:q:paused", "held")
    assert await finder.locate("q", "held") == JobLocation(place=BullState.WAITING)
    await client.zadd(f"{settings.queue_prefix}:q:failed", {"bad": 1})
    assert await finder.locate("q", "bad") == JobLocation(place=BullState.FAILED)
    await client.zadd(f"{settings.queue_prefix}:q:delayed", {"far": 1e300})
    assert (await finder.locate("q", "far")).place is BullState.DELAYED


async def test_a_job_far_back_in_a_long_list_is_not_searched_for(
    finder: JobLocator, writer: QueueWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_locations, "_MAX_SCANNED", 3)
    await writer.add("q", [job(f"j{number}") for number in range(5)])
    assert await finder.locate("q", "j2") == JobLocation(place=BullState.WAITING, ahead=2)
    assert await finder.locate("q", "j4") == JobLocation(place=BullState.WAITING, ahead=3, is_exact=False)
    assert await finder.locate("q", "other") == JobLocation(place=BullState.MISSING)


async def test_jobs_are_listed_by_state(
    finder: JobLocator, queue: WorkQueue, writer: QueueWriter, client: "redis.asyncio.Redis", settings: Settings
) -> None:
    await writer.add("q", [job("a"), job("b"), job("c"), job("d"), job("p", priority=1)])
    await queue.ack_and_fetch([], 1)
    await client.zadd(f"{settings.queue_prefix}:q:failed", {"old": 1, "new": 2})
    # A marker that older clients leave at the end of the list.
    await client.rpush(f"{settings.queue_prefix}:q:wait", "0:0")
    assert await finder.ids_in("q", BullState.ACTIVE, 10) == ["a"]
    assert await finder.ids_in("q", BullState.WAITING, 3) == ["b", "c"]
    assert await finder.ids_in("q", BullState.PRIORITIZED, 10) == ["p"]
    assert await finder.ids_in("q", BullState.FAILED, 1) == ["new"]
    assert await finder.ids_in("q", BullState.DELAYED, 10) == []
    assert await finder.timestamps("q", ["a", "gone"]) == [PUBLISHED, None]


async def test_an_unreachable_redis_raises_queue_unavailable() -> None:
    nowhere = connect("redis://127.0.0.1:1/0")
    reader, finder = QueueReader(nowhere, prefix="x"), JobLocator(nowhere, prefix="x")
    with pytest.raises(QueueUnavailableError):
        await reader.all_counts(["q"])
    with pytest.raises(QueueUnavailableError):
        await finder.locate("q", "a")
    with pytest.raises(QueueUnavailableError):
        await finder.ids_in("q", BullState.WAITING, 1)
    await nowhere.aclose()

"""Acknowledging and fetching jobs."""

import asyncio

import redis.asyncio

from herdbook.model.options import Backoff
from herdbook.queue.adds import QueueWriter
from herdbook.queue.keys import client_name
from herdbook.queue.reads import QueueReader
from herdbook.queue.work import BATCH_LIMIT, WorkQueue
from herdbook.settings import Settings
from herdbook.testing import eventually
from tests.queue.acks import ack_completed, ack_failed, ack_released, ack_retry

from .conftest import job, work_queue


async def counts(client: "redis.asyncio.Redis", settings: Settings) -> dict[str, int]:
    found = (await QueueReader(client, prefix=settings.queue_prefix).counts("q")).counts
    return {state: count for state, count in found.items() if count}


async def test_a_fetch_returns_as_many_jobs_as_there_is_room_for(queue: WorkQueue, writer: QueueWriter) -> None:
    await writer.add("q", [job(f"j{n}", backoff={"type": "fixed", "delay": 9}) for n in range(3)])
    first = await queue.ack_and_fetch([], 2)
    assert [(one.job_id, one.attempt, one.attempts_made, one.max_attempts) for one in first.deliveries] == [
        ("j0", 1, 0, 3),
        ("j1", 1, 0, 3),
    ]
    assert first.deliveries[0].backoff == Backoff(type="fixed", delay=9)
    second = await queue.ack_and_fetch([], BATCH_LIMIT)
    assert ([one.job_id for one in second.deliveries], second.wait) == (["j2"], None)


async def test_each_kind_of_acknowledgement(
    queue: WorkQueue, writer: QueueWriter, client: "redis.asyncio.Redis", settings: Settings
) -> None:
    await writer.add("q", [job(f"j{n}") for n in range(5)])
    done, failed, again, later, back = (await queue.ack_and_fetch([], 5)).deliveries
    reply = await queue.ack_and_fetch(
        [
            ack_completed(done, result='{"ok":true}'),
            ack_failed(failed, reason="broken", stack_trace="trace"),
            ack_retry(again, after=0, reason="once more"),
            ack_retry(later, after=60_000, reason="later"),
            ack_released(back),
        ],
        0,
    )
    assert reply.refused == []
    assert await counts(client, settings) == {"completed": 1, "failed": 1, "waiting": 2, "delayed": 1}
    prefix = f"{settings.queue_prefix}:q:"
    assert await client.hget(f"{prefix}j0", "returnvalue") == '{"ok":true}'
    assert await client.hmget(f"{prefix}j1", "failedReason", "stacktrace") == ["broken", '["trace"]']
    assert await client.exists(*[f"{prefix}j{n}:lock" for n in range(5)]) == 0

    fetched = (await queue.ack_and_fetch([], 5)).deliveries
    # The released job comes first, and that attempt does not count; both fences have advanced.
    assert [(one.job_id, one.attempt, one.attempts_made) for one in fetched] == [("j4", 2, 0), ("j2", 2, 1)]


async def test_acknowledging_fetches_the_next_jobs_in_the_same_call(queue: WorkQueue, writer: QueueWriter) -> None:
    await writer.add("q", [job(f"j{n}") for n in range(4)])
    first = (await queue.ack_and_fetch([], 2)).deliveries
    reply = await queue.ack_and_fetch([ack_completed(one, result="null") for one in first], 2)
    assert [one.job_id for one in reply.deliveries] == ["j2", "j3"]


async def test_a_late_acknowledgement_is_refused_and_affects_no_other(
    settings: Settings, queue: WorkQueue, writer: QueueWriter
) -> None:
    await writer.add("q", [job("j0"), job("j1")])
    first, second = (await queue.ack_and_fetch([], 2)).deliveries
    await queue.ack_and_fetch([ack_completed(first, result="1")], 0)
    reply = await queue.ack_and_fetch([ack_completed(first, result="2"), ack_completed(second, result="3")], 0)
    assert reply.refused == [("j0", "the lock is gone")]


async def test_finished_jobs_are_removed_from_redis_after_a_while(
    settings: Settings, writer: QueueWriter, client: "redis.asyncio.Redis"
) -> None:
    queue = work_queue(settings, "w1", keep=2)
    await writer.add("q", [job(f"j{n}") for n in range(5)])
    deliveries = (await queue.ack_and_fetch([], 5)).deliveries
    await queue.ack_and_fetch([ack_completed(one, result="null") for one in deliveries], 0)
    assert await counts(client, settings) == {"completed": 2}
    await queue.close()


async def test_jobs_are_fetched_by_priority_and_paused_queues_deliver_nothing(
    queue: WorkQueue, writer: QueueWriter, client: "redis.asyncio.Redis", settings: Settings
) -> None:
    await writer.add("q", [job("low", priority=9), job("high", priority=1)])
    await client.hset(f"{settings.queue_prefix}:q:meta", "paused", "1")
    assert (await queue.ack_and_fetch([], 5)).deliveries == []
    assert (await QueueReader(client, prefix=settings.queue_prefix).counts("q")).paused
    await client.hdel(f"{settings.queue_prefix}:q:meta", "paused")
    assert [one.job_id for one in (await queue.ack_and_fetch([], 5)).deliveries] == ["high", "low"]


async def test_a_delayed_job_is_announced_and_delivered_when_due(queue: WorkQueue, writer: QueueWriter) -> None:
    await writer.add("q", [job("soon", delay=200)])
    reply = await queue.ack_and_fetch([], 1)
    assert reply.deliveries == []
    assert reply.wait is not None
    assert 0 < reply.wait <= 200

    async def due() -> bool:
        await queue.wait((await queue.ack_and_fetch([], 0)).wait or 50)
        return bool((await queue.ack_and_fetch([], 1)).deliveries)

    assert await eventually(due)


async def test_a_new_job_ends_the_wait(queue: WorkQueue, writer: QueueWriter) -> None:
    waiting = asyncio.create_task(queue.wait(None))
    await asyncio.sleep(0)
    await writer.add("q", [job("j0")])
    await asyncio.wait_for(waiting, 4)


async def test_a_rate_limit_set_by_another_client_is_respected(
    queue: WorkQueue, writer: QueueWriter, client: "redis.asyncio.Redis", settings: Settings
) -> None:
    await client.hset(f"{settings.queue_prefix}:q:meta", mapping={"max": "2", "duration": "60000"})
    await writer.add("q", [job(f"j{n}") for n in range(5)])
    reply = await queue.ack_and_fetch([], 5)
    assert len(reply.deliveries) == 2
    assert reply.wait is not None
    assert 0 < reply.wait <= 60_000


async def test_a_job_whose_data_is_gone_from_redis_has_no_type(
    queue: WorkQueue, writer: QueueWriter, client: "redis.asyncio.Redis", settings: Settings
) -> None:
    await writer.add("q", [job("j0")])
    await client.delete(f"{settings.queue_prefix}:q:j0")
    (delivery,) = (await queue.ack_and_fetch([], 1)).deliveries
    assert (delivery.job_id, delivery.job_type) == ("j0", "")


async def test_jobs_of_a_vanished_worker_are_delivered_again_and_say_how_often(
    settings: Settings, writer: QueueWriter
) -> None:
    short = work_queue(settings, "vanishing", lock=1)
    await writer.add("q", [job("j0")])
    assert len((await short.ack_and_fetch([], 1)).deliveries) == 1

    async def moved() -> bool:
        return "j0" in await short.move_stalled()

    await eventually(moved)
    (again,) = (await short.ack_and_fetch([], 1)).deliveries
    assert (again.attempt, again.attempts_made, again.stalls) == (2, 0, 1)
    await eventually(moved)
    (last,) = (await short.ack_and_fetch([], 1)).deliveries
    assert (last.attempt, last.stalls, last.deferred_failure) == (3, 2, None)
    await short.close()


async def test_other_clients_find_the_worker_by_its_connections_name(
    queue: WorkQueue, client: "redis.asyncio.Redis", settings: Settings
) -> None:
    waiting = asyncio.create_task(queue.wait(None))

    async def listed() -> bool:
        names = {one["name"] for one in await client.client_list()}
        return client_name(settings.queue_prefix, "q", "w1") in names

    assert await eventually(listed)
    waiting.cancel()


async def test_progress_is_shown_to_other_clients(
    queue: WorkQueue, writer: QueueWriter, client: "redis.asyncio.Redis", settings: Settings
) -> None:
    await writer.add("q", [job("j0")])
    await queue.report_progress("j0", '{"done": 3}')
    assert await client.hget(f"{settings.queue_prefix}:q:j0", "progress") == '{"done": 3}'


async def test_a_repeated_fetch_returns_the_jobs_whose_reply_was_lost(queue: WorkQueue, writer: QueueWriter) -> None:
    await writer.add("q", [job(f"j{number}") for number in range(4)])
    token = queue.new_token()
    lost = await queue.ack_and_fetch([], 2, token=token)
    repeated = await queue.ack_and_fetch([], 2, token=token, is_repeat=True)
    assert {one.job_id: one.attempt for one in repeated.deliveries} == {one.job_id: 1 for one in lost.deliveries}
    assert len((await queue.ack_and_fetch([], 9)).deliveries) == 2


async def test_repeating_an_acknowledgement_whose_reply_was_lost_changes_nothing(
    queue: WorkQueue, writer: QueueWriter
) -> None:
    await writer.add("q", [job(f"j{number}") for number in range(3)])
    first, second, third = (await queue.ack_and_fetch([], 3)).deliveries
    acks = [ack_completed(first, "1"), ack_retry(second, after=0, reason="again"), ack_completed(third, "3")]
    token = queue.new_token()
    (again,) = (await queue.ack_and_fetch(acks, 5, token=token)).deliveries
    repeated = await queue.ack_and_fetch(acks, 5, token=token, is_repeat=True)
    assert (again.job_id, again.attempt) == ("j1", 2)
    assert [(one.job_id, one.attempt, one.token) for one in repeated.deliveries] == [("j1", 2, token)]
    assert (await queue.ack_and_fetch([ack_completed(again, "2")], 0)).refused == []


async def test_an_earlier_attempt_cannot_release_the_lock_of_a_later_one(
    queue: WorkQueue, writer: QueueWriter, client: "redis.asyncio.Redis", settings: Settings
) -> None:
    await writer.add("q", [job("j0"), job("j1")])
    earlier, other = (await queue.ack_and_fetch([], 2)).deliveries
    lock = f"{settings.queue_prefix}:q:{earlier.job_id}:lock"

    async def is_moved() -> bool:
        await client.delete(lock)
        return earlier.job_id in await queue.move_stalled()

    await eventually(is_moved)
    # It is fetched together with the other's acknowledgement, and still has its own token.
    (later,) = (await queue.ack_and_fetch([ack_completed(other, "1")], 1)).deliveries
    assert (later.job_id, later.attempt) == (earlier.job_id, 2)
    for ack in (ack_released(earlier), ack_completed(earlier, "1"), ack_retry(earlier, after=0, reason="x")):
        ((refused, _),) = (await queue.ack_and_fetch([ack], 0)).refused
        assert refused == earlier.job_id
    assert await client.get(lock) == later.token
    assert (await queue.ack_and_fetch([ack_completed(later, "2")], 0)).refused == []


async def test_large_jobs_are_added_in_several_scripts(
    queue: WorkQueue, writer: QueueWriter, client: "redis.asyncio.Redis"
) -> None:
    async def scripts() -> int:
        return int((await client.info("commandstats")).get("cmdstat_evalsha", {"calls": 0})["calls"])

    before = await scripts()
    large = [job(f"j{number}", data=f'"{"x" * 1_500_000}"') for number in range(5)]
    assert await writer.add("q", large) == [None] * 5
    assert await scripts() >= before + 3
    fetched = (await queue.ack_and_fetch([], 9)).deliveries
    assert [one.job_id for one in fetched] == [one.job_id for one in large]

"""Renewing the locks of running jobs."""

import threading

import redis.asyncio
from structlog.testing import capture_logs

from herdbook.queue.adds import QueueWriter
from herdbook.queue.locks import LockKeeper
from herdbook.settings import Settings
from herdbook.testing import eventually

from .conftest import job, work_queue

LOCK = 300


async def test_locks_are_renewed_while_the_event_loop_is_blocked_and_dropped_ones_are_not(
    settings: Settings, writer: QueueWriter, client: "redis.asyncio.Redis"
) -> None:
    assert settings.redis_url
    queue = work_queue(settings, "w1", lock=LOCK)
    await writer.add("q", [job("held"), job("dropped")])
    held, dropped = (await queue.ack_and_fetch([], 2)).deliveries
    keeper = LockKeeper(settings.redis_url, prefix=settings.queue_prefix, lock_duration=LOCK, on_lost=lambda *_: None)
    keeper.start()
    keeper.hold([held, dropped])
    keeper.drop([dropped])

    # Blocks the loop for several lifetimes of the lock, as a processor that does not yield would.
    threading.Event().wait(3 * LOCK / 1_000)

    prefix = f"{settings.queue_prefix}:q:"
    assert await client.get(f"{prefix}held:lock") == held.token
    assert await client.get(f"{prefix}dropped:lock") is None
    keeper.stop()
    await queue.close()


async def test_a_lost_lock_is_reported(settings: Settings, writer: QueueWriter, client: "redis.asyncio.Redis") -> None:
    assert settings.redis_url
    queue = work_queue(settings, "w1", lock=LOCK)
    await writer.add("q", [job("j0")])
    (delivery,) = (await queue.ack_and_fetch([], 1)).deliveries
    lost: list[str] = []
    keeper = LockKeeper(
        settings.redis_url,
        prefix=settings.queue_prefix,
        lock_duration=LOCK,
        on_lost=lambda queue, job_ids: lost.extend(job_ids),
    )
    await client.set(f"{settings.queue_prefix}:q:j0:lock", "somebody else")
    keeper.start()
    keeper.hold([delivery])

    async def reported() -> bool:
        return lost[:1] == ["j0"]

    await eventually(reported)
    keeper.stop()
    await queue.close()


async def test_an_error_that_nobody_foresaw_does_not_end_it(
    settings: Settings, writer: QueueWriter, client: "redis.asyncio.Redis"
) -> None:
    assert settings.redis_url
    queue = work_queue(settings, "w1", lock=LOCK)
    await writer.add("q", [job("stolen"), job("held")])
    stolen, held = (await queue.ack_and_fetch([], 2)).deliveries
    lock = f"{settings.queue_prefix}:q:held:lock"
    errors: list[str] = []

    def on_lost(queue: str, tokens: dict[str, str]) -> None:
        errors.extend(tokens)
        raise ValueError("not foreseen")

    keeper = LockKeeper(settings.redis_url, prefix=settings.queue_prefix, lock_duration=LOCK, on_lost=on_lost)
    await client.set(f"{settings.queue_prefix}:q:stolen:lock", "somebody else")
    keeper.start()
    keeper.hold([stolen, held])

    async def failed_often() -> bool:
        return len(errors) >= 9

    with capture_logs() as logs:
        # Three lifetimes of the lock.
        await eventually(failed_often)
        assert await client.get(lock) == held.token
        keeper.stop()
    assert logs[0]["event"] == "locks not renewed"
    await queue.close()


def test_a_later_attempt_of_the_same_job_is_not_dropped_with_the_earlier_one() -> None:
    from herdbook.queue.delivery import parse_delivery

    keeper = LockKeeper("redis://127.0.0.1:1", prefix="p", lock_duration=LOCK, on_lost=lambda *_: None)
    first = parse_delivery("q", ["t", None, None, "1", None, None, None, None, None, "j"], "w:1")
    second = parse_delivery("q", ["t", None, None, "2", None, None, None, None, None, "j"], "w:2")
    keeper.hold([first])
    keeper.hold([second])
    keeper.drop([first])
    assert keeper._held == {"q": {"j": "w:2"}}

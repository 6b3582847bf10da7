"""Scenarios of a Redis that loses what it has: all of it, a queue, or its newest writes."""

import asyncio
import signal
from collections.abc import Awaitable, Callable

from bullmq import Queue

from herdbook.crash_points import EXIT_CODE
from herdbook.model.health import SILENT_AFTER
from herdbook.queue.connection import connect

from .laboratory import PREFIX, Laboratory
from .ledger import publishing_beside
from .scenario import Scenarios

scenario = Scenarios()
# Seconds: jobs of a worker that died with Redis are found once its heartbeat is overdue, by the next sweep.
_UNTIL_SWEPT = SILENT_AFTER + 15.0


async def _amid(lab: Laboratory, jobs: int, lose: Callable[[], Awaitable[object]], what: str) -> None:
    """Lose something while jobs wait, run, are delayed and are between their attempts."""
    async with publishing_beside(lab, jobs, longest=1_000):
        await asyncio.sleep(2.0)
        with lab.fault(what, more=_UNTIL_SWEPT):
            await lose()


async def _keys(lab: Laboratory, pattern: str = f"{PREFIX}:*") -> list[str]:
    async with connect(lab.servers.operator_url) as client:
        return [key async for key in client.scan_iter(pattern, count=10_000)]


@scenario("Redis: FLUSHALL", jobs=5_000)
async def flush(lab: Laboratory, jobs: int) -> str:
    lost = 0

    async def lose() -> None:
        nonlocal lost
        lost = len(await _keys(lab))
        await lab.servers.tell_redis("FLUSHALL")

    await _amid(lab, jobs, lose, "flush")
    assert lost > 100
    return f"{lost:,} keys flushed"


@scenario("Redis: FLUSHALL while all workers are killed", jobs=5_000)
async def flush_and_kill(lab: Laboratory, jobs: int) -> str:
    async def lose() -> None:
        await lab.servers.tell_redis("FLUSHALL")
        await asyncio.gather(*(worker.restart(signal.SIGKILL) for worker in lab.workers))

    await _amid(lab, jobs, lose, "flush")
    deaths = sum(len(worker.deaths) for worker in lab.workers)
    assert deaths == len(lab.workers)
    return f"flushed, {deaths} × kill -9"


@scenario("Redis: DEL of the keys of a queue", jobs=5_000)
async def delete_queue(lab: Laboratory, jobs: int) -> str:
    deleted = 0

    async def lose() -> None:
        nonlocal deleted
        keys = await _keys(lab, f"{PREFIX}:steady:*")
        deleted = len(keys)
        async with connect(lab.servers.operator_url) as client:
            for start in range(0, deleted, 1_000):
                await client.unlink(*keys[start : start + 1_000])

    await _amid(lab, jobs, lose, "deleted")
    assert deleted > 10
    return f"{deleted:,} keys deleted"


@scenario("Redis: set back to an older copy of its data", jobs=5_000)
async def roll_back(lab: Laboratory, jobs: int) -> str:
    async def lose() -> None:
        lab.servers.copy_redis()
        await asyncio.sleep(3.0)
        await lab.servers.stop_redis(kill=True)
        lab.servers.put_older_redis_back()
        await lab.servers.start_redis()

    await _amid(lab, jobs, lose, "set back")
    return "set back by 3 s"


@scenario("Redis: obliterate of a queue", jobs=5_000)
async def obliterate(lab: Laboratory, jobs: int) -> str:
    before = 0

    async def lose() -> None:
        nonlocal before
        before = len(await _keys(lab, f"{PREFIX}:steady:*"))
        queue = Queue("steady", {"connection": lab.servers.operator_url, "prefix": PREFIX})
        await queue.obliterate(force=True)
        await queue.close()

    await _amid(lab, jobs, lose, "obliterated")
    assert before > 10
    return f"a queue of {before:,} keys obliterated"


async def _crash_relay(lab: Laboratory, jobs: int, point: str) -> str:
    async with publishing_beside(lab, jobs, longest=1_000):
        await asyncio.sleep(2.0)
        with lab.fault("flush", more=_UNTIL_SWEPT):
            (relay,) = lab.relays
            crashing = asyncio.create_task(relay.crash([f"{point}:1"]))
            await relay.has_died()
            await lab.servers.tell_redis("FLUSHALL")
            await crashing
    assert [death.code for death in relay.deaths] == [0, EXIT_CODE]
    return f"flushed, and a crash at {point}"


@scenario("Redis: FLUSHALL, and the relay crashes as it notices", jobs=5_000)
async def crash_as_noticed(lab: Laboratory, jobs: int) -> str:
    return await _crash_relay(lab, jobs, "noticed")


@scenario("Redis: FLUSHALL, and the relay crashes as it delivers again", jobs=5_000)
async def crash_as_redelivered(lab: Laboratory, jobs: int) -> str:
    return await _crash_relay(lab, jobs, "redelivered")

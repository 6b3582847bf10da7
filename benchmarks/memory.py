"""Measures the bytes that a waiting job takes in Redis: published by Herdbook, and by BullMQ's own client.

The two must not share a database: growing its table would be counted for whoever adds next.
"""

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit
from uuid import UUID

import redis.asyncio
from bullmq import Queue

from benchmarks.jobs import noop, noop_data
from benchmarks.report import tell
from benchmarks.stand import Figures, Stand, standing, until
from herdbook.model.ids import new_job_id
from herdbook.queue.connection import connect
from herdbook.settings import Settings

JOBS = 50_000
# Scripts and lists are there when the measurement begins.
WARM = 1_000
BULK = 500
Add = Callable[[int], Awaitable[None]]


async def measure(settings: Settings) -> list[Figures]:
    """Bytes per job. BullMQ's own ids are counted up, and shorter than ours: it is measured with both."""
    assert settings.redis_url
    tell(f"filling Redis with {JOBS:,} jobs, three times")
    async with standing(settings) as stand, connect(settings.redis_url) as client:
        await stand.control.pause("bench")
        ours = await _bytes_per_job(client, lambda jobs: _publish(stand, jobs))
        # Its relay looks into the outbox now and then, which takes no memory.
        theirs = await _bytes_per_job(client, _adder(settings.redis_url, 1, None))
        same_ids = await _bytes_per_job(client, _adder(settings.redis_url, 2, new_job_id))
    return [
        {
            "redis_bytes": ours,
            "bullmq_bytes": theirs,
            "bullmq_bytes_same_ids": same_ids,
            "redis_bytes_to_bullmq": ours / theirs,
            "redis_bytes_to_same_ids": ours / same_ids,
        }
    ]


async def _publish(stand: Stand, jobs: int) -> None:
    await stand.publish(noop, jobs)
    await stand.relayed()


def _adder(url: str, database: int, make_id: Callable[[], UUID] | None) -> Add:
    """Has BullMQ's own client add jobs to a database of their own."""
    url = urlsplit(url)._replace(path=f"/{database}").geturl()

    async def add(jobs: int) -> None:
        async with connect(url) as client:
            queue = Queue("bench", {"connection": client})
            for first in range(0, jobs, BULK):
                ids = [{"jobId": str(make_id())} if make_id else {} for _ in range(BULK)]
                numbers = range(first, first + BULK)
                await queue.addBulk(
                    [
                        {"name": "noop", "data": noop_data(n), "opts": {"attempts": 1, **id}}
                        for n, id in zip(numbers, ids, strict=True)
                    ]
                )

    return add


async def _bytes_per_job(client: redis.asyncio.Redis, add: Add) -> float:
    await add(WARM)
    before = await _used(client)
    await add(JOBS)
    return (await _used(client) - before) / JOBS


async def _used(client: redis.asyncio.Redis) -> int:
    """Bytes that hold data, once nothing waits to be written to the disk."""

    async def settled() -> int:
        info = await client.info("memory")
        waiting = info["mem_aof_buffer"] > 100_000
        return 0 if waiting else int(info["used_memory"] - info["mem_clients_normal"] - info["mem_aof_buffer"])

    return await until(settled)

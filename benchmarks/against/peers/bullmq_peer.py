"""BullMQ for Python, bare: nothing but Redis.

Tried, jobs/s drained: concurrency 5: 1,600, 10: 1,800, 20: 2,200, 50: 1,900 (1,300 without uvloop), 100: 1,500.
"""

import asyncio
from typing import Any

from bullmq import Queue, Worker
from protocol import QUEUE, REDIS_URL, RESULT, run, tell_started

BULK = 1_000


class Peer:
    def __init__(self) -> None:
        self._queue: Queue | None = None

    async def prepare(self) -> None:
        pass

    async def publish(self, data: dict[str, Any]) -> None:
        await self._opened().add("noop", data)

    async def publish_bulk(self, jobs: list[dict[str, Any]]) -> None:
        for first in range(0, len(jobs), BULK):
            await self._opened().addBulk([{"name": "noop", "data": data} for data in jobs[first : first + BULK]])

    async def work(self, concurrency: int) -> None:
        async def noop(job: Any, token: str) -> dict[str, Any]:
            tell_started()
            return RESULT

        Worker(QUEUE, noop, {"connection": REDIS_URL, "concurrency": concurrency})
        await asyncio.Event().wait()

    def _opened(self) -> Queue:
        if self._queue is None:
            self._queue = Queue(QUEUE, {"connection": REDIS_URL})
        return self._queue


if __name__ == "__main__":
    run(Peer())

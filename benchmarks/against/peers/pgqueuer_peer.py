"""pgqueuer: PostgreSQL alone, through asyncpg.

Tried, jobs/s drained: batch_size 200: 18,700, 500: 14,600, 1,000: 15,600; connections 2 and 5: alike. Jobs of one
enqueue: 1,000 and 5,000 publish alike. What a function returns is not kept.
"""

import json
from typing import Any

import asyncpg
from pgqueuer import AsyncpgPoolDriver, Queries, QueueManager
from protocol import DATABASE_URL, QUEUE, run, tell_started

BULK = 1_000


class Peer:
    _queries: Queries | None = None

    async def prepare(self) -> None:
        await (await self._open(1)).install()

    async def publish(self, data: dict[str, Any]) -> None:
        await (await self._open(1)).enqueue(QUEUE, json.dumps(data).encode())

    async def publish_bulk(self, jobs: list[dict[str, Any]]) -> None:
        queries = await self._open(1)
        for first in range(0, len(jobs), BULK):
            payloads = [json.dumps(data).encode() for data in jobs[first : first + BULK]]
            await queries.enqueue([QUEUE] * len(payloads), payloads, [0] * len(payloads))

    async def work(self, concurrency: int) -> None:
        manager = QueueManager(await self._open(5))

        @manager.entrypoint(QUEUE)
        async def noop(job: Any) -> None:
            tell_started()

        await manager.run(batch_size=concurrency)

    async def _open(self, size: int) -> Queries:
        if self._queries is None:
            pool = await asyncpg.create_pool(DATABASE_URL, min_size=size, max_size=size)
            self._queries = Queries(AsyncpgPoolDriver(pool))
        return self._queries


if __name__ == "__main__":
    run(Peer())

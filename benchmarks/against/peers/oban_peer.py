"""Oban for Python: PostgreSQL alone, through psycopg.

Tried, jobs/s drained: limit 50: 3,000, 100: 3,000, 200: 2,000, 500: 3,300; a debounce_interval of 1 ms at 100: 2,600.
The result is recorded with `Record`, as text in the job's `meta`.
"""

import asyncio
from typing import Any

from oban import Oban, Record, worker
from oban.schema import install
from protocol import DATABASE_URL, QUEUE, RESULT, run, tell_started


@worker(queue=QUEUE)
class Noop:
    async def process(self, job: Any) -> Record:
        tell_started()
        return Record(RESULT)


class Peer:
    _oban: Oban | None = None

    async def prepare(self) -> None:
        pool = await Oban.create_pool(dsn=DATABASE_URL)
        await install(pool)
        await pool.close()

    async def publish(self, data: dict[str, Any]) -> None:
        await (await self._open()).enqueue(Noop.new(data))

    async def publish_bulk(self, jobs: list[dict[str, Any]]) -> None:
        await (await self._open()).enqueue_many([Noop.new(data) for data in jobs])

    async def work(self, concurrency: int) -> None:
        pool = await Oban.create_pool(dsn=DATABASE_URL)
        async with Oban(pool=pool, queues={QUEUE: concurrency}):
            await asyncio.Event().wait()

    async def _open(self) -> Oban:
        if self._oban is None:
            pool = await Oban.create_pool(dsn=DATABASE_URL)
            self._oban = await Oban(pool=pool).start()
        return self._oban


if __name__ == "__main__":
    run(Peer())

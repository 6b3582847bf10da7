"""Procrastinate: PostgreSQL alone, through psycopg.

Tried, jobs/s drained: concurrency 1: 370, 10: 370, 20: 500 (440 without uvloop), 50: 390. Jobs of one batch: 1,000 and
5,000 publish alike.
"""

from typing import Any

from procrastinate import App, PsycopgConnector
from protocol import DATABASE_URL, QUEUE, RESULT, run, tell_started

BULK = 1_000
app = App(connector=PsycopgConnector(conninfo=DATABASE_URL, min_size=1, max_size=20))


@app.task(name="noop", queue=QUEUE)
async def noop(data: dict[str, Any]) -> dict[str, Any]:
    tell_started()
    return RESULT


class Peer:
    _is_open = False

    async def prepare(self) -> None:
        await self._open()
        await app.schema_manager.apply_schema_async()

    async def publish(self, data: dict[str, Any]) -> None:
        await self._open()
        await noop.defer_async(data=data)

    async def publish_bulk(self, jobs: list[dict[str, Any]]) -> None:
        await self._open()
        for first in range(0, len(jobs), BULK):
            await noop.batch_defer_async(*[{"data": data} for data in jobs[first : first + BULK]])

    async def work(self, concurrency: int) -> None:
        await self._open()
        await app.run_worker_async(queues=[QUEUE], concurrency=concurrency)

    async def _open(self) -> None:
        if not self._is_open:
            await app.open_async()
            self._is_open = True


if __name__ == "__main__":
    run(Peer())

"""The prototype's way in Python: insert a row, add a job; the worker updates the row twice and awaits each.

Tried, jobs/s drained: concurrency/pool 20/10: 1,250, 50/10: 940-1,150, 50/20: 1,230, 100/10: 1,200; uvloop: a
tenth more.
"""

import asyncio
import json
from typing import Any
from uuid import uuid4

import asyncpg
from bullmq import Queue, Worker
from protocol import DATABASE_URL, QUEUE, REDIS_URL, RESULT, run, tell_started

TABLE = """
CREATE TABLE jobs (
    id uuid PRIMARY KEY,
    status text NOT NULL DEFAULT 'pending',
    job_data jsonb NOT NULL,
    result jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
)
"""
INSERT = "INSERT INTO jobs (id, job_data) VALUES ($1, $2)"
PROCESSING = "UPDATE jobs SET status = 'processing', updated_at = now() WHERE id = $1"
COMPLETED = "UPDATE jobs SET status = 'completed', result = $2, updated_at = now() WHERE id = $1"
POOL = 10


class Peer:
    def __init__(self) -> None:
        self._opened: tuple[asyncpg.Pool, Queue] | None = None

    async def prepare(self) -> None:
        connection = await asyncpg.connect(DATABASE_URL)
        await connection.execute(TABLE)
        await connection.close()

    async def publish(self, data: dict[str, Any]) -> None:
        pool, queue = await self._open()
        id = uuid4()
        await pool.execute(INSERT, id, json.dumps(data))
        await queue.add("noop", data, {"jobId": str(id)})

    async def work(self, concurrency: int) -> None:
        pool = await asyncpg.create_pool(DATABASE_URL, min_size=POOL, max_size=POOL)

        async def process(job: Any, token: str) -> dict[str, Any]:
            await pool.execute(PROCESSING, job.id)
            tell_started()
            result = RESULT
            await pool.execute(COMPLETED, job.id, json.dumps(result))
            return result

        Worker(QUEUE, process, {"connection": REDIS_URL, "concurrency": concurrency})
        await asyncio.Event().wait()

    async def _open(self) -> tuple[asyncpg.Pool, Queue]:
        if self._opened is None:
            pool = await asyncpg.create_pool(DATABASE_URL, min_size=1, max_size=1)
            self._opened = pool, Queue(QUEUE, {"connection": REDIS_URL})
        return self._opened


if __name__ == "__main__":
    run(Peer())

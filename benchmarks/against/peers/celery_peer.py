"""Celery: Redis as its broker, results in PostgreSQL.

Tried, jobs/s drained: prefork 2: 530, 3: 590, 4: 480, 8: 230; ten threads: 100, because Celery then connects for each
result. A prefetch multiplier of 4: 420 at prefork 2, 1 and 500: no better than 64. Without pool_pre_ping: the same.
"""

from typing import Any

from celery import Celery
from protocol import DATABASE_URL, QUEUE, REDIS_URL, RESULT, become, run, tell_started

app = Celery(
    "celery_peer",
    broker=REDIS_URL,
    backend=DATABASE_URL.replace("postgresql://", "db+postgresql+psycopg2://"),
)
app.conf.update(task_default_queue=QUEUE, worker_prefetch_multiplier=64)


@app.task(name="noop")
def noop(data: dict[str, Any]) -> dict[str, Any]:
    tell_started()
    return RESULT


class Peer:
    async def prepare(self) -> None:
        # Makes the tables, as a worker would with its first result.
        app.backend.ResultSession()

    async def publish(self, data: dict[str, Any]) -> None:
        noop.delay(data)

    async def work(self, concurrency: int) -> None:
        become("-m", "celery", "-A", "celery_peer", "worker", "-c", str(concurrency))


if __name__ == "__main__":
    run(Peer())

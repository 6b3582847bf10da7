"""Herdbook: published in process, delivered by a relay, run by one `herdbook worker`.

Tried, jobs/s drained: concurrency 50: 6,400, 100: 7,200, 200: 5,300, 500: 6,200.
"""

from typing import Any

from protocol import DATABASE_URL, QUEUE, RESULT, become, run, tell_started

from herdbook import Herdbook, JobRequest
from herdbook.record.database import Database
from herdbook.record.migrate import migrate

# Jobs of one transaction.
BULK = 5_000
book = Herdbook()


@book.processor("noop", queue=QUEUE, attempts=1)
async def noop(payload: dict[str, Any]) -> dict[str, Any]:
    tell_started()
    return RESULT


class Peer:
    async def prepare(self) -> None:
        database = Database(DATABASE_URL, size=1)
        await database.open()
        await migrate(database)
        await database.close()

    async def publish(self, data: dict[str, Any]) -> None:
        await book.publish("noop", data)

    async def publish_bulk(self, jobs: list[dict[str, Any]]) -> None:
        for first in range(0, len(jobs), BULK):
            await book.publish_bulk([JobRequest(job_type="noop", job_data=data) for data in jobs[first : first + BULK]])

    async def relay(self) -> None:
        become("-m", "herdbook", "relay")

    async def work(self, concurrency: int) -> None:
        become("-m", "herdbook", "worker", "herdbook_peer:book", "--queue", QUEUE, "--concurrency", str(concurrency))


if __name__ == "__main__":
    run(Peer())

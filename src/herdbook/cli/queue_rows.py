"""Takes the settings.

Gives the queues as the record and Redis know them, as rows for people and as fields for programs.
Never changes anything.
"""

from typing import Any

from herdbook.cli.connect import open_record
from herdbook.cli.tables import seconds_text
from herdbook.model.registry import Registry
from herdbook.operating.queue_stats import QueueStats, QueueStatsReader
from herdbook.record.workers import WorkerRow, count_takers, read_workers
from herdbook.settings import Settings

HEADER = ("QUEUE", "STATE", "WAITING", "RUNNING", "DELAYED", "FAILED", "OLDEST", "PER MIN", "WORKERS")


async def find_queues(settings: Settings) -> tuple[list[QueueStats], list[WorkerRow]]:
    """The queues, and who may work on them."""
    async with open_record(settings, "queues", size=2) as database:
        figures = QueueStatsReader.connect(settings, Registry(), database)
        try:
            states = await figures.states()
        finally:
            await figures.close()
        async with database.connection() as connection:
            return states, await read_workers(connection)


def row(queue: QueueStats, workers: list[WorkerRow]) -> tuple[str, ...]:
    """The queue under `HEADER`."""
    counts = queue.counts
    numbers = (counts["waiting"] + counts["prioritized"], counts["active"], counts["delayed"], counts["failed"])
    return (
        queue.name,
        "paused" if queue.paused else "open",
        *(f"{number:,}" for number in numbers),
        "-" if queue.oldest_waiting is None else seconds_text(queue.oldest_waiting),
        f"{queue.rate:,.1f}",
        str(count_takers(workers)[queue.name]),
    )


def fields(queue: QueueStats) -> dict[str, Any]:
    """The queue under the names of the HTTP API."""
    return {
        "name": queue.name,
        "counts": queue.counts,
        "paused": queue.paused,
        "oldestWaitingSeconds": queue.oldest_waiting,
        "ratePerMinute": round(queue.rate, 2),
    }

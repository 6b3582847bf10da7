"""Reads the queues from the record and Redis, and makes the rows of `herdbook queues`."""

from herdbook.cli.connect import open_record
from herdbook.cli.tables import seconds_text
from herdbook.model.registry import Registry
from herdbook.operating.queue_stats import QueueStats, QueueStatsReader
from herdbook.record.workers import WorkerRow, count_takers, read_workers
from herdbook.settings import Settings

HEADER = ("QUEUE", "STATE", "WAITING", "ACTIVE", "DELAYED", "FAILED", "OLDEST", "PER MIN", "WORKERS")


async def read_queue_stats(settings: Settings) -> tuple[list[QueueStats], list[WorkerRow]]:
    """The queues, and all workers."""
    async with open_record(settings, "queues", size=2) as database:
        reader = QueueStatsReader.connect(settings, Registry(), database)
        try:
            queues = await reader.states()
        finally:
            await reader.close()
        async with database.connection() as connection:
            return queues, await read_workers(connection)


def queue_row(queue: QueueStats, workers: list[WorkerRow]) -> tuple[str, ...]:
    """The cells of a queue under `HEADER`."""
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

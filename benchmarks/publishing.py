"""Publishes jobs in bulk, keeping a limited distance to the workers: `python -m benchmarks.publishing`.

It must not end by itself: its memory is read when all jobs are done.
"""

import argparse
import asyncio

from benchmarks.app import book
from benchmarks.jobs import MAKES
from benchmarks.stand import UNDONE, until
from herdbook.cli.event_loop import run_on_fast_loop
from herdbook.publishing.publish import Publisher
from herdbook.record.database import Database
from herdbook.record.reads import read_stats
from herdbook.settings import Settings


async def publish(settings: Settings, name: str, jobs: int, *, bulk: int, ahead: int) -> None:
    """Publish `jobs` jobs, `bulk` at a time, with at most `ahead` of their queue's undone."""
    assert settings.database_url
    database = Database(settings.database_url, size=2)
    await database.open()
    publisher = Publisher(database, book.registry, max_job_bytes=settings.max_job_bytes)
    make, queue = MAKES[name], book.registry.get(name).queue

    async def has_room() -> bool:
        async with database.connection() as connection:
            stats = await read_stats(connection)
        return sum(one.count for one in stats if one.queue == queue and one.status in UNDONE) <= ahead - bulk

    for first in range(0, jobs, bulk):
        await until(has_room)
        await publisher.publish_bulk([make(n) for n in range(first, min(first + bulk, jobs))])
    await asyncio.Event().wait()


def main() -> None:
    """Publish, and wait to be ended."""
    parser = argparse.ArgumentParser(prog="benchmarks.publishing", description=__doc__)
    parser.add_argument("name", choices=MAKES)
    for option in ("--jobs", "--bulk", "--ahead"):
        parser.add_argument(option, type=int, required=True)
    given = parser.parse_args()
    run_on_fast_loop(publish(Settings(), given.name, given.jobs, bulk=given.bulk, ahead=given.ahead))


if __name__ == "__main__":
    main()

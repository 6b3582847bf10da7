"""The command `rebuild`, which fills Redis again from the record."""

import asyncio

import typer

from herdbook.cli import options
from herdbook.cli.connect import open_record, read_settings, redis_url
from herdbook.cli.follow_operation import progress_bar
from herdbook.settings import Settings


def rebuild(data: options.Data = None) -> None:
    """Deliver again what Redis has lost.

    Compares every open job in PostgreSQL with Redis. Jobs that Redis has are left
    alone, and so are those that a live worker runs. A running relay does the same by
    itself when it notices that Redis lost writes, and it carries the jobs.

    Examples:
      herdbook rebuild
    """
    settings = read_settings(data)
    redelivered = asyncio.run(_rebuild(settings, redis_url(settings)))
    typer.echo(f"{redelivered:,} {'job' if redelivered == 1 else 'jobs'} will be delivered again")


async def _rebuild(settings: Settings, url: str) -> int:
    from herdbook.queue.connection import connect
    from herdbook.queue.epoch import QueueMark
    from herdbook.record.reconciliation import restore_pauses
    from herdbook.upkeep.reconciler import Reconciler

    async with open_record(settings, "rebuild", size=2) as database, connect(url, name="herdbook-rebuild") as client:
        mark = QueueMark(client, prefix=settings.queue_prefix)
        async with database.connection() as connection:
            await restore_pauses(connection)
        reconciler = Reconciler(database, mark, prefix=settings.queue_prefix)
        with progress_bar(0) as report:
            return await reconciler.sweep(report)

"""The command `rebuild`, which fills Redis again from the record."""

import asyncio
from typing import TYPE_CHECKING

import typer

from herdbook.cli import options
from herdbook.cli.connect import open_record, read_settings, redis_url
from herdbook.cli.follow_operation import progress_bar
from herdbook.model.health import count_jobs
from herdbook.settings import Settings

if TYPE_CHECKING:
    from herdbook.upkeep.reconciler import Swept


def rebuild(data: options.Data = None) -> None:
    """Deliver again what Redis has lost.

    Compares every open job in PostgreSQL with Redis. Jobs that Redis has are left
    alone, and so are those that a live worker runs. A running relay does the same by
    itself when it notices that Redis lost writes, and it carries the jobs.

    Examples:
      herdbook rebuild
    """
    from herdbook.observe.log import set_up_logging

    settings = read_settings(data)
    set_up_logging(settings, "rebuild")
    swept = asyncio.run(_rebuild(settings, redis_url(settings)))
    open_jobs, lost = count_jobs(swept.compared, "open job"), count_jobs(swept.redelivered)
    typer.echo(f"{open_jobs} compared, {lost} will be delivered again")


async def _rebuild(settings: Settings, url: str) -> "Swept":
    from herdbook.queue.connection import connect
    from herdbook.record.reads import read_stats
    from herdbook.record.reconciliation import restore_pauses
    from herdbook.upkeep.reconciler import Reconciler

    async with open_record(settings, "rebuild", size=2) as database, connect(url, name="herdbook-rebuild") as client:
        async with database.connection() as connection:
            await restore_pauses(connection)
            stats = await read_stats(connection)
        reconciler = Reconciler(database, client, prefix=settings.queue_prefix)
        expected = sum(one.count for one in stats if not one.status.is_final)
        with progress_bar(expected) as show:
            return await reconciler.sweep(show)

"""The command `queues`, which lists the queues with their jobs, rates and workers."""

import asyncio

import typer

from herdbook.cli import options
from herdbook.cli.connect import read_settings, redis_url
from herdbook.cli.tables import print_table


def queues(as_json: options.AsJson = False, data: options.Data = None) -> None:
    """List queues, with their jobs by state.

    OLDEST is how long the next job has been ready to run, PER MIN the average
    number of jobs finished per minute over the last five minutes. With --json,
    prints one line per queue, in the format of the HTTP API.

    Examples:
      herdbook queues
      herdbook queues --json | jq -r 'select(.paused) | .name'
    """
    settings = read_settings(data)
    redis_url(settings)
    from herdbook.cli.queue_rows import HEADER, queue_row, read_queue_stats

    found, workers = asyncio.run(read_queue_stats(settings))
    if as_json:
        from herdbook.http.schemas import QueueView

        for queue in found:
            typer.echo(QueueView.of(queue).model_dump_json(by_alias=True))
    elif found:
        print_table(HEADER, [queue_row(queue, workers) for queue in found])
    else:
        typer.echo("no queues yet", err=True)

"""Takes nothing but the settings.

Gives the queues: what waits in each, what runs, how fast it goes, who works on it.
Never changes anything.
"""

import asyncio

import typer

from herdbook.cli import options
from herdbook.cli.connect import read_settings, redis_url
from herdbook.cli.tables import print_table, to_json


def queues(as_json: options.AsJson = False, data: options.Data = None) -> None:
    """List the queues that programs declared, or that jobs are in.

    OLDEST is how long the next job has been ready to run, PER MIN how many jobs ended per minute
    over the last five. With --json, one line per queue, with the fields of the HTTP API.

    Examples:
      herdbook queues
      herdbook queues --json | jq -r 'select(.paused) | .name'
    """
    settings = read_settings(data)
    redis_url(settings)
    from herdbook.cli.queue_rows import HEADER, fields, find_queues, row

    states, workers = asyncio.run(find_queues(settings))
    if as_json:
        for one in states:
            typer.echo(to_json(fields(one)))
    elif states:
        print_table(HEADER, [row(one, workers) for one in states])
    else:
        typer.echo("no program has declared a queue yet", err=True)

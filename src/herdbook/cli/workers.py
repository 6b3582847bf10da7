"""Takes nothing but the settings.

Gives the workers that were heard of within a day.
Never talks to a worker: the record has their signs of life.
"""

import asyncio
from dataclasses import fields
from typing import Any

import typer
from pydantic.alias_generators import to_camel

from herdbook.cli import options
from herdbook.cli.connect import open_record, read_settings
from herdbook.cli.tables import print_table, seconds_text, time_text, to_json
from herdbook.record.workers import WorkerRow, read_workers
from herdbook.settings import Settings

_HEADER = ("WORKER", "STATE", "HELD", "HEARD OF", "STARTED", "QUEUES")


def workers(as_json: options.AsJson = False, data: options.Data = None) -> None:
    """List the workers that were heard of within a day.

    One that was silent for 15 seconds is taken for gone; others take its jobs over. With --json,
    one line per worker, with the fields of the HTTP API.

    Examples:
      herdbook workers
      herdbook workers --json | jq -r 'select(.alive) | .id'
    """
    found = asyncio.run(_find(read_settings(data)))
    if as_json:
        for one in found:
            typer.echo(to_json(_fields(one)))
    elif found:
        print_table(_HEADER, [_row(one) for one in found])
    else:
        typer.echo("no worker was heard of within a day", err=True)


async def _find(settings: Settings) -> list[WorkerRow]:
    async with open_record(settings, "workers", size=2) as database, database.connection() as connection:
        return await read_workers(connection)


def _row(worker: WorkerRow) -> tuple[str, ...]:
    return (
        worker.id,
        worker.state if not worker.is_silent else "gone",
        f"{worker.running:,}",
        f"{seconds_text(worker.seconds_silent)} ago",
        time_text(worker.started_at),
        ", ".join(worker.queues),
    )


def _fields(worker: WorkerRow) -> dict[str, Any]:
    values = {to_camel(one.name): getattr(worker, one.name) for one in fields(worker)}
    return values | {"alive": not worker.is_silent}

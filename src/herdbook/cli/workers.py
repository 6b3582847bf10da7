"""The command `workers`, which lists workers by their heartbeats in the record."""

import asyncio

import typer

from herdbook.cli import options
from herdbook.cli.connect import open_record, read_settings
from herdbook.cli.tables import print_table, seconds_text, time_text
from herdbook.record.workers import WorkerRow, read_workers
from herdbook.settings import Settings

_HEADER = ("WORKER", "STATE", "JOBS", "LAST SEEN", "STARTED", "QUEUES")


def workers(as_json: options.AsJson = False, data: options.Data = None) -> None:
    """List the workers seen within the last day.

    A worker without a heartbeat for 15 seconds is "silent", and its jobs are
    given to others. A clock that differs by more than 5 seconds from PostgreSQL's
    is shown with the state. With --json, prints one line per worker, in the format of the
    HTTP API.

    Examples:
      herdbook workers
      herdbook workers --json | jq -r 'select(.alive) | .id'
    """
    found = asyncio.run(_find(read_settings(data)))
    if as_json:
        from herdbook.http.schemas import WorkerView

        for worker in found:
            typer.echo(WorkerView.of(worker).model_dump_json(by_alias=True))
    elif found:
        print_table(_HEADER, [_row(worker) for worker in found])
    else:
        typer.echo("no worker was seen within the last day", err=True)


async def _find(settings: Settings) -> list[WorkerRow]:
    async with open_record(settings, "workers", size=2) as database, database.connection() as connection:
        return await read_workers(connection)


def _state(worker: WorkerRow) -> str:
    if worker.is_silent:
        return "silent"
    return f"{worker.state}, clock {worker.wrong_clock}" if worker.wrong_clock else worker.state


def _row(worker: WorkerRow) -> tuple[str, ...]:
    return (
        worker.id,
        _state(worker),
        f"{worker.running:,}",
        f"{seconds_text(worker.seconds_silent)} ago",
        time_text(worker.started_at),
        ", ".join(worker.queues),
    )

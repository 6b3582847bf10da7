"""Takes a filter.

Gives the jobs that the record has, the newest first.
Never changes anything.
"""

import asyncio
from typing import Annotated

import typer

from herdbook.cli import options
from herdbook.cli.connect import open_record, read_settings
from herdbook.cli.tables import job_fields, print_table, time_text, to_json
from herdbook.model.job import Job, JobStatus
from herdbook.record.search import JobFilter, find_jobs
from herdbook.settings import Settings

Status = Annotated[JobStatus | None, typer.Option("--status", help="Only jobs in this state.", show_default=False)]
Type = Annotated[str | None, typer.Option("--type", metavar="TYPE", help="Only jobs of this type.")]
Queue = Annotated[str | None, typer.Option("--queue", metavar="NAME", help="Only jobs of this queue.")]
Limit = Annotated[int, typer.Option("--limit", metavar="N", min=1, max=100_000, help="At most so many.")]


def jobs(
    status: Status = None,
    job_type: Type = None,
    queue: Queue = None,
    limit: Limit = 20,
    as_json: options.AsJson = False,
    data: options.Data = None,
) -> None:
    """List jobs, the newest first.

    With --json, one line per job, with the same fields as the HTTP API.

    Examples:
      herdbook jobs
      herdbook jobs --status failed --type email --limit 100
      herdbook jobs --json --limit 1000 | jq -r 'select(.attempt > 1) | .jobId'
    """
    wanted = JobFilter(status=status, job_type=job_type, queue=queue, limit=limit)
    found = asyncio.run(_find(read_settings(data), wanted))
    if as_json:
        for job in found:
            typer.echo(to_json(job_fields(job)))
    elif found:
        print_table(("ID", "TYPE", "STATUS", "TRIES", "CREATED", "ERROR"), [_row(job) for job in found])
    else:
        typer.echo("no such job" if status or job_type or queue else "no jobs yet", err=True)


def _row(job: Job) -> tuple[str, ...]:
    error = (job.error_message or "") if job.status is not JobStatus.COMPLETED else ""
    return (str(job.id), job.job_type, job.status.value, str(job.attempt), time_text(job.created_at), error)


async def _find(settings: Settings, wanted: JobFilter) -> list[Job]:
    async with open_record(settings, "jobs", size=2) as database, database.connection() as connection:
        return await find_jobs(connection, wanted)

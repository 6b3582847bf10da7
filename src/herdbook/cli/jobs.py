"""The command `jobs`, which lists recorded jobs."""

import asyncio
from typing import Annotated

import typer

from herdbook.cli import options
from herdbook.cli.connect import open_record, read_settings
from herdbook.cli.tables import print_table, time_text
from herdbook.model.job import Job, JobStatus
from herdbook.record.search import JobFilter, find_jobs
from herdbook.settings import Settings

StatusFilter = Annotated[
    JobStatus | None, typer.Option("--status", help="Only jobs in this state.", show_default=False)
]
JobTypeFilter = Annotated[str | None, typer.Option("--type", metavar="TYPE", help="Only jobs of this type.")]
QueueFilter = Annotated[str | None, typer.Option("--queue", metavar="NAME", help="Only jobs of this queue.")]
Limit = Annotated[int, typer.Option("--limit", metavar="N", min=1, max=100_000, help="Maximum number of jobs.")]


def jobs(
    status: StatusFilter = None,
    job_type: JobTypeFilter = None,
    queue: QueueFilter = None,
    limit: Limit = 20,
    as_json: options.AsJson = False,
    data: options.Data = None,
) -> None:
    """List jobs, newest first.

    With --json, prints one line per job, in the format of the HTTP API.

    Examples:
      herdbook jobs
      herdbook jobs --status failed --type email --limit 100
      herdbook jobs --json --limit 1000 | jq -r 'select(.attempt > 1) | .jobId'
    """
    filter = JobFilter(status=status, job_type=job_type, queue=queue, limit=limit)
    found = asyncio.run(_find(read_settings(data), filter))
    if as_json:
        from herdbook.http.schemas import JobView

        for job in found:
            typer.echo(JobView.of(job).model_dump_json(by_alias=True))
    elif found:
        print_table(("ID", "TYPE", "STATUS", "ATTEMPT", "CREATED", "ERROR"), [_row(job) for job in found])
    else:
        typer.echo("no matching jobs" if status or job_type or queue else "no jobs yet", err=True)


def _row(job: Job) -> tuple[str, ...]:
    error = (job.error_message or "") if job.status is not JobStatus.COMPLETED else ""
    return (str(job.id), job.job_type, job.status.value, str(job.attempt), time_text(job.created_at), error)


async def _find(settings: Settings, filter: JobFilter) -> list[Job]:
    async with open_record(settings, "jobs", size=2) as database, database.connection() as connection:
        return await find_jobs(connection, filter)

"""Waits for a published job to finish, shows its progress meanwhile, and prints how it ended."""

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

import typer

from herdbook.cli import exit_codes
from herdbook.cli.tables import one_line, to_json
from herdbook.model.job import Job, JobStatus
from herdbook.record.database import Database
from herdbook.record.reads import read_job

# Seconds between two reads of the job.
_POLL_INTERVAL = 0.1


async def wait_for_job(database: Database, id: UUID, timeout: float) -> Job:
    """The job when it is final, or as it is after `timeout` seconds."""
    until = time.monotonic() + timeout
    with _progress() as show:
        while True:
            async with database.connection() as connection:
                job = await read_job(connection, id)
            show(job)
            if job.status.is_final or time.monotonic() >= until:
                return job
            await asyncio.sleep(_POLL_INTERVAL)


def print_outcome(job: Job, timeout: float) -> int:
    """Print the result, or why there is none; returns the exit code."""
    if job.status is JobStatus.COMPLETED:
        typer.echo(to_json(job.result, indent=sys.stdout.isatty()))
        return exit_codes.SUCCESS
    exit_codes.print_error(f"job {job.id} {_problem(job, timeout)}")
    return exit_codes.FAILURE


def _problem(job: Job, timeout: float) -> str:
    match job.status:
        case JobStatus.FAILED:
            return f"failed on attempt {job.attempt}: {job.error_message}"
        case JobStatus.CANCELLED:
            return "was cancelled"
        case _:
            return f"is still {job.status} after {timeout:g} seconds; check it with `herdbook job {job.id}`"


@contextmanager
def _progress() -> Iterator[Callable[[Job], None]]:
    """A progress bar on stderr if that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda job: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None)

        def show(job: Job) -> None:
            percent = job.progress if isinstance(job.progress, int | float) else None
            more = "" if percent is not None or job.progress is None else f" {one_line(to_json(job.progress))[:60]}"
            # Rich would read square brackets as markup.
            description = f"{job.status}{more}".replace("[", r"\[")
            progress.update(
                task, description=description, total=None if percent is None else 100, completed=percent or 0
            )

        yield show

"""Takes the id of a job that was published.

Gives what became of it, and shows its progress meanwhile.
Never waits longer than it is told.
"""

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

# Seconds between two looks at the job.
_LOOK = 0.1


async def watch(database: Database, id: UUID, seconds: float) -> Job:
    """The job when it is final, or after `seconds`."""
    until = time.monotonic() + seconds
    with _progress() as show:
        while True:
            async with database.connection() as connection:
                job = await read_job(connection, id)
            show(job)
            if job.status.is_final or time.monotonic() >= until:
                return job
            await asyncio.sleep(_LOOK)


def tell_outcome(job: Job, seconds: float) -> int:
    """Print the result, or say why there is none; returns the exit code."""
    if job.status is JobStatus.COMPLETED:
        typer.echo(to_json(job.result, indent=sys.stdout.isatty()))
        return exit_codes.OK
    if job.status.is_final:
        exit_codes.tell(f"job {job.id} {_ended(job)}")
    else:
        exit_codes.tell(
            f"job {job.id} is still {job.status} after {seconds:g} seconds; `herdbook job {job.id}` shows it"
        )
    return exit_codes.NO


def _ended(job: Job) -> str:
    if job.status is JobStatus.CANCELLED:
        return "was cancelled"
    return f"failed at attempt {job.attempt}: {job.error_message}"


@contextmanager
def _progress() -> Iterator[Callable[[Job], None]]:
    """A progress bar on stderr when that is a terminal."""
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
            # Square brackets would be taken for markup.
            description = f"{job.status}{more}".replace("[", r"\[")
            progress.update(
                task, description=description, total=None if percent is None else 100, completed=percent or 0
            )

        yield show

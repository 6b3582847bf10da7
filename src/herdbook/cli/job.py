"""The command `job`, which shows everything that is recorded about one job."""

import asyncio
from typing import Annotated, Any, NamedTuple
from uuid import UUID

import typer

from herdbook.cli import options
from herdbook.cli.connect import open_record, read_settings
from herdbook.cli.exit_codes import printable
from herdbook.cli.tables import COLOURS, coloured, one_line, time_text, to_json
from herdbook.model.duration import format_duration
from herdbook.model.job import Attempt, Job
from herdbook.record.reads import StoredLogLine, read_attempts, read_job, read_logs
from herdbook.settings import Settings


class JobRecord(NamedTuple):
    """A job, its attempts, and the lines it logged; the lines are None when nobody asked for them."""

    job: Job
    attempts: list[Attempt]
    logs: list[StoredLogLine] | None


Id = Annotated[UUID, typer.Argument(metavar="ID", help="The job's id, as printed by `publish`.")]
WithLogs = Annotated[bool, typer.Option("--logs", help="Include the lines that the job logged.")]


def job(id: Id, as_json: options.AsJson = False, logs: WithLogs = False, data: options.Data = None) -> None:
    """Show everything recorded about one job.

    With --json, prints one object in the format of the HTTP API. The exit code is
    1 if there is no such job.

    Examples:
      herdbook job 0199f7a2-5b7e-7cc0-a5f3-0a3c8d2f1e11 --logs
      herdbook job 0199f7a2-5b7e-7cc0-a5f3-0a3c8d2f1e11 --json | jq .result
    """
    found = asyncio.run(_find(read_settings(data), id, with_logs=logs))
    if as_json:
        typer.echo(_json(found))
        return
    _print_job(found.job)
    for attempt in found.attempts:
        _print_attempt(attempt)
    for line in found.logs or ():
        typer.echo(f"  {time_text(line.logged_at)}  {one_line(line.message)}")


async def _find(settings: Settings, id: UUID, *, with_logs: bool) -> JobRecord:
    async with open_record(settings, "job", size=2) as database, database.connection() as connection:
        found = await read_job(connection, id)
        lines: list[StoredLogLine] = []
        while with_logs and (page := await read_logs(connection, id, after=lines[-1].id if lines else 0)):
            lines += page
        return JobRecord(found, await read_attempts(connection, found), lines if with_logs else None)


def _json(found: JobRecord) -> str:
    from herdbook.http.schemas import AttemptView, JobDetail, JobDetailWithLogs, LogLineView

    attempts = [AttemptView.of(one) for one in found.attempts]
    if found.logs is None:
        view = JobDetail.of(found.job, attempts=attempts)
    else:
        view = JobDetailWithLogs.of(found.job, attempts=attempts, logs=[LogLineView.of(line) for line in found.logs])
    return view.model_dump_json(by_alias=True, indent=2)


def _print_job(job: Job) -> None:
    _print_field("job", str(job.id) + (f"  (in the queue: {job.job_id})" if job.generation else ""))
    _print_field("type", f"{job.job_type}  (queue {job.queue})")
    _print_field("status", job.status.value, colour=COLOURS.get(job.status.value))
    _print_field("attempt", f"{job.attempt}  (up to {job.max_attempts} may fail)")
    _print_field("worker", job.worker)
    _print_field("priority", str(job.priority) if job.priority else None)
    _print_field("backoff", to_json(job.backoff.model_dump(by_alias=True)) if job.backoff else None)
    _print_field("timeout", format_duration(job.timeout_ms) if job.timeout_ms else None)
    _print_field("callback", job.callback_url)
    _print_field("created", time_text(job.created_at))
    _print_field("run at", time_text(job.run_at) if job.run_at else None)
    _print_field("started", time_text(job.started_at) if job.started_at else None)
    _print_field("finished", time_text(job.completed_at) if job.completed_at else None)
    _print_field("data", _pretty(job.job_data))
    _print_field("progress", None if job.progress is None else _pretty(job.progress))
    _print_field("result", None if job.result is None else _pretty(job.result))
    _print_field("error", job.error_message)


def _print_attempt(attempt: Attempt) -> None:
    outcome = attempt.outcome.value if attempt.outcome else "running"
    name = f"attempt {attempt.number}" + (f" of generation {attempt.generation}" if attempt.generation else "")
    period = f"{time_text(attempt.started_at)} to {time_text(attempt.ended_at)}"
    typer.echo(f"{name}: {outcome}, {period}, on {attempt.worker or '-'}")
    if attempt.error_message is not None:
        typer.echo(f"  {attempt.error_type or 'error'}: {one_line(attempt.error_message)}")
    for line in (attempt.stack_trace or "").rstrip().splitlines():
        typer.secho(f"    {printable(line)}", dim=True)


def _print_field(name: str, value: str | None, colour: str | None = None) -> None:
    if value is None:
        return
    indented = printable(value).replace("\n", "\n" + " " * 10)
    typer.echo(f"{name:<10}{coloured(indented, colour)}")


def _pretty(value: Any) -> str:
    return to_json(value, indent=True)

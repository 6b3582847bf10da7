"""Takes a job's id.

Gives all that the record has of it: data, result, attempts, log.
Never changes anything.
"""

import asyncio
from typing import Annotated, Any
from uuid import UUID

import typer

from herdbook.cli import options
from herdbook.cli.connect import open_record, read_settings
from herdbook.cli.exit_codes import printable
from herdbook.cli.tables import COLOURS, attempt_fields, coloured, job_fields, log_fields, one_line, time_text, to_json
from herdbook.model.duration import format_duration
from herdbook.model.job import Attempt, Job
from herdbook.record.reads import StoredLogLine, read_attempts, read_job, read_logs
from herdbook.settings import Settings

Found = tuple[Job, list[Attempt], list[StoredLogLine]]

Id = Annotated[UUID, typer.Argument(metavar="ID", help="The job's id, as publishing printed it.")]
WithLogs = Annotated[bool, typer.Option("--logs", help="With the lines that the job logged.")]


def job(id: Id, as_json: options.AsJson = False, logs: WithLogs = False, data: options.Data = None) -> None:
    """Show all that is recorded of one job.

    With --json, one object with the fields of the HTTP API. Exit code 1 when the record has no
    such job.

    Examples:
      herdbook job 0199f7a2-5b7e-7cc0-a5f3-0a3c8d2f1e11 --logs
      herdbook job 0199f7a2-5b7e-7cc0-a5f3-0a3c8d2f1e11 --json | jq .result
    """
    found, attempts, lines = asyncio.run(_find(read_settings(data), id, logs))
    if as_json:
        fields = job_fields(found) | {"attempts": [attempt_fields(one) for one in attempts]}
        typer.echo(to_json(fields | ({"logs": [log_fields(one) for one in lines]} if logs else {}), indent=True))
        return
    _show(found)
    for attempt in attempts:
        _show_attempt(attempt)
    for line in lines:
        typer.echo(f"  {time_text(line.logged_at)}  {one_line(line.message)}")


async def _find(settings: Settings, id: UUID, with_logs: bool) -> Found:
    async with open_record(settings, "job", size=2) as database, database.connection() as connection:
        found = await read_job(connection, id)
        lines: list[StoredLogLine] = []
        while with_logs and len(page := await read_logs(connection, id, after=lines[-1].id if lines else 0)) > 0:
            lines += page
        return found, await read_attempts(connection, found), lines


def _show(job: Job) -> None:
    _say("job", str(job.id) + (f"  (in the queue: {job.job_id})" if job.generation else ""))
    _say("type", f"{job.job_type}  (queue {job.queue})")
    _say("status", job.status.value, colour=COLOURS.get(job.status.value))
    _say("tries", f"{job.attempt} (at most {job.max_attempts} may fail)")
    _say("worker", job.worker)
    _say("priority", str(job.priority) if job.priority else None)
    _say("backoff", to_json(job.backoff.model_dump(by_alias=True)) if job.backoff else None)
    _say("timeout", format_duration(job.timeout_ms) if job.timeout_ms else None)
    _say("callback", job.callback_url)
    _say("created", time_text(job.created_at))
    _say("run at", time_text(job.run_at) if job.run_at else None)
    _say("started", time_text(job.started_at) if job.started_at else None)
    _say("ended", time_text(job.completed_at) if job.completed_at else None)
    _say("data", _pretty(job.job_data))
    _say("progress", None if job.progress is None else _pretty(job.progress))
    _say("result", None if job.result is None else _pretty(job.result))
    _say("error", job.error_message)


def _show_attempt(attempt: Attempt) -> None:
    outcome = attempt.outcome.value if attempt.outcome else "runs"
    name = f"attempt {attempt.number}" + (f" of generation {attempt.generation}" if attempt.generation else "")
    when = f"{time_text(attempt.started_at)} to {time_text(attempt.ended_at)}"
    typer.echo(f"{name}: {outcome}, {when}, by {attempt.worker or '-'}")
    if attempt.error_message is not None:
        typer.echo(f"  {attempt.error_type or 'error'}: {one_line(attempt.error_message)}")
    for line in (attempt.stack_trace or "").rstrip().splitlines():
        typer.secho(f"    {printable(line)}", dim=True)


def _say(name: str, value: str | None, colour: str | None = None) -> None:
    if value is None:
        return
    indented = printable(value).replace("\n", "\n" + " " * 10)
    typer.echo(f"{name:<10}{coloured(indented, colour)}")


def _pretty(value: Any) -> str:
    return to_json(value, indent=True)

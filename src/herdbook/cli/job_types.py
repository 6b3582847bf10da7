"""The command `types`, which lists job types without talking to a server."""

import typer

from herdbook.cli import options
from herdbook.cli.connect import environment_settings
from herdbook.cli.loading import load_app
from herdbook.cli.tables import print_table
from herdbook.model.duration import format_duration
from herdbook.model.registry import JobType

_HEADER = ("TYPE", "QUEUE", "ATTEMPTS", "BACKOFF", "TIMEOUT", "EXECUTOR", "DESCRIPTION")


def types(app: options.App = None, as_json: options.AsJson = False, data: options.Data = None) -> None:
    """List job types: your own and the built-in ones.

    BACKOFF is the type of backoff and its first delay, or "custom" if a function
    of the application decides. TIMEOUT is the time limit of one attempt. Works
    without servers. With --json, prints one line per job type, in the format of
    the HTTP API.

    Examples:
      herdbook types
      herdbook types app:book --json
    """
    from herdbook.job_types.assembly import build_registry
    from herdbook.record.database import Database

    # The built-in types want a database, but nothing here reads it, so it is never opened.
    registry = build_registry(environment_settings(data), Database("", size=1), load_app(app))
    found = sorted(registry, key=lambda one: one.name)
    if as_json:
        from herdbook.http.schemas import JobTypeView

        for one in found:
            typer.echo(JobTypeView.of(one).model_dump_json(by_alias=True))
        return
    print_table(_HEADER, [_row(one) for one in found])


def _row(job_type: JobType) -> tuple[str, ...]:
    return (
        job_type.name,
        job_type.queue,
        str(job_type.attempts),
        _backoff(job_type),
        format_duration(round(job_type.timeout * 1_000)) if job_type.timeout else "-",
        job_type.executor if job_type.function else "-",
        job_type.description.partition("\n")[0] or ("" if job_type.function else "runs in another program"),
    )


def _backoff(job_type: JobType) -> str:
    if job_type.own_backoff:
        return "custom"
    return f"{job_type.backoff.type} {format_duration(job_type.backoff.delay)}" if job_type.backoff else "none"

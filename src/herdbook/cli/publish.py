"""Takes a job type's name and job data: an argument, a file, or lines of standard input.

Gives the ids of the recorded jobs, or the result of the one that is waited for.
Never talks to the queue: publishing works while Redis is away.
"""

import asyncio
from typing import Annotated, Any

import orjson
import typer

from herdbook.cli import exit_codes, job_options, options
from herdbook.cli.bulk import publish_lines
from herdbook.cli.connect import open_record, read_settings
from herdbook.cli.loading import load_app
from herdbook.cli.source import open_source
from herdbook.cli.wait_for_job import tell_outcome, watch
from herdbook.errors import InvalidJobError, UnknownJobTypeError
from herdbook.model.options import JobOptions
from herdbook.model.registry import Registry
from herdbook.observe.exporting import traced
from herdbook.publishing.publish import JobRequest, Publisher
from herdbook.record.database import Database
from herdbook.settings import Settings

_ADVICE = "; name your own with --app module:attribute"

Type = Annotated[str, typer.Argument(metavar="TYPE", help="Name of the job type; `herdbook types` lists them.")]
Json = Annotated[
    str | None,
    typer.Argument(metavar="JSON", help="Job data: JSON, @file, or - for standard input.", show_default=False),
]
Wait = Annotated[bool, typer.Option("--wait", help="Wait for the end, and print the result.")]
WaitTimeout = Annotated[
    float, typer.Option("--wait-timeout", metavar="SECONDS", min=0, help="With --wait: wait no longer than this.")
]
Lines = Annotated[bool, typer.Option("--lines", help="Each line of JSON is a job.")]


def publish(
    job_type: Type,
    json: Json = None,
    *,
    delay: job_options.Delay = None,
    run_at: job_options.RunAt = None,
    priority: job_options.Priority = None,
    attempts: job_options.Attempts = None,
    backoff: job_options.BackoffType = None,
    backoff_delay: job_options.BackoffDelay = None,
    jitter: job_options.Jitter = None,
    timeout: job_options.Timeout = None,
    callback_url: job_options.CallbackUrl = None,
    key: job_options.Key = None,
    wait: Wait = False,
    wait_timeout: WaitTimeout = 60.0,
    lines: Lines = False,
    app: options.AppOption = None,
    data: options.Data = None,
) -> int:
    """Publish a job, or many.

    Prints the job's id once PostgreSQL has committed it. With --wait the id goes to stderr, and
    the job's result, as JSON, is all there is on stdout; exit code 1 when the job failed.

    With --lines every line is the data of one job. Each thousand lines are recorded together,
    all or none.

    Examples:
      herdbook publish email '{"to": "ada@example.com", "subject": "Hello", "text": "Hi Ada"}'
      herdbook publish report @report.json --wait | jq .artifact
      herdbook publish greet '{"name": "Io"}' --app app:book --delay 10m --key greet-io
      herdbook publish greet '{"name": "Io"}' --app app:book --attempts 5 --backoff fixed --timeout 30s
      zcat mails.jsonl.gz | herdbook publish email - --lines
    """
    if lines and (wait or key):
        raise InvalidJobError(f"--lines and {'--wait' if wait else '--key'} do not go together")
    if json is None and not lines:
        raise InvalidJobError("give the job data: JSON, @file, or - for standard input")
    chosen = job_options.chosen(
        delay=delay,
        run_at=run_at,
        priority=priority,
        attempts=attempts,
        backoff={"type": backoff, "delay": backoff_delay, "jitter": jitter},
        timeout=timeout,
        callback_url=callback_url,
        idempotency_key=key,
    )
    settings, registry = read_settings(data), load_app(app)
    source, seconds = "-" if json is None else json, wait_timeout if wait else None
    try:
        return asyncio.run(_publish(settings, registry, job_type, source, chosen, lines=lines, seconds=seconds))
    except UnknownJobTypeError as error:
        raise UnknownJobTypeError(f"{error}{'' if app else _ADVICE}") from None


async def _publish(
    settings: Settings,
    app: Registry | None,
    job_type: str,
    source: str,
    chosen: JobOptions,
    *,
    lines: bool,
    seconds: float | None,
) -> int:
    from herdbook.job_types.assembly import build_registry

    with traced(settings, "publish") as tracing:
        async with open_record(settings, "publish", size=2) as database:
            registry = build_registry(settings, database, app)
            trace = tracing.publishing if tracing else None
            publisher = Publisher(database, registry, max_job_bytes=settings.max_job_bytes, trace=trace)
            if lines:
                registry.get(job_type)
                await publish_lines(publisher, job_type, chosen, source)
                return exit_codes.OK
            return await _publish_one(
                publisher, database, JobRequest(job_type=job_type, job_data=_read(source), options=chosen), seconds
            )


async def _publish_one(publisher: Publisher, database: Database, request: JobRequest, seconds: float | None) -> int:
    published = await publisher.publish(request)
    typer.echo(str(published.id), err=seconds is not None)
    if seconds is None:
        return exit_codes.OK
    return tell_outcome(await watch(database, published.id, seconds), seconds)


def _read(source: str) -> Any:
    with open_source(source) as file:
        text = file.read()
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidJobError(f"the job data are not JSON: {error}") from None

"""The command `publish`; it needs PostgreSQL alone, so it works while Redis is unreachable."""

import asyncio
from typing import Annotated, Any

import orjson
import typer

from herdbook.cli import exit_codes, job_options, options
from herdbook.cli.connect import open_record, read_settings
from herdbook.cli.job_data_source import open_job_data
from herdbook.cli.loading import load_app
from herdbook.cli.publish_lines import publish_lines
from herdbook.cli.wait_for_job import print_outcome, wait_for_job
from herdbook.errors import InvalidJobError, UnknownJobTypeError
from herdbook.model.options import JobOptions
from herdbook.model.registry import Registry
from herdbook.observe.exporting import traced
from herdbook.publishing.publish import JobRequest, Publisher
from herdbook.record.database import Database
from herdbook.settings import Settings

_APP_ADVICE = "; use --app module:attribute for your own"

JobTypeName = Annotated[str, typer.Argument(metavar="TYPE", help="The job type; `herdbook types` lists them.")]
JobData = Annotated[
    str | None,
    typer.Argument(metavar="JSON", help="Job data: JSON, @file, or - for standard input.", show_default=False),
]
Wait = Annotated[bool, typer.Option("--wait", help="Wait until the job is finished, and print its result.")]
WaitTimeout = Annotated[
    float, typer.Option("--wait-timeout", metavar="SECONDS", min=0, help="With --wait: give up after this time.")
]
Lines = Annotated[bool, typer.Option("--lines", help="Publish a job for each line of JSON.")]


def publish(
    job_type: JobTypeName,
    json: JobData = None,
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
    """Publish one job or many.

    Prints the job's id once PostgreSQL has committed it. With --wait the id goes
    to stderr and only the job's result goes to stdout, as JSON; the exit code is
    1 if the job failed.

    With --lines each line is the data of one job. Every thousand lines are
    committed together: all of them or none.

    Examples:
      herdbook publish email '{"to": "ada@example.com", "subject": "Hello", "text": "Hi Ada"}'
      herdbook publish report @report.json --wait | jq .artifact
      herdbook publish greet '{"name": "Io"}' --app app:book --delay 10m --key greet-io
      herdbook publish greet '{"name": "Io"}' --app app:book --attempts 5 --backoff fixed --timeout 30s
      zcat mails.jsonl.gz | herdbook publish email - --lines
    """
    if lines and (wait or key):
        raise InvalidJobError(f"--lines cannot be combined with {'--wait' if wait else '--key'}")
    if json is None and not lines:
        raise InvalidJobError("no job data: give JSON, @file, or - for standard input")
    given = job_options.parse(
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
        return asyncio.run(_publish(settings, registry, job_type, source, given, lines=lines, timeout=seconds))
    except UnknownJobTypeError as error:
        raise UnknownJobTypeError(f"{error}{'' if app else _APP_ADVICE}") from None


async def _publish(
    settings: Settings,
    app: Registry | None,
    job_type: str,
    source: str,
    given: JobOptions,
    *,
    lines: bool,
    timeout: float | None,
) -> int:
    from herdbook.job_types.assembly import build_registry

    with traced(settings, "publish") as tracing:
        async with open_record(settings, "publish", size=2) as database:
            registry = build_registry(settings, database, app)
            trace = tracing.publishing if tracing else None
            publisher = Publisher(database, registry, max_job_bytes=settings.max_job_bytes, trace=trace)
            if lines:
                registry.get(job_type)
                await publish_lines(publisher, job_type, given, source)
                return exit_codes.SUCCESS
            request = JobRequest(job_type=job_type, job_data=_read(source), options=given)
            return await _publish_one(publisher, database, request, timeout)


async def _publish_one(publisher: Publisher, database: Database, request: JobRequest, timeout: float | None) -> int:
    published = await publisher.publish(request)
    typer.echo(str(published.id), err=timeout is not None)
    if timeout is None:
        return exit_codes.SUCCESS
    return print_outcome(await wait_for_job(database, published.id, timeout), timeout)


def _read(source: str) -> Any:
    with open_job_data(source) as file:
        text = file.read()
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidJobError(f"the job data is not valid JSON: {error}") from None

"""Takes a job type's name and job data: an argument, a file, or lines of standard input.

Gives the ids of the recorded jobs, or the result of the one that is waited for.
Never talks to the queue: publishing works while Redis is away.
"""

import asyncio
from typing import Annotated, Any

import orjson
import typer

from herdbook.cli import exits, options
from herdbook.cli.bulk import publish_lines
from herdbook.cli.connect import open_record, read_settings
from herdbook.cli.loading import load_app
from herdbook.cli.source import open_source
from herdbook.cli.watching import tell_outcome, watch
from herdbook.errors import InvalidJobError, UnknownJobTypeError
from herdbook.job import MAX_PRIORITY, JobOptions
from herdbook.publish import JobRequest, Publisher, parse_options
from herdbook.registry import Registry
from herdbook.settings import Settings
from herdbook.store.pool import Record

_OPTION_NAMES = {"runAt": "--run-at", "run_at": "--run-at", "idempotencyKey": "--key", "idempotency_key": "--key"}

Type = Annotated[str, typer.Argument(metavar="TYPE", help="Name of the job type; `herdbook types` lists them.")]
Json = Annotated[
    str | None,
    typer.Argument(metavar="JSON", help="Job data: JSON, @file, or - for standard input.", show_default=False),
]
Delay = Annotated[str | None, typer.Option("--delay", metavar="TIME", help="Wait first: 500ms, 30s, 10m, 2h, 1d.")]
RunAt = Annotated[
    str | None, typer.Option("--run-at", metavar="TIME", help="Do not run before: 2030-01-31T08:00:00+01:00.")
]
Priority = Annotated[
    int | None,
    typer.Option("--priority", metavar="N", min=0, max=MAX_PRIORITY, help="1 goes first; 0 is none."),
]
Attempts = Annotated[
    int | None, typer.Option("--attempts", metavar="N", min=1, max=1_000, help="How often the job may be tried.")
]
Key = Annotated[
    str | None,
    typer.Option("--key", metavar="KEY", help="Idempotency key: publishing the same again gives the same job."),
]
Wait = Annotated[bool, typer.Option("--wait", help="Wait for the end, and print the result.")]
Timeout = Annotated[float, typer.Option("--timeout", metavar="SECONDS", min=0, help="Wait no longer than this.")]
Lines = Annotated[bool, typer.Option("--lines", help="Each line of JSON is a job.")]


def publish(
    job_type: Type,
    json: Json = None,
    *,
    delay: Delay = None,
    run_at: RunAt = None,
    priority: Priority = None,
    attempts: Attempts = None,
    key: Key = None,
    wait: Wait = False,
    timeout: Timeout = 60.0,
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
      zcat mails.jsonl.gz | herdbook publish email - --lines
    """
    if json is None:
        if not lines:
            raise InvalidJobError("give the job data: JSON, @file, or - for standard input")
        json = "-"
    if lines and (wait or key):
        raise InvalidJobError(f"--lines and {'--wait' if wait else '--key'} do not go together")
    chosen = _options(delay=delay, run_at=run_at, priority=priority, attempts=attempts, idempotency_key=key)
    settings = read_settings(data)
    registry = load_app(app)
    seconds = timeout if wait else None
    try:
        return asyncio.run(_publish(settings, registry, job_type, json, chosen, lines=lines, seconds=seconds))
    except UnknownJobTypeError as error:
        advice = "" if app else "; name your own with --app module:attribute"
        raise UnknownJobTypeError(f"{error}{advice}") from None


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
    from herdbook.assembly import build_registry

    async with open_record(settings, "publish", size=2) as record:
        registry = build_registry(settings, record, app)
        publisher = Publisher(record, registry, max_job_bytes=settings.max_job_bytes)
        if lines:
            registry.get(job_type)
            await publish_lines(publisher, job_type, chosen, source)
            return exits.OK
        return await _publish_one(
            publisher, record, JobRequest(job_type=job_type, job_data=_read(source), options=chosen), seconds
        )


async def _publish_one(publisher: Publisher, record: Record, request: JobRequest, seconds: float | None) -> int:
    published = await publisher.publish(request)
    typer.echo(str(published.id), err=seconds is not None)
    if seconds is None:
        return exits.OK
    return tell_outcome(await watch(record, published.id, seconds), seconds)


def _read(source: str) -> Any:
    with open_source(source) as file:
        text = file.read()
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidJobError(f"the job data are not JSON: {error}") from None


def _options(**given: Any) -> JobOptions:
    delay = given["delay"]
    if delay is not None and delay.isdecimal():
        given["delay"] = int(delay)
    try:
        return parse_options({name: value for name, value in given.items() if value is not None})
    except InvalidJobError as error:
        problems = [f"{_flag(one.path)}{one.message.removeprefix('Value error, ')}" for one in error.problems]
        raise InvalidJobError("; ".join(problems)) from None


def _flag(path: str) -> str:
    name = path.removeprefix("options").removeprefix(".")
    return f"{_OPTION_NAMES.get(name, f'--{name}')}: " if name else ""

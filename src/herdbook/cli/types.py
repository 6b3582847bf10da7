"""Takes an application.

Gives the list of its job types and the built-in ones.
Never talks to a server.
"""

import orjson
import typer

from herdbook.cli import options
from herdbook.cli.connect import given_settings
from herdbook.cli.loading import load_app
from herdbook.cli.tables import print_table
from herdbook.registry import JobType


def types(app: options.App = None, as_json: options.AsJson = False, data: options.Data = None) -> None:
    """List the job types: your own and the built-in ones.

    Needs no server. With --json, one line per job type, with the JSON Schema of its job data.

    Examples:
      herdbook types
      herdbook types app:book --json
    """
    from herdbook.assembly import build_registry
    from herdbook.store.pool import Record

    # Nothing here reads the record, so it has no URL and is never opened.
    registry = build_registry(given_settings(data), Record("", size=1), load_app(app))
    found = sorted(registry, key=lambda one: one.name)
    if as_json:
        for one in found:
            typer.echo(orjson.dumps(_fields(one)))
        return
    rows = [(one.name, one.queue, str(one.attempts), _first_line(one)) for one in found]
    print_table(("TYPE", "QUEUE", "ATTEMPTS", "DESCRIPTION"), rows)


def _first_line(job_type: JobType) -> str:
    return job_type.description.partition("\n")[0] or ("" if job_type.function else "runs elsewhere")


def _fields(job_type: JobType) -> dict[str, object]:
    return {
        "name": job_type.name,
        "queue": job_type.queue,
        "description": job_type.description,
        "attempts": job_type.attempts,
        "backoff": job_type.backoff.model_dump(by_alias=True) if job_type.backoff else None,
        "hasProcessor": job_type.function is not None,
        "schema": job_type.payload.json_schema(by_alias=True),
    }

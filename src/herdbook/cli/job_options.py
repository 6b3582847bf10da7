"""Takes what a command line says of how a job is delivered and retried.

Gives the job's options; what is wrong is told by the name that was typed.
Never knows the options' limits: `JobOptions` does.
"""

from typing import Annotated, Any

import typer

from herdbook.errors import InvalidJobError
from herdbook.model.duration import parse_input
from herdbook.model.options import MAX_PRIORITY, JobOptions
from herdbook.publishing.publish import parse_options

# The options that are not named like their fields.
_NAMES = {"backoff.type": "backoff", "backoff.jitter": "jitter", "idempotency_key": "key"}

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
BackoffType = Annotated[
    str | None, typer.Option("--backoff", metavar="TYPE", help="The wait between two tries: fixed, or exponential.")
]
BackoffDelay = Annotated[
    str | None, typer.Option("--backoff-delay", metavar="TIME", help="The first such wait: 500ms, 30s, 10m.")
]
Jitter = Annotated[
    float | None, typer.Option("--jitter", metavar="SHARE", help="The share of such a wait that is random: 0 to 1.")
]
Timeout = Annotated[
    str | None, typer.Option("--timeout", metavar="TIME", help="How long one try may take: 500ms, 30s.")
]
CallbackUrl = Annotated[
    str | None, typer.Option("--callback-url", metavar="URL", help="Where to POST what became of the job.")
]
Key = Annotated[
    str | None,
    typer.Option("--key", metavar="KEY", help="Idempotency key: publishing the same again gives the same job."),
]


def chosen(*, backoff: dict[str, Any], **given: Any) -> JobOptions:
    """The options that were given, by their Python names, None is left out; raises InvalidJobError."""
    wait = _given(backoff)
    try:
        return parse_options(_given(given) | ({"backoff": wait} if wait else {}))
    except InvalidJobError as error:
        problems = [f"{_flag(one.path)}{one.message.removeprefix('Value error, ')}" for one in error.problems]
        raise InvalidJobError("; ".join(problems)) from None


def _given(found: dict[str, Any]) -> dict[str, Any]:
    """What was not left out; durations without a unit are numbers."""
    return {
        name: parse_input(value) if name in ("delay", "timeout") else value
        for name, value in found.items()
        if value is not None
    }


def _flag(path: str) -> str:
    name = path.removeprefix("options").removeprefix(".")
    option = _NAMES.get(name, name).replace("_", "-").replace(".", "-")
    return f"--{option}: " if name else ""

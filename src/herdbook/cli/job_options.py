"""The command-line options for how a job is queued and retried; their limits are those of `JobOptions`."""

from typing import Annotated, Any

import typer

from herdbook.errors import InvalidJobError
from herdbook.model.duration import parse_input
from herdbook.model.options import MAX_PRIORITY, JobOptions
from herdbook.publishing.publish import parse_options

# Fields of `JobOptions` whose command-line option has another name.
_OPTION_NAMES = {"backoff.type": "backoff", "backoff.jitter": "jitter", "idempotency_key": "key"}

Delay = Annotated[
    str | None, typer.Option("--delay", metavar="TIME", help="Wait before the first attempt: 500ms, 30s, 10m, 2h, 1d.")
]
RunAt = Annotated[
    str | None, typer.Option("--run-at", metavar="TIME", help="Do not run before this time: 2030-01-31T08:00:00+01:00.")
]
Priority = Annotated[
    int | None,
    typer.Option("--priority", metavar="N", min=0, max=MAX_PRIORITY, help="1 is the highest priority; 0 means none."),
]
Attempts = Annotated[
    int | None, typer.Option("--attempts", metavar="N", min=1, max=1_000, help="Maximum number of attempts.")
]
BackoffType = Annotated[
    str | None, typer.Option("--backoff", metavar="TYPE", help="Backoff between attempts: fixed or exponential.")
]
BackoffDelay = Annotated[
    str | None, typer.Option("--backoff-delay", metavar="TIME", help="Backoff before the second attempt: 500ms, 30s.")
]
Jitter = Annotated[float | None, typer.Option("--jitter", metavar="SHARE", help="Random share of the backoff: 0 to 1.")]
Timeout = Annotated[
    str | None, typer.Option("--timeout", metavar="TIME", help="Time limit for each attempt: 500ms, 30s.")
]
CallbackUrl = Annotated[
    str | None, typer.Option("--callback-url", metavar="URL", help="POST the outcome here when the job is finished.")
]
Key = Annotated[
    str | None,
    typer.Option("--key", metavar="KEY", help="Idempotency key: publishing again with it returns the same job."),
]


def parse(*, backoff: dict[str, Any], **given: Any) -> JobOptions:
    """The given options, by their Python names; None is left out. Raises InvalidJobError with the names as typed."""
    given_backoff = _without_none(backoff)
    try:
        return parse_options(_without_none(given) | ({"backoff": given_backoff} if given_backoff else {}))
    except InvalidJobError as error:
        problems = [f"{_option(one.path)}{one.message.removeprefix('Value error, ')}" for one in error.problems]
        raise InvalidJobError("; ".join(problems)) from None


def _without_none(given: dict[str, Any]) -> dict[str, Any]:
    """What was given; durations without a unit as numbers."""
    return {
        name: parse_input(value) if name in ("delay", "timeout") else value
        for name, value in given.items()
        if value is not None
    }


def _option(path: str) -> str:
    """The option for the field at this path, as a prefix for a message; nothing for the options as a whole."""
    name = path.removeprefix("options").removeprefix(".")
    option = _OPTION_NAMES.get(name, name).replace("_", "-").replace(".", "-")
    return f"--{option}: " if name else ""

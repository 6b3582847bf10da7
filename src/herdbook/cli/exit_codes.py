"""Turns an error into the exit code and the one line that a command ends with.

The line never holds a traceback, a password or a character that could control the terminal.
"""

import typer
from pydantic import ValidationError

from herdbook.embedded import EmbeddedError
from herdbook.errors import (
    HerdbookError,
    JobNotFoundError,
    MigrationError,
    QueueNotFoundError,
    QueueUnavailableError,
    RecordUnavailableError,
)
from herdbook.model.masking import mask_passwords
from herdbook.settings import Settings

SUCCESS, FAILURE, USAGE, UNAVAILABLE, INTERRUPTED = 0, 1, 2, 3, 130
EXIT_CODES = (
    "Exit codes: 0 success; 1 the job failed, or the answer is no; 2 invalid usage or input; "
    "3 a server is unreachable or cannot be started."
)


def exit_code(error: HerdbookError) -> int:
    """The exit code for a command that failed with this error."""
    match error:
        case RecordUnavailableError() | QueueUnavailableError() | EmbeddedError():
            return UNAVAILABLE
        case JobNotFoundError() | QueueNotFoundError() | MigrationError():
            return FAILURE
    return USAGE


def print_error(message: str) -> None:
    """Print one line to stderr."""
    line = printable(" ".join(mask_passwords(message).split()))
    typer.secho(f"herdbook: {line}", err=True, fg=typer.colors.RED)


def printable(text: str) -> str:
    """The text without control characters, which job data may contain; line breaks and tabs stay."""
    return "".join(one if one.isprintable() or one in "\n\t" else "\N{REPLACEMENT CHARACTER}" for one in text)


def describe_invalid_settings(error: ValidationError) -> str:
    """The invalid environment variables and what is wrong with each, without their values."""
    problems = []
    for found in error.errors(include_url=False, include_context=False, include_input=False):
        name = str(found["loc"][0])
        field = Settings.model_fields.get(name)
        has_prefix = field is not None and field.validation_alias is None
        problems.append(f"{'HERDBOOK_' if has_prefix else ''}{name.upper()}: {found['msg']}")
    return f"invalid settings: {'; '.join(problems)}"

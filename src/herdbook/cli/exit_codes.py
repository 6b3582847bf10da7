"""Takes an error.

Gives the exit code and the one line that a command ends with.
Never shows a trace, a password or a character that would move the terminal's cursor.
"""

import typer
from pydantic import ValidationError

from herdbook.embedded import EmbeddedError
from herdbook.errors import (
    HerdbookError,
    JobNotFoundError,
    QueueNotFoundError,
    QueueUnavailableError,
    RecordUnavailableError,
)
from herdbook.model.masking import mask_passwords
from herdbook.settings import Settings

OK, NO, USAGE, AWAY, INTERRUPTED = 0, 1, 2, 3, 130
EXIT_CODES = (
    "Exit codes: 0 done; 1 the job failed, or the answer is no; 2 wrong usage or input; "
    "3 a server is away, or cannot be started."
)


def exit_code(error: HerdbookError) -> int:
    """The exit code of a command that ended with this error."""
    match error:
        case RecordUnavailableError() | QueueUnavailableError() | EmbeddedError():
            return AWAY
        case JobNotFoundError() | QueueNotFoundError():
            return NO
    return USAGE


def tell(message: str) -> None:
    """Write one line for a person to stderr."""
    line = printable(" ".join(mask_passwords(message).split()))
    typer.secho(f"herdbook: {line}", err=True, fg=typer.colors.RED)


def printable(text: str) -> str:
    """The text without control characters, which could come from a job's data; new lines and tabs stay."""
    return "".join(one if one.isprintable() or one in "\n\t" else "\N{REPLACEMENT CHARACTER}" for one in text)


def settings_problem(error: ValidationError) -> str:
    """What is wrong with the environment, without the values."""
    problems = []
    for found in error.errors(include_url=False, include_context=False, include_input=False):
        name = str(found["loc"][0])
        field = Settings.model_fields.get(name)
        own = field is not None and field.validation_alias is None
        problems.append(f"{'HERDBOOK_' if own else ''}{name.upper()}: {found['msg']}")
    return f"the settings cannot be used: {'; '.join(problems)}"

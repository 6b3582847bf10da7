"""The exceptions that Herdbook raises.

A message never contains a password.
"""

from collections.abc import Sequence
from dataclasses import dataclass


class HerdbookError(Exception):
    """The base class of Herdbook's errors."""


class ConfigurationError(HerdbookError):
    """A setting, a declaration or a data folder is invalid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldProblem:
    """One problem with an input; `path` is like `jobData.to.0`, or empty for the input as a whole."""

    path: str
    message: str


class InvalidJobError(HerdbookError):
    """The job data or options are invalid; `problems` names each field."""

    def __init__(self, message: str, problems: Sequence[FieldProblem] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


class UnknownJobTypeError(InvalidJobError):
    """No job type with this name is declared."""


class JobTooLargeError(HerdbookError):
    """The job data exceeds the limit (setting `HERDBOOK_MAX_JOB_BYTES`)."""


class IdempotencyConflictError(HerdbookError):
    """The idempotency key was already used for a different request."""

    def __init__(self, key: str) -> None:
        super().__init__(f"idempotency key {key!r} was already used for a different job")
        self.key = key


class JobNotFoundError(HerdbookError):
    """The record has no job with this id."""


class JobStateError(HerdbookError):
    """The job's state does not allow this action."""


class OperationNotFoundError(HerdbookError):
    """The record has no operation with this id."""


class QueueNotFoundError(HerdbookError):
    """No program has declared a queue with this name, and it has no jobs."""


class MigrationError(HerdbookError):
    """The tables in PostgreSQL cannot be brought up to date."""


class RecordUnavailableError(HerdbookError):
    """PostgreSQL is unreachable or not ready."""


class QueueUnavailableError(HerdbookError):
    """Redis is unreachable or not ready."""

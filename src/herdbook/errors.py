"""Every exception that Herdbook raises; each message is one sentence for a person, without passwords."""

from collections.abc import Sequence
from dataclasses import dataclass


class HerdbookError(Exception):
    """The base of all of Herdbook's errors."""


class ConfigurationError(HerdbookError):
    """A setting, a declaration or a data folder cannot be used as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldProblem:
    """One thing wrong with an input: `path` like `jobData.to.0` (empty for the whole), and a message."""

    path: str
    message: str


class InvalidJobError(HerdbookError):
    """What was to be published is not a job of its type; `problems` names each field."""

    def __init__(self, message: str, problems: Sequence[FieldProblem] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


class UnknownJobTypeError(InvalidJobError):
    """No job type of this name is declared."""


class JobTooLargeError(HerdbookError):
    """The job data are larger than the limit (setting `HERDBOOK_MAX_JOB_BYTES`)."""


class IdempotencyConflictError(HerdbookError):
    """The idempotency key was used before with another body."""

    def __init__(self, key: str) -> None:
        super().__init__(f"idempotency key {key!r} was already used for a different job")
        self.key = key


class JobNotFoundError(HerdbookError):
    """The record has no job of this id."""


class JobStateError(HerdbookError):
    """The job is in a state in which this cannot be done to it."""


class OperationNotFoundError(HerdbookError):
    """The record has no operation of this id."""


class QueueNotFoundError(HerdbookError):
    """No program has declared a queue of this name, and no job is in it."""


class RecordUnavailableError(HerdbookError):
    """PostgreSQL cannot be reached, or is not ready for us."""


class QueueUnavailableError(HerdbookError):
    """Redis cannot be reached, or is not ready for us."""

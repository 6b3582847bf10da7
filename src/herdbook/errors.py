"""Takes nothing of ours but durations.

Gives every exception that Herdbook raises, or processors raise to tell it something; each message is one sentence
for a person.
Never carries secrets: connection URLs are shown without their passwords.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from herdbook.duration import milliseconds


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


class Unrecoverable(HerdbookError):
    """Raised inside a processor: this job has failed for good, further tries would not help."""


class UnrecordableResult(Unrecoverable):
    """What a processor returned is no JSON that PostgreSQL can store. The work is done: no second try would help."""


class Retry(HerdbookError):
    """Raised inside a processor: this try failed, try again (as often as the job may be tried).

    `after` is how long to wait, in milliseconds or as a text like `30s`; unset, the job's own backoff holds.
    """

    def __init__(self, message: str = "it is to be tried again", *, after: float | str | None = None) -> None:
        super().__init__(message)
        self.after = None if after is None else milliseconds(after)


class Snooze(HerdbookError):
    """Raised inside a processor: come back after `delay` (milliseconds, or a text like `10m`); no try is counted."""

    def __init__(self, delay: float | str) -> None:
        super().__init__(delay)
        self.delay = milliseconds(delay)


class Cancel(HerdbookError):
    """Raised inside a processor: the job is not wanted any more; it becomes cancelled, for this reason."""


class TimedOut(HerdbookError):
    """One try took longer than its time limit. It counts, and is retried like any other."""


class ProcessDied(HerdbookError):
    """The process that ran a try ended under it: a crash, `os._exit`, or the kernel for want of memory."""

"""Decides the outcome of an attempt from what its processor returned or raised, once for the record and the queue."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from herdbook.model import signals
from herdbook.model.duration import milliseconds
from herdbook.model.fast_dataclass import fast_dataclass
from herdbook.model.job import AttemptOutcome, JobStatus
from herdbook.model.masking import mask_passwords
from herdbook.model.options import Backoff
from herdbook.model.result import encode_result

# A program's own backoff: takes the attempt's number (from 1) and its error, returns milliseconds to wait.
BackoffFunction = Callable[[int, BaseException], float]

DEFAULT_BACKOFF = Backoff()


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorReport:
    """An error as it is recorded: the name of its type, its message, its stack trace if it has one."""

    type: str
    message: str
    stack_trace: str | None = None


@fast_dataclass
class Succeeded:
    """The processor returned; `result` is JSON text."""

    status: ClassVar = JobStatus.COMPLETED
    attempt_outcome: ClassVar = AttemptOutcome.COMPLETED
    is_counted: ClassVar = True

    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WillRetry:
    """The attempt failed, and the job is retried after `after` milliseconds."""

    status: ClassVar = JobStatus.PENDING
    attempt_outcome: ClassVar = AttemptOutcome.RETRY
    is_counted: ClassVar = True

    error: ErrorReport
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Snoozed:
    """The job runs again after `after` milliseconds; the attempt is not counted."""

    status: ClassVar = JobStatus.PENDING
    attempt_outcome: ClassVar = AttemptOutcome.SNOOZED
    is_counted: ClassVar = False

    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The job has failed for good."""

    status: ClassVar = JobStatus.FAILED
    attempt_outcome: ClassVar = AttemptOutcome.FAILED
    is_counted: ClassVar = True

    error: ErrorReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """The job was cancelled; the error says why."""

    status: ClassVar = JobStatus.CANCELLED
    attempt_outcome: ClassVar = AttemptOutcome.CANCELLED
    is_counted: ClassVar = True

    error: ErrorReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """The worker stopped before the processor finished; the job goes back, and the attempt is not counted."""

    status: ClassVar = JobStatus.PENDING
    attempt_outcome: ClassVar = AttemptOutcome.RELEASED
    is_counted: ClassVar = False


# Each defines the job's next status, how the attempt is recorded, and whether it counts towards the job's attempts.
Outcome = Succeeded | WillRetry | Snoozed | Failed | Cancelled | Released


@fast_dataclass
class Returned:
    """The processor's return value."""

    value: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """The processor's exception, or the reason it was stopped, and the report of it."""

    error: BaseException
    report: ErrorReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupted:
    """The processor was stopped because its worker is stopping."""


Ended = Returned | Raised | Interrupted


def decide(
    ended: Ended,
    *,
    attempts_made: int,
    max_attempts: int,
    backoff: Backoff | BackoffFunction | None,
    random: float,
    max_result_bytes: int,
) -> Outcome:
    """The outcome of an attempt.

    `attempts_made` includes this attempt, `random` (0..1) feeds the backoff's jitter, `max_result_bytes` limits the
    JSON of what the processor returned.
    """
    match ended:
        case Interrupted():
            return Released()
        case Returned(value=value):
            return decide_returned(value, max_result_bytes)
        case Raised(error=error, report=report):
            is_last = attempts_made >= max_attempts
            return _outcome_from_signal(error, report, is_last=is_last) or _back_off(
                error, report, attempts_made, backoff, random
            )


def _outcome_from_signal(error: BaseException, report: ErrorReport, *, is_last: bool) -> Outcome | None:
    """The outcome that the exception alone decides; None if the backoff does."""
    match error:
        case signals.Snooze(delay=delay):
            return Snoozed(after=delay)
        case signals.Cancel():
            return Cancelled(error=report)
        case signals.Unrecoverable():
            return Failed(error=report)
        case _ if is_last:
            return Failed(error=report)
        case signals.Retry(after=int(after)):
            return WillRetry(error=report, after=after)
    return None


def _back_off(
    error: BaseException,
    report: ErrorReport,
    attempts_made: int,
    backoff: Backoff | BackoffFunction | None,
    random: float,
) -> WillRetry:
    """A retry after the backoff; if the program's own function fails, after the default one, and the error says so."""
    if backoff is None or isinstance(backoff, Backoff):
        return WillRetry(error=report, after=backoff.wait(attempts_made, random) if backoff else 0)
    try:
        return WillRetry(error=report, after=milliseconds(backoff(attempts_made, error)))
    except Exception as fault:
        message = mask_passwords(
            f"{report.message} (its backoff function failed: {type(fault).__name__}: {fault}"[:4_000]
        )
        after = DEFAULT_BACKOFF.wait(attempts_made, random)
        return WillRetry(error=replace(report, message=f"{message})"), after=after)


def decide_returned(value: Any, max_result_bytes: int) -> Succeeded | Failed:
    """The outcome of an attempt whose processor returned `value`."""
    try:
        return Succeeded(result=encode_result(value, max_result_bytes))
    except signals.UnrecordableResult as error:
        return Failed(error=ErrorReport(type="UnrecordableResult", message=str(error)))

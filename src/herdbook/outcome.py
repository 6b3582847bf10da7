"""Takes what a processor returned or raised.

Gives the outcome of the attempt, a value: decided here, once, for the record and the queue alike.
Never changes anything.
"""

import traceback
from dataclasses import dataclass
from typing import Any

import orjson

from herdbook.errors import RetryLater, Unrecoverable
from herdbook.job import Backoff, holds_nul

# Characters of an error that are kept.
_LONGEST_MESSAGE = 2_000
_LONGEST_TRACE = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorReport:
    """An error as it is recorded: its type's name, its message, its stack trace (None where it has none)."""

    type: str
    message: str
    stack_trace: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Succeeded:
    """The processor returned; `result` is JSON text."""

    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """The attempt failed and the job is tried again after `after` milliseconds."""

    error: ErrorReport
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The job has failed for good."""

    error: ErrorReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """The worker stopped before the processor ended; the job goes back, and no attempt is counted."""


Outcome = Succeeded | Retry | Failed | Released


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """The processor's return value."""

    value: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """The processor's exception, and its report."""

    error: BaseException
    report: ErrorReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupted:
    """The processor was stopped because its worker stops."""


def decide(
    ended: Returned | Raised | Interrupted,
    *,
    attempts_made: int,
    max_attempts: int,
    backoff: Backoff | None,
    random: float,
) -> Outcome:
    """What an attempt came to.

    `attempts_made` counts this attempt (from 1), `random` (0..1) feeds the backoff's jitter.
    """
    match ended:
        case Interrupted():
            return Released()
        case Returned(value=value):
            return _succeed(value)
        case Raised(error=Unrecoverable(), report=report):
            return Failed(error=report)
        case Raised(report=report) if attempts_made >= max_attempts:
            return Failed(error=report)
        case Raised(error=RetryLater(after=int(after)), report=report):
            return Retry(error=report, after=after)
        case Raised(report=report):
            return Retry(error=report, after=backoff.wait(attempts_made, random) if backoff else 0)


def report_error(error: BaseException, *, skip: str) -> ErrorReport:
    """The error as it is recorded; frames of the file `skip` (our own) are left out of the trace."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename == skip:
        frames = frames.tb_next
    trace = "".join(traceback.format_exception(type(error), error, frames))
    return ErrorReport(
        type=type(error).__qualname__,
        message=_storable(str(error) or type(error).__qualname__, _LONGEST_MESSAGE),
        stack_trace=_storable(trace, _LONGEST_TRACE),
    )


def _storable(text: str, longest: int) -> str:
    """The text without what PostgreSQL cannot store; of a long one its end, where the error stands."""
    text = text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= longest else f"[…]{text[-longest:]}"


def _succeed(value: Any) -> Succeeded | Failed:
    try:
        result = orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError as error:
        return _unrecordable(f"the processor's result is not JSON: {error}")
    if holds_nul(result):
        return _unrecordable("the processor's result contains a NUL character, which PostgreSQL cannot store")
    return Succeeded(result=result)


def _unrecordable(message: str) -> Failed:
    # Never a retry: the work was done, and doing it again would not change the kind of its result.
    return Failed(error=ErrorReport(type="UnrecordableResult", message=message))

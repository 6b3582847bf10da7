"""Deliveries and acknowledgements as values, and their BullMQ wire formats."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
from pydantic import ValidationError

from herdbook.model.fast_dataclass import fast_dataclass
from herdbook.model.job import LONGEST_TRACE_CONTEXT
from herdbook.model.options import Backoff
from herdbook.model.outcome import Cancelled, ErrorReport, Failed, Outcome, Released, Snoozed, Succeeded, WillRetry
from herdbook.model.storable import storable_text
from herdbook.queue.scripts import to_msgpack

# The largest integer in a column of the record; some clients write Number.MAX_SAFE_INTEGER for "always".
_MAX_INT = 2**31 - 1
# The job type of a job without a name.
_NO_NAME = "(no name)"
# The last second of the year 9999, in Unix milliseconds.
_MAX_TIMESTAMP = 253_402_300_799_000


@fast_dataclass
class Delivery:
    """One job handed to one worker.

    `attempt` is BullMQ's `ats`, which grows with each delivery: our fence. `attempts_made` is its `atm`,
    the attempts that counted before this one. `data` is JSON text, `timestamp` Unix milliseconds. `token`
    is the token of the job's lock, a new one for each fetch. `deferred_failure` is set if the job must fail
    without running, because it has lost its worker too often or cannot be parsed.
    """

    queue: str
    job_id: str
    job_type: str
    data: str
    options: dict[str, Any]
    attempt: int
    attempts_made: int
    priority: int
    timestamp: int
    token: str
    deferred_failure: str | None = None
    stalls: int = 0

    @property
    def max_attempts(self) -> int:
        """The maximum number of attempts; BullMQ's default is 1."""
        return _int_or(self.options.get("attempts"), 1, low=1)

    @property
    def backoff(self) -> Backoff | None:
        """The wait between attempts; None for strategies that only the publishing program knows."""
        backoff = self.options.get("backoff")
        if isinstance(backoff, (int, float)):  # BullMQ's short form.
            backoff = {"type": "fixed", "delay": backoff}
        try:
            return Backoff.model_validate(backoff)
        except (ValidationError, ArithmeticError):
            return None

    @property
    def trace_context(self) -> str | None:
        """The trace context in BullMQ's telemetry metadata; None if it cannot be one."""
        text = self.options.get("tm")
        if not isinstance(text, str) or not 0 < len(text) <= LONGEST_TRACE_CONTEXT:
            return None
        return text if storable_text(text) == text else None


@fast_dataclass
class Acknowledgement:
    """The outcome of a delivery."""

    delivery: Delivery
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How many finished jobs are kept in Redis (`completed`, `failed`), and for how many `seconds` at most."""

    completed: int
    failed: int
    seconds: int


def parse_delivery(queue: str, job: Sequence[Any], token: str) -> Delivery:
    """A delivery from what `ack_and_fetch.lua` returns: fields of the job's hash (no name if that is gone), its id.

    Any client may have written them, so they never raise: invalid values are replaced by defaults, and a job with
    invalid options gets a `deferred_failure`.
    """
    name, data, options, attempt, attempts_made, priority, timestamp, deferred_failure, stalls, job_id = job
    try:
        parsed = _options(options or "{}")
    except ValueError as error:
        parsed, deferred_failure = {}, deferred_failure or f"the job cannot be read: {error}"
    if name == "":
        name, deferred_failure = _NO_NAME, deferred_failure or "the job has no name"
    return Delivery(
        queue=queue,
        job_id=job_id,
        job_type=name or "",
        data=data or "null",
        options=parsed,
        attempt=_int_or(attempt, 1, low=1),
        # With room for this attempt.
        attempts_made=_int_or(attempts_made, 0, low=0, high=_MAX_INT - 1),
        priority=_int_or(priority, 0),
        timestamp=_int_or(timestamp, 0, low=0, high=_MAX_TIMESTAMP),
        token=token,
        deferred_failure=deferred_failure,
        stalls=_int_or(stalls, 0),
    )


# BullMQ's options for what happens to the parent of a failed job.
_PARENT_OPTIONS = ("fpof", "cpof", "idof", "rdof")
# Removes no finished jobs.
_KEEP_ALL = Retention(completed=-1, failed=-1, seconds=0)


def split_acknowledgements(
    acks: Sequence[Acknowledgement], retention: Retention, *, worker: str, lock_duration: int
) -> tuple[list[str], list[list[Any]]]:
    """The arguments of `ack_and_fetch.lua`: id, result and token of plain completions, and all other acknowledgements.

    Only the last acknowledgement of each kind removes old jobs: looking for them once per job would cost more than
    all the rest. If no jobs are kept at all, each job removes itself.
    """
    keeps_none = 0 in (retention.completed, retention.failed)
    last = {type(ack.outcome): index for index, ack in enumerate(acks)}
    plain: list[str] = []
    others: list[list[Any]] = []
    for index, ack in enumerate(acks):
        is_last = keeps_none or last[type(ack.outcome)] == index
        outcome = ack.outcome
        if isinstance(outcome, Succeeded) and not is_last and "removeOnComplete" not in ack.delivery.options:
            plain += (ack.delivery.job_id, outcome.result, ack.delivery.token)
        else:
            others.append(_ack_arguments(ack, retention if is_last else _KEEP_ALL, worker, lock_duration))
    return plain, others


def plain_finish_options(worker: str, lock_duration: int) -> bytes:
    """The options of `moveToFinished` for a plain completion; the script adds the lock's token."""
    return to_msgpack(_finish_options("", worker, lock_duration, _keep_jobs(None, _KEEP_ALL.completed, 0), 1, 0))


def _ack_arguments(ack: Acknowledgement, retention: Retention, worker: str, lock_duration: int) -> list[Any]:
    """The acknowledgement as `ack_and_fetch.lua` takes it."""
    delivery = ack.delivery
    match ack.outcome:
        case Succeeded(result=result):
            keep = _keep_jobs(delivery.options.get("removeOnComplete"), retention.completed, retention.seconds)
            finish = _encode_finish_options(delivery, worker, lock_duration, keep)
            return ["finish", delivery.job_id, "completed", "returnvalue", result, finish, ""]
        case Failed(error=error) | Cancelled(error=error):
            # BullMQ has no cancelled jobs.
            keep = _keep_jobs(delivery.options.get("removeOnFail"), retention.failed, retention.seconds)
            finish = _encode_finish_options(delivery, worker, lock_duration, keep)
            fields = _failure_fields(error)
            return ["finish", delivery.job_id, "failed", "failedReason", error.message, finish, fields]
        case WillRetry(error=error, after=after) if after > 0:
            return ["delay", delivery.job_id, delivery.token, after, _failure_fields(error), "0"]
        case WillRetry(error=error):
            push = "RPUSH" if delivery.options.get("lifo") else "LPUSH"
            return ["retry", delivery.job_id, delivery.token, push, _failure_fields(error)]
        case Released():
            return ["release", delivery.job_id, delivery.token]
        case Snoozed(after=after):
            return ["delay", delivery.job_id, delivery.token, after, "", "1"]


# Jobs of one type carry the same options text, so it is parsed once. The result must not be changed.
@lru_cache(maxsize=1_000)
def _options(text: str) -> dict[str, Any]:
    try:
        options = orjson.loads(text)
    except ValueError:
        # orjson rejects lone surrogates, which JavaScript writes when it truncates a text inside an emoji.
        options = json.loads(text)
    if not isinstance(options, dict):
        raise ValueError("its opts are not an object")
    return options


def _encode_finish_options(delivery: Delivery, worker: str, lock_duration: int, keep: dict[str, int]) -> bytes:
    options = _finish_options(
        delivery.token, worker, lock_duration, keep, delivery.max_attempts, delivery.attempts_made
    )
    parents = {name: bool(delivery.options[name]) for name in _PARENT_OPTIONS if name in delivery.options}
    return to_msgpack({**options, **parents})


def _finish_options(
    token: str, worker: str, lock_duration: int, keep: dict[str, int], attempts: int, attempts_made: int
) -> dict[str, Any]:
    return {
        # The token proves that we hold this job's lock; the next two are for a job that is fetched with it.
        "token": token,
        "lockDuration": lock_duration,
        "name": worker,
        "keepJobs": keep,
        "attempts": attempts,
        "attemptsMade": attempts_made,
        "maxMetricsSize": "",
        **dict.fromkeys(_PARENT_OPTIONS, False),
    }


def _keep_jobs(requested: Any, count: int, seconds: int) -> dict[str, int]:
    """How many finished jobs to keep: what the job's publisher requested (as BullMQ reads it), else our setting."""
    match requested:
        case bool():
            return {"count": 0 if requested else -1}
        case int():
            return {"count": _int_or(requested, count)}
        case dict():
            return {
                name: _int_or(requested[name], 0)
                for name in ("count", "age", "limit")
                if requested.get(name) is not None
            }
        case _:
            return {"count": count, "age": seconds} if seconds else {"count": count}


def _failure_fields(error: ErrorReport) -> bytes:
    trace = [error.stack_trace] if error.stack_trace else []
    return to_msgpack(["failedReason", error.message, "stacktrace", json.dumps(trace)])


def _int_or(value: Any, default: int, *, low: int = -_MAX_INT, high: int = _MAX_INT) -> int:
    """The value as an integer from `low` to `high`; `default` if it is not a number."""
    if value is None:
        return default
    try:
        number = int(value)
    except ValueError:  # It may still be a number: "2.5" or "1e3".
        return _rounded_down_or(value, default, low, high)
    except (TypeError, OverflowError):
        return default
    return number if low <= number <= high else min(max(number, low), high)


def _rounded_down_or(value: Any, default: int, low: int, high: int) -> int:
    try:
        return min(max(int(float(value)), low), high)
    except (TypeError, ValueError, OverflowError):
        return default

"""Takes a job as BullMQ delivers it, and what is to become of it.

Gives both as values, with their wire forms.
Never talks to Redis.
"""

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
from herdbook.queue.scripts import pack


@fast_dataclass
class Delivery:
    """One job handed to one worker.

    `attempt` is BullMQ's `ats`, which it raises for each delivery: our fence. `attempts_made` is its
    `atm`, the tries that counted before this one. `data` is JSON text, `timestamp` Unix milliseconds.
    `deferred_failure` is set when the job lost its worker too often: it must fail without running.
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
    deferred_failure: str | None

    @property
    def max_attempts(self) -> int:
        """How often the job may be tried; BullMQ's default is once."""
        return max(_whole(self.options.get("attempts"), 1), 1)

    @property
    def backoff(self) -> Backoff | None:
        """The wait between tries. BullMQ also allows a bare number, and strategies that only their program knows."""
        wish = self.options.get("backoff")
        if isinstance(wish, (int, float)):
            wish = {"type": "fixed", "delay": wish}
        try:
            return Backoff.model_validate(wish)
        except ValidationError:
            return None

    @property
    def trace_context(self) -> str | None:
        """Where the trace of the job goes on: BullMQ's telemetry metadata, if they can be any."""
        text = self.options.get("tm")
        return text if isinstance(text, str) and 0 < len(text) <= LONGEST_TRACE_CONTEXT and "\0" not in text else None


@fast_dataclass
class Acknowledgement:
    """What became of a delivery."""

    delivery: Delivery
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long finished jobs stay in Redis: at most `completed` or `failed` of them, for `seconds`."""

    completed: int
    failed: int
    seconds: int


def parse_delivery(queue: str, job: Sequence[Any], token: str) -> Delivery:
    """A job as `ack_and_fetch.lua` returns it: its id, and fields of its hash. A job whose hash is gone has no name."""
    name, data, options, attempt, attempts_made, priority, timestamp, deferred_failure, job_id = job
    return Delivery(
        queue=queue,
        job_id=job_id,
        job_type=name or "",
        data=data or "null",
        options=_options(options or "{}"),
        attempt=int(attempt or 1),
        attempts_made=int(attempts_made or 0),
        priority=int(priority or 0),
        timestamp=_whole(timestamp, 0),
        token=token,
        deferred_failure=deferred_failure,
    )


# Finished jobs stay, however many and old they are.
_FOR_EVER = Retention(completed=-1, failed=-1, seconds=0)


def pack_acknowledgements(
    acks: Sequence[Acknowledgement], retention: Retention, lock_duration: int
) -> tuple[list[str], list[list[Any]]]:
    """The acknowledgements for `ack_and_fetch.lua`: ids and results of jobs that completed plainly, and the others.

    The last job of a kind makes room for all of them: to look for old jobs once for each costs more than the rest.
    Where none is to stay, each removes itself.
    """
    keeps_none = 0 in (retention.completed, retention.failed)
    last = {type(ack.outcome): index for index, ack in enumerate(acks)}
    plain: list[str] = []
    others: list[list[Any]] = []
    for index, ack in enumerate(acks):
        is_last = keeps_none or last[type(ack.outcome)] == index
        outcome = ack.outcome
        if isinstance(outcome, Succeeded) and not is_last and "removeOnComplete" not in ack.delivery.options:
            plain += (ack.delivery.job_id, outcome.result)
        else:
            others.append(_pack(ack, retention if is_last else _FOR_EVER, lock_duration))
    return plain, others


def pack_finish_options(token: str, lock_duration: int) -> bytes:
    """What `moveToFinished` is to be told of a job that completed plainly."""
    return _pack_finish_options(token, lock_duration, _keep(None, _FOR_EVER.completed, 0), 1, 0, ())


def _pack(ack: Acknowledgement, retention: Retention, lock_duration: int) -> list[Any]:
    delivery = ack.delivery
    match ack.outcome:
        case Succeeded(result=result):
            keep = _keep(delivery.options.get("removeOnComplete"), retention.completed, retention.seconds)
            finish = _finish_options(delivery, keep, lock_duration)
            return ["finish", delivery.job_id, "completed", "returnvalue", result, finish, ""]
        case Failed(error=error) | Cancelled(error=error):
            # BullMQ knows no cancelled jobs.
            keep = _keep(delivery.options.get("removeOnFail"), retention.failed, retention.seconds)
            finish = _finish_options(delivery, keep, lock_duration)
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


# Jobs of one type carry the same options text; parsing it once is enough. Nobody changes the result.
@lru_cache(maxsize=1_000)
def _options(text: str) -> dict[str, Any]:
    options: dict[str, Any] = orjson.loads(text)
    return options


def _finish_options(delivery: Delivery, keep: tuple[tuple[str, int], ...], lock_duration: int) -> bytes:
    options = delivery.options
    parents = tuple((name, options[name]) for name in ("fpof", "cpof", "idof", "rdof") if name in options)
    return _pack_finish_options(
        delivery.token, lock_duration, keep, delivery.max_attempts, delivery.attempts_made, parents
    )


@lru_cache(maxsize=1_000)
def _pack_finish_options(
    token: str,
    lock_duration: int,
    keep: tuple[tuple[str, int], ...],
    attempts: int,
    attempts_made: int,
    parents: tuple[tuple[str, bool], ...],
) -> bytes:
    return pack(
        {
            # The token shows that this job's lock is ours; it and the next two are for the job that is fetched along.
            "token": token,
            "lockDuration": lock_duration,
            "name": token,
            "keepJobs": dict(keep),
            "attempts": attempts,
            "attemptsMade": attempts_made,
            "maxMetricsSize": "",
            "fpof": False,
            "cpof": False,
            "idof": False,
            "rdof": False,
            **dict(parents),
        }
    )


def _keep(wish: Any, count: int, seconds: int) -> tuple[tuple[str, int], ...]:
    """How many finished jobs stay: what the job's publisher asked for (as BullMQ reads it), else ours."""
    match wish:
        case None:
            return (("count", count), ("age", seconds)) if seconds else (("count", count),)
        case bool():
            return (("count", 0 if wish else -1),)
        case int():
            return (("count", wish),)
        case dict():
            return tuple((name, int(limit)) for name, limit in wish.items() if limit is not None)
        case _:
            return (("count", count),)


def _failure_fields(error: ErrorReport) -> bytes:
    trace = [error.stack_trace] if error.stack_trace else []
    return pack(["failedReason", error.message, "stacktrace", json.dumps(trace)])


def _whole(value: Any, default: int) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return default

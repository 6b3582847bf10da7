"""Records attempts for the executor: claims, outcomes, progress and log lines.

Each change is one fenced statement, so that a late or duplicate writer changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from herdbook.model.context import LogLine
from herdbook.model.fast_dataclass import fast_dataclass
from herdbook.model.job import AttemptKey, ExternalJob, JobStatus
from herdbook.model.outcome import Cancelled, Failed, Outcome, Snoozed, Succeeded, WillRetry
from herdbook.record.database import Connection
from herdbook.record.sql import statement


@fast_dataclass
class ClaimedRow:
    """The record's data on a job that may run. `progress` (JSON text or None) is what earlier attempts reported.

    `timeout_ms` is the job's own time limit, None if its type's applies; `attempts_made` is how many earlier attempts
    counted; `waited_ms` is how long the job was overdue when it was claimed, at `started_at`.
    """

    generation: int
    progress: str | None
    timeout_ms: int | None
    attempts_made: int
    started_at: datetime
    waited_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedState:
    """The recorded state of a delivered job. `result` is JSON text."""

    generation: int
    status: JobStatus
    result: str | None
    error_message: str | None


@fast_dataclass
class FinishedAttempt:
    """A finished attempt. `attempts_made` is how many attempts count, including this one; `progress` is JSON text.

    `started_at` is used if the start was not recorded before.
    """

    key: AttemptKey
    outcome: Outcome
    attempts_made: int
    started_at: datetime | None = None
    progress: str | None = None


# Made once: they are asked for with each job that ends.
_WITH_ERROR = (WillRetry, Failed, Cancelled)
_WITH_DELAY = (WillRetry, Snoozed)


async def claim_jobs_if_newer_attempt(
    connection: Connection,
    keys: Sequence[AttemptKey],
    attempts_made: Sequence[int],
    worker: str,
    *,
    queue: str | None = None,
    started_at: Sequence[datetime] = (),
    is_repeat: bool = False,
) -> dict[int, ClaimedRow]:
    """Claim jobs for `worker`; returns those that won, by their index in `keys`.

    A key with `ANY_GENERATION` claims the job in whichever generation it is. `attempts_made` is how many earlier
    attempts counted, `started_at` when each began (default: now). With `is_repeat`, claims that this worker already
    holds succeed again.
    """
    rows = await connection.fetch(
        statement("claim_jobs_if_newer_attempt"),
        [key.job for key in keys],
        [key.generation for key in keys],
        [key.number for key in keys],
        list(attempts_made),
        worker,
        list(started_at),
        queue,
        is_repeat,
    )
    return {row["number"]: _claimed_row(row, row["generation"]) for row in rows}


async def read_jobs_if_pending(connection: Connection, queue: str, keys: Sequence[AttemptKey]) -> dict[int, ClaimedRow]:
    """Claims of jobs that nothing else can be running, by their index in `keys`; this writes nothing."""
    rows = await connection.fetch(
        statement("read_jobs_if_pending"),
        [key.job for key in keys],
        [key.generation for key in keys],
        [key.number for key in keys],
        queue,
    )
    return {row["number"]: _claimed_row(row, keys[row["number"]].generation) for row in rows}


def _claimed_row(row: asyncpg.Record, generation: int) -> ClaimedRow:
    return ClaimedRow(
        generation=generation,
        progress=row["progress"],
        timeout_ms=row["timeout_ms"],
        attempts_made=row["attempts_made"],
        started_at=row["started_at"],
        waited_ms=row["waited_ms"],
    )


async def read_states(connection: Connection, queue: str, jobs: Sequence[UUID]) -> dict[UUID, RecordedState]:
    """The recorded states of delivered jobs; unknown jobs are left out."""
    rows = await connection.fetch(statement("read_states"), list(jobs), queue)
    return {
        row["id"]: RecordedState(
            generation=row["generation"],
            status=JobStatus(row["status"]),
            result=row["result"],
            error_message=row["error_message"],
        )
        for row in rows
    }


async def adopt_jobs(connection: Connection, jobs: Sequence[ExternalJob]) -> None:
    """Record jobs that other clients published; known jobs are left unchanged."""
    await connection.execute(
        statement("adopt_jobs"),
        [job.id for job in jobs],
        [job.job_id for job in jobs],
        [job.queue for job in jobs],
        [job.job_type for job in jobs],
        [job.job_data for job in jobs],
        [job.priority for job in jobs],
        [job.max_attempts for job in jobs],
        [job.backoff for job in jobs],
        [job.created_at for job in jobs],
        [job.trace_context for job in jobs],
    )


async def finish_attempts_if_running(
    connection: Connection, finished: Sequence[FinishedAttempt], worker: str
) -> set[int]:
    """Record the outcomes of attempts; returns the indexes of those that were still the current one of their job."""
    outcomes = [one.outcome for one in finished]
    errors = [outcome.error if isinstance(outcome, _WITH_ERROR) else None for outcome in outcomes]
    rows = await connection.fetch(
        statement("finish_attempts_if_running"),
        [one.key.job for one in finished],
        [one.key.generation for one in finished],
        [one.key.number for one in finished],
        [outcome.status for outcome in outcomes],
        [outcome.attempt_outcome for outcome in outcomes],
        [outcome.result if isinstance(outcome, Succeeded) else None for outcome in outcomes],
        _empty_if_null([error.type if error else None for error in errors]),
        _empty_if_null([error.message if error else None for error in errors]),
        _empty_if_null([error.stack_trace if error else None for error in errors]),
        _empty_if_null([outcome.after if isinstance(outcome, _WITH_DELAY) else None for outcome in outcomes]),
        [one.attempts_made for one in finished],
        _empty_if_null([one.progress for one in finished]),
        worker,
        [one.started_at for one in finished],
    )
    return {row["number"] for row in rows}


def _empty_if_null(column: list[Any]) -> list[Any]:
    """An empty list for a column of nulls: `unnest` pads it with nulls, and sending them costs time."""
    return column if any(one is not None for one in column) else []


async def read_recorded_attempts(connection: Connection, keys: Sequence[AttemptKey], worker: str) -> set[AttemptKey]:
    """Those of these attempts whose outcome this worker has already recorded."""
    rows = await connection.fetch(
        statement("read_recorded_attempts"),
        [key.job for key in keys],
        [key.generation for key in keys],
        [key.number for key in keys],
        worker,
    )
    return {AttemptKey(job=row["job"], generation=row["generation"], number=row["attempt"]) for row in rows}


async def count_errors(connection: Connection, keys: Sequence[AttemptKey], error_type: str) -> dict[UUID, int]:
    """How many earlier attempts of the same generation ended with an error of this type; zeros are left out."""
    rows = await connection.fetch(
        statement("count_errors"), [key.job for key in keys], [key.generation for key in keys], error_type
    )
    return {row["job"]: row["count"] for row in rows}


async def read_backoffs_if_waiting(connection: Connection, keys: Sequence[AttemptKey]) -> dict[int, int]:
    """How many milliseconds jobs still have to wait for their next attempt, by their index in `keys`."""
    rows = await connection.fetch(
        statement("read_backoffs_if_waiting"), [key.job for key in keys], [key.generation for key in keys]
    )
    return {row["number"]: row["left_ms"] for row in rows}


async def write_progress_if_running(connection: Connection, reports: Sequence[tuple[AttemptKey, str]]) -> None:
    """Record progress (JSON texts) of attempts that are still running."""
    await connection.execute(
        statement("write_progress_if_running"),
        [key.job for key, _ in reports],
        [key.generation for key, _ in reports],
        [key.number for key, _ in reports],
        [progress for _, progress in reports],
    )


async def insert_logs(connection: Connection, lines: Sequence[tuple[AttemptKey, LogLine]]) -> None:
    """Record log lines, in order; of those that were sent before, only the missing ones."""
    await connection.execute(
        statement("insert_logs"),
        [key.job for key, _ in lines],
        [key.generation for key, _ in lines],
        [key.number for key, _ in lines],
        [line.at for _, line in lines],
        [line.message for _, line in lines],
        [line.was_sent for _, line in lines],
    )

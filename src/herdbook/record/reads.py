"""Reads one job with its attempts and logs, how many jobs are in each state, and the outbox's lag."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from herdbook.errors import JobNotFoundError
from herdbook.model.health import OutboxLag
from herdbook.model.job import Attempt, AttemptOutcome, Job, JobStatus
from herdbook.model.options import Backoff
from herdbook.record.database import Connection
from herdbook.record.sql import statement


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLogLine:
    """A line of a job's log; `id` grows with time."""

    id: int
    generation: int
    attempt: int
    logged_at: datetime
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusCount:
    """How many jobs of a queue and type have a status."""

    queue: str
    job_type: str
    status: JobStatus
    count: int


async def read_job(connection: Connection, id: UUID) -> Job:
    """One job; raises JobNotFoundError."""
    row = await connection.fetchrow(statement("read_job"), id)
    if row is None:
        raise JobNotFoundError(f"the record has no job {id}")
    return job_of(row)


async def read_attempts(connection: Connection, job: Job, *, newest: int | None = None) -> list[Attempt]:
    """The job's attempts in order; a running one comes last, without an end.

    `newest` limits how many finished attempts are read.
    """
    rows = await connection.fetch(statement("read_attempts"), job.id, newest)
    attempts = [
        Attempt(
            generation=row["generation"],
            number=row["attempt"],
            worker=row["worker"],
            started_at=row["started_at"],
            ended_at=row["ended_at"],
            outcome=AttemptOutcome(row["outcome"]),
            error_type=row["error_type"],
            error_message=row["error_message"],
            stack_trace=row["stack_trace"],
            waited_ms=row["waited_ms"],
        )
        for row in reversed(rows)
    ]
    if job.status is JobStatus.PROCESSING:
        running = Attempt(
            generation=job.generation,
            number=job.attempt,
            worker=job.worker,
            started_at=job.started_at,
            ended_at=None,
            outcome=None,
            waited_ms=job.waited_ms,
        )
        attempts.append(running)
    return attempts


async def read_logs(
    connection: Connection, job: UUID, *, after: int = 0, limit: int = 1_000, max_bytes: int = 10_000_000
) -> list[StoredLogLine]:
    """Up to `limit` of the job's log lines after the one with id `after`; the last may exceed `max_bytes`."""
    rows = await connection.fetch(statement("read_logs"), job, after, limit, max_bytes)
    return [StoredLogLine(**dict(row)) for row in rows]


async def read_newest_logs(connection: Connection, job: UUID, *, limit: int, longest: int) -> list[StoredLogLine]:
    """The job's newest `limit` log lines in order, each truncated to `longest` characters."""
    rows = await connection.fetch(statement("read_newest_logs"), job, limit, longest)
    return [StoredLogLine(**dict(row)) for row in reversed(rows)]


async def read_stats(connection: Connection) -> list[StatusCount]:
    """How many jobs of each queue and type have each status."""
    rows = await connection.fetch(statement("read_stats"))
    return [
        StatusCount(queue=row["queue"], job_type=row["job_type"], status=JobStatus(row["status"]), count=row["count"])
        for row in rows
    ]


async def read_queues(connection: Connection) -> list[str]:
    """The names of all queues: those with declared job types, with jobs, or that operators paused or resumed."""
    return [row["queue"] for row in await connection.fetch(statement("read_queues"))]


async def read_outbox_lag(connection: Connection) -> OutboxLag:
    """What is waiting for the relay."""
    row = await connection.fetchrow(statement("read_outbox_lag"))
    assert row is not None
    return OutboxLag(**dict(row))


def job_of(row: "asyncpg.Record") -> Job:
    """The job in a row of `jobs`."""
    fields: dict[str, Any] = {name: row[name] for name in Job.__slots__ if name not in ("status", "backoff")}
    backoff = Backoff.model_validate(row["backoff"]) if row["backoff"] else None
    return Job(status=JobStatus(row["status"]), backoff=backoff, **fields)

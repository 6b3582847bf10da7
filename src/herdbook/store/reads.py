"""Takes questions about jobs.

Gives what the record knows: jobs, their attempts and logs, lists, figures.
Never changes anything.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from herdbook.errors import JobNotFoundError
from herdbook.job import Attempt, AttemptOutcome, Backoff, Job, JobStatus
from herdbook.store.pool import Connection
from herdbook.store.sql import statement


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """Which jobs a list shows, newest first. `before` is the id of the last job of the page before."""

    status: JobStatus | None = None
    job_type: str | None = None
    queue: str | None = None
    before: UUID | None = None
    limit: int = 50
    offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLogLine:
    """A line of a job's log; `id` grows with time."""

    id: int
    generation: int
    attempt: int
    logged_at: datetime
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxLag:
    """What waits for the relay: how many jobs, the oldest one's age in seconds, what the queue refused last."""

    depth: int
    age: float
    error_message: str | None


async def read_job(connection: Connection, id: UUID) -> Job:
    """One job; raises JobNotFoundError."""
    row = await connection.fetchrow(statement("read_job"), id)
    if row is None:
        raise JobNotFoundError(f"the record has no job {id}")
    return _job(row)


async def list_jobs(connection: Connection, wanted: JobFilter) -> list[Job]:
    """The jobs that the filter wants, newest first."""
    rows = await connection.fetch(
        statement("list_jobs"),
        wanted.before,
        wanted.status,
        wanted.job_type,
        wanted.queue,
        wanted.limit,
        wanted.offset,
    )
    return [_job(row) for row in rows]


async def read_attempts(connection: Connection, job: Job) -> list[Attempt]:
    """The job's attempts in order; the one that runs now is the last, without an end."""
    rows = await connection.fetch(statement("read_attempts"), job.id)
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
        for row in rows
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


async def read_logs(connection: Connection, job: UUID, *, after: int = 0, limit: int = 1_000) -> list[StoredLogLine]:
    """The job's log lines after the line with id `after`, at most `limit`."""
    rows = await connection.fetch(statement("read_logs"), job, after, limit)
    return [StoredLogLine(**dict(row)) for row in rows]


async def read_stats(connection: Connection) -> dict[str, dict[JobStatus, int]]:
    """How many jobs of each type are in each state."""
    stats: dict[str, dict[JobStatus, int]] = {}
    for row in await connection.fetch(statement("read_stats")):
        stats.setdefault(row["job_type"], {})[JobStatus(row["status"])] = row["count"]
    return stats


async def read_queues(connection: Connection) -> list[str]:
    """The names of the queues that job types were declared for."""
    return [row["queue"] for row in await connection.fetch(statement("read_queues"))]


async def read_outbox_lag(connection: Connection) -> OutboxLag:
    """What waits for the relay."""
    row = await connection.fetchrow(statement("read_outbox_lag"))
    assert row is not None
    return OutboxLag(**dict(row))


def _job(row: "asyncpg.Record") -> Job:
    fields: dict[str, Any] = {name: row[name] for name in Job.__slots__ if name not in ("status", "backoff")}
    backoff = Backoff.model_validate(row["backoff"]) if row["backoff"] else None
    return Job(status=JobStatus(row["status"]), backoff=backoff, **fields)

"""Looks up jobs that were found in the queue: their rows for lists, which run, how long they wait, if delivered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from herdbook.record.database import Connection
from herdbook.record.job_rows import JobRow, row_of
from herdbook.record.sql import statement


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningJob:
    """A running job. `progress` is JSON text, truncated to 300 characters."""

    id: UUID
    queue: str
    job_type: str
    worker: str
    attempt: int
    started_at: datetime
    progress: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Undelivered:
    """A job waiting for the relay; `tries` is how often the queue has refused it, `deliver_after` the next attempt."""

    since: datetime
    tries: int
    deliver_after: datetime | None
    error_message: str | None


async def read_job_rows(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, JobRow]:
    """These jobs as a list shows them; unknown jobs are left out."""
    sql = statement("read_job_rows").format(columns=statement("columns_of_rows"))
    return {row["id"]: row_of(row) for row in await connection.fetch(sql, ids)}


async def read_running_jobs(connection: Connection, ids: Sequence[UUID]) -> list[RunningJob]:
    """Those of these jobs that are running, longest running first."""
    return [RunningJob(**dict(row)) for row in await connection.fetch(statement("read_running_jobs"), ids)]


async def read_waiting_seconds(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, float]:
    """Seconds since each of these jobs became due; those that are not waiting are left out."""
    return {row["id"]: row["seconds"] for row in await connection.fetch(statement("read_waiting_seconds"), ids)}


async def read_undelivered(connection: Connection, job: UUID) -> Undelivered | None:
    """The job's entry in the outbox; None if it has been delivered."""
    row = await connection.fetchrow(statement("read_undelivered"), job)
    return None if row is None else Undelivered(**dict(row))

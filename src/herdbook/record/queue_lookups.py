"""Takes ids of jobs that the queue gave.

Gives what the record knows of them: rows for lists, those that run, how long they wait, whether they are delivered.
Never asks the queue.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from herdbook.record.database import Connection
from herdbook.record.job_rows import JobRow, row_of
from herdbook.record.sql import statement


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningJob:
    """A job that runs. `progress` is JSON text, cut to 300 characters."""

    id: UUID
    queue: str
    job_type: str
    worker: str
    attempt: int
    started_at: datetime
    progress: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Undelivered:
    """A job that waits for the relay; `tries` counts the queue's refusals, `deliver_after` is the next try."""

    since: datetime
    tries: int
    deliver_after: datetime | None
    error_message: str | None


async def read_job_rows(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, JobRow]:
    """What a list shows of these jobs; those that the record does not know are left out."""
    sql = statement("read_job_rows").format(columns=statement("columns_of_rows"))
    return {row["id"]: row_of(row) for row in await connection.fetch(sql, ids)}


async def read_running_jobs(connection: Connection, ids: Sequence[UUID]) -> list[RunningJob]:
    """Those of these jobs that run, the longest running first."""
    return [RunningJob(**dict(row)) for row in await connection.fetch(statement("read_running_jobs"), ids)]


async def read_waiting_seconds(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, float]:
    """Seconds that each of these jobs waits since it could run; those that do not wait are left out."""
    return {row["id"]: row["seconds"] for row in await connection.fetch(statement("read_waiting_seconds"), ids)}


async def read_undelivered(connection: Connection, job: UUID) -> Undelivered | None:
    """The job's place in the outbox, None when it is delivered."""
    row = await connection.fetchrow(statement("read_undelivered"), job)
    return None if row is None else Undelivered(**dict(row))

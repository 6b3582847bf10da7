"""Takes a filter.

Gives what a list shows of the jobs it wants: long values are cut by PostgreSQL, before they travel.
Never gives a job whole; see `search` for that.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
import orjson

from herdbook.model.job import JobStatus
from herdbook.record.database import Connection
from herdbook.record.search import JobFilter, search
from herdbook.record.sql import statement

_NUMBER = re.compile(r"-?\d+(\.\d+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """A job in a list. `data`, `error` and `progress` (JSON texts, but for the error) are cut to 300 characters."""

    id: UUID
    queue: str
    job_type: str
    status: JobStatus
    data: str
    error: str | None
    progress: str | None
    attempt: int
    max_attempts: int
    generation: int
    run_at: datetime | None
    waited_ms: int | None
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None

    @property
    def percent(self) -> float | None:
        """The progress, when it is a number."""
        return orjson.loads(self.progress) if self.progress and _NUMBER.fullmatch(self.progress) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowSlice:
    """What a search found, newest first; go on with `before=next`, None when there is no more."""

    rows: list[JobRow]
    next: UUID | None


async def search_job_rows(connection: Connection, wanted: JobFilter) -> RowSlice:
    """The next rows that the filter wants. The slice may be short, even empty, and yet not the last."""
    found, following = await search(connection, statement("columns_of_rows"), wanted)
    return RowSlice(rows=[row_of(row) for row in found], next=following)


def row_of(row: "asyncpg.Record") -> JobRow:
    """The list's row of one that has the columns of `columns_of_rows.sql`."""
    return JobRow(**{**dict(row), "status": JobStatus(row["status"])})

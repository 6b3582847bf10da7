"""Searches for jobs as a list shows them: PostgreSQL truncates long values before sending them."""

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
    """A job in a list. `data` and `progress` are JSON texts, truncated to 300 characters like `error`."""

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
        """The progress, if it is a number."""
        return orjson.loads(self.progress) if self.progress and _NUMBER.fullmatch(self.progress) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowSlice:
    """What a search found, newest first; continue with `before=next`, None at the end."""

    rows: list[JobRow]
    next: UUID | None


async def search_job_rows(connection: Connection, wanted: JobFilter) -> RowSlice:
    """The next rows that match the filter. A slice may be short, even empty, without being the last."""
    found, following = await search(connection, statement("columns_of_rows"), wanted)
    return RowSlice(rows=[row_of(row) for row in found], next=following)


def row_of(row: "asyncpg.Record") -> JobRow:
    """A list's row from a database row with the columns of `columns_of_rows.sql`."""
    return JobRow(**{**dict(row), "status": JobStatus(row["status"])})

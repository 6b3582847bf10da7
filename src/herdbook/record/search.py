"""Takes a filter.

Gives the jobs that it wants, newest first, how many they are, and where a search stopped.
Never reads more than a bounded slice of the record at once: a page costs the same however long the record is.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

import asyncpg

from herdbook.model.ids import first_job_id
from herdbook.model.job import Job, JobStatus
from herdbook.record.database import Connection
from herdbook.record.reads import job_of
from herdbook.record.sql import statement

# Jobs that one search looks at. Texts are dearer to look at, and so are jobs that lie far apart: those
# that failed, were cancelled or wait for a time.
_SLICE = 20_000
_SLICE_FOR_WORDS = 5_000
_SLICE_FAR_APART = 2_000
_MOST_COUNTED = 100_000
_FAR_APART = (JobStatus.FAILED, JobStatus.CANCELLED)
_LAST = UUID(int=2**128 - 1)
_FIRST = UUID(int=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """Which jobs are wanted.

    `words` must each occur in the data, the error or an id. `since` and `until` bound the time of
    publishing. `scheduled` wants only jobs that wait for a time. `before` is the id where the page
    before ended.
    """

    status: JobStatus | None = None
    job_type: str | None = None
    queue: str | None = None
    words: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    scheduled: bool = False
    before: UUID | None = None
    limit: int = 50
    offset: int = 0

    @property
    def is_counted(self) -> bool:
        """Whether the record keeps count of what it wants."""
        return not (self.words or self.since or self.until or self.scheduled or self.before)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSlice:
    """What a search found, newest first; go on with `before=next`, None when there is no more."""

    jobs: list[Job]
    next: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IdSlice:
    """The same, of ids only."""

    ids: list[UUID]
    next: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCount:
    """How many jobs a filter wants; at least so many when `is_exact` is false."""

    number: int
    is_exact: bool


async def search_jobs(connection: Connection, wanted: JobFilter) -> JobSlice:
    """The next jobs that the filter wants. The slice may be short, even empty, and yet not the last."""
    found, following = await search(connection, "*", wanted)
    return JobSlice(jobs=[job_of(row) for row in found], next=following)


async def search(connection: Connection, columns: str, wanted: JobFilter) -> tuple[list["asyncpg.Record"], UUID | None]:
    """The next rows that the filter wants, of these columns (SQL of ours, `id` among them), and where to go on."""
    rows = await connection.fetch(_statement("search", wanted, columns), *_parameters(wanted, wanted.limit + 1))
    if len(rows) > wanted.limit:
        return rows[: wanted.limit], rows[wanted.limit - 1]["id"]
    # Saves the reader from going through the whole record for a state that no job is in.
    if not rows and wanted.is_counted and not (await count_jobs(connection, wanted)).number:
        return rows, None
    return rows, await _end_of_slice(connection, wanted)


async def find_jobs(connection: Connection, wanted: JobFilter) -> list[Job]:
    """The first jobs that the filter wants, however many slices it takes to find `limit` of them."""
    found = await search_jobs(connection, wanted)
    jobs = found.jobs
    while found.next is not None and len(jobs) < wanted.limit:
        wanted = replace(wanted, before=found.next, offset=0)
        found = await search_jobs(connection, replace(wanted, limit=wanted.limit - len(jobs)))
        jobs += found.jobs
    return jobs


async def search_job_ids(connection: Connection, wanted: JobFilter) -> IdSlice:
    """The ids of the next jobs that the filter wants."""
    rows = await connection.fetch(_statement("search", wanted, "id"), *_parameters(wanted, wanted.limit))
    ids = [row["id"] for row in rows]
    if len(ids) == wanted.limit:
        return IdSlice(ids=ids, next=ids[-1])
    return IdSlice(ids=ids, next=await _end_of_slice(connection, wanted))


async def count_jobs(connection: Connection, wanted: JobFilter) -> JobCount:
    """How many jobs the filter wants, whatever its page."""
    if wanted.is_counted:
        counted = await connection.fetchval(statement("count_jobs"), wanted.status, wanted.job_type, wanted.queue)
        return JobCount(number=counted, is_exact=True)
    found = await search_job_ids(connection, replace(wanted, before=None, limit=_MOST_COUNTED, offset=0))
    return JobCount(number=len(found.ids), is_exact=found.next is None)


@cache
def _composed(name: str, slice: str, columns: str) -> str:
    return statement(name).format(slice=statement(slice), columns=columns)


def _statement(name: str, wanted: JobFilter, columns: str = "id") -> str:
    """The statement, on the slice whose index serves the filter."""
    if wanted.status in _FAR_APART:
        return _composed(name, f"slice_{wanted.status}", columns)
    return _composed(name, "slice_scheduled" if wanted.scheduled else "slice_jobs", columns)


def _parameters(wanted: JobFilter, limit: int) -> list[Any]:
    patterns = [f"%{_escaped(word)}%" for word in wanted.words]
    return [*_slice(wanted), wanted.status, wanted.job_type, wanted.queue, patterns, limit, wanted.offset]


def _slice(wanted: JobFilter) -> tuple[UUID, UUID, int]:
    """The ids between which the slice lies, the first exclusive, and its size."""
    until = first_job_id(wanted.until) if wanted.until else _LAST
    since = first_job_id(wanted.since) if wanted.since else _FIRST
    size = _SLICE_FOR_WORDS if wanted.words else _SLICE
    if wanted.scheduled or wanted.status in _FAR_APART:
        size = min(size, _SLICE_FAR_APART)
    return min(wanted.before or _LAST, until), since, size


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")


async def _end_of_slice(connection: Connection, wanted: JobFilter) -> UUID | None:
    """Where a search that found too little stopped; None when it saw all there is."""
    end: UUID | None = await connection.fetchval(_statement("find_end_of_slice", wanted), *_slice(wanted))
    return end

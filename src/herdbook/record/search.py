"""Finds and counts the jobs that match a filter, newest first.

A search never reads more than a bounded slice of the record, so a page costs the same however long the record is.
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

# Jobs that one search examines. Matching texts costs more, and so does reading jobs that are scattered over
# the table: failed, cancelled and scheduled ones.
_SLICE = 20_000
_SLICE_FOR_WORDS = 5_000
_SLICE_SCATTERED = 2_000
_MAX_COUNTED = 100_000
_SCATTERED = (JobStatus.FAILED, JobStatus.CANCELLED)
_HIGHEST_ID = UUID(int=2**128 - 1)
_LOWEST_ID = UUID(int=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """Selects jobs.

    `words` must each occur in the data, the error or an id. `since` and `until` bound the publishing
    time. `scheduled` selects only jobs that wait for a time. `before` is the id at which the previous
    page ended.
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
        """Whether the record maintains a count of the matching jobs."""
        return not (self.words or self.since or self.until or self.scheduled or self.before)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSlice:
    """What a search found, newest first; continue with `before=next`, None at the end."""

    jobs: list[Job]
    next: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IdSlice:
    """The same with ids only."""

    ids: list[UUID]
    next: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCount:
    """How many jobs match a filter; a lower bound if `is_exact` is false."""

    number: int
    is_exact: bool


async def search_jobs(connection: Connection, wanted: JobFilter, *, max_bytes: int | None = None) -> JobSlice:
    """The next jobs that match the filter. A slice may be short, even empty, without being the last.

    If `max_bytes` is given, it ends with the job that exceeds so many bytes of JSON.
    """
    found, following = await search(connection, "*", wanted, max_bytes=max_bytes)
    return JobSlice(jobs=[job_of(row) for row in found], next=following)


async def search(
    connection: Connection, columns: str, wanted: JobFilter, *, max_bytes: int | None = None
) -> tuple[list["asyncpg.Record"], UUID | None]:
    """The next rows that match the filter, with these columns (our own SQL, including `id`), and where to continue.

    `max_bytes` limits their JSON; all columns are needed to measure it.
    """
    query = _statement("search", wanted, columns)
    parameters = _parameters(wanted, wanted.limit + 1)
    if max_bytes is None:
        rows = await connection.fetch(query, *parameters)
        number_found = len(rows)
    else:
        rows = await connection.fetch(_measured(query), *parameters, max_bytes)
        number_found = rows[0]["number_found"] if rows else 0
    page = rows[: wanted.limit]
    if number_found > len(page):
        return page, page[-1]["id"]
    # Saves the reader from paging through the whole record for a status that no job has.
    if not rows and wanted.is_counted and not (await count_jobs(connection, wanted)).number:
        return rows, None
    return rows, await _end_of_slice(connection, wanted)


async def find_jobs(connection: Connection, wanted: JobFilter) -> list[Job]:
    """The first `limit` jobs that match the filter, however many slices it takes to find them."""
    found = await search_jobs(connection, wanted)
    jobs = found.jobs
    while found.next is not None and len(jobs) < wanted.limit:
        wanted = replace(wanted, before=found.next, offset=0)
        found = await search_jobs(connection, replace(wanted, limit=wanted.limit - len(jobs)))
        jobs += found.jobs
    return jobs


async def search_job_ids(connection: Connection, wanted: JobFilter) -> IdSlice:
    """The ids of the next jobs that match the filter."""
    rows = await connection.fetch(_statement("search", wanted, "id"), *_parameters(wanted, wanted.limit))
    ids = [row["id"] for row in rows]
    if len(ids) == wanted.limit:
        return IdSlice(ids=ids, next=ids[-1])
    return IdSlice(ids=ids, next=await _end_of_slice(connection, wanted))


async def count_jobs(connection: Connection, wanted: JobFilter) -> JobCount:
    """How many jobs match the filter, whatever its page."""
    if wanted.is_counted:
        counted = await connection.fetchval(statement("count_jobs"), wanted.status, wanted.job_type, wanted.queue)
        return JobCount(number=counted, is_exact=True)
    found = await search_job_ids(connection, replace(wanted, before=None, limit=_MAX_COUNTED, offset=0))
    return JobCount(number=len(found.ids), is_exact=found.next is None)


@cache
def _measured(query: str) -> str:
    return statement("search_up_to_bytes").format(search=query)


@cache
def _composed(name: str, slice: str, columns: str) -> str:
    return statement(name).format(slice=statement(slice), columns=columns)


def _statement(name: str, wanted: JobFilter, columns: str = "id") -> str:
    """The statement on the slice whose index fits the filter."""
    if wanted.status in _SCATTERED:
        return _composed(name, f"slice_{wanted.status}", columns)
    return _composed(name, "slice_scheduled" if wanted.scheduled else "slice_jobs", columns)


def _parameters(wanted: JobFilter, limit: int) -> list[Any]:
    patterns = [f"%{_escape_like(word)}%" for word in wanted.words]
    return [*_slice(wanted), wanted.status, wanted.job_type, wanted.queue, patterns, limit, wanted.offset]


def _slice(wanted: JobFilter) -> tuple[UUID, UUID, int]:
    """The upper (exclusive) and lower bound of the ids in the slice, and its size."""
    until = first_job_id(wanted.until) if wanted.until else _HIGHEST_ID
    since = first_job_id(wanted.since) if wanted.since else _LOWEST_ID
    size = _SLICE_FOR_WORDS if wanted.words else _SLICE
    if wanted.scheduled or wanted.status in _SCATTERED:
        size = min(size, _SLICE_SCATTERED)
    return min(wanted.before or _HIGHEST_ID, until), since, size


def _escape_like(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")


async def _end_of_slice(connection: Connection, wanted: JobFilter) -> UUID | None:
    """Where a search that found too little stopped; None if it reached the end of the record."""
    end: UUID | None = await connection.fetchval(_statement("find_end_of_slice", wanted), *_slice(wanted))
    return end

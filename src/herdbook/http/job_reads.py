"""The routes that read jobs: one with its attempts, its log, and lists."""

from dataclasses import replace
from typing import Annotated, Any
from uuid import UUID

from fastapi import FastAPI, Query
from pydantic import Field, field_validator, model_validator
from pydantic_core.core_schema import ValidationInfo

from herdbook.errors import JobNotFoundError
from herdbook.http.filters import JobFilterFields
from herdbook.http.openapi import problem_responses
from herdbook.http.schemas import AttemptView, JobDetail, JobPage, JobView, LogLineView, LogPage
from herdbook.model.ids import parse_queue_job_id
from herdbook.model.job import Job
from herdbook.model.options import CamelModel
from herdbook.record.database import Connection, Database
from herdbook.record.reads import read_attempts, read_job, read_logs
from herdbook.record.search import JobFilter, search_jobs


class _FormQuery(CamelModel):
    """A query string in which an empty value counts as left out, as forms send it."""

    @model_validator(mode="before")
    @classmethod
    def _drop_empty(cls, values: Any) -> Any:
        return {name: value for name, value in values.items() if value != ""} if isinstance(values, dict) else values


class ResultsQuery(JobFilterFields, _FormQuery):
    """Which jobs to list."""

    limit: int = Field(default=50, ge=1, le=500, description="Jobs per page.")
    offset: int | None = Field(default=None, ge=0, le=10_000, description="Number of jobs to skip.")
    cursor: UUID | None = Field(
        default=None, description="`nextCursor` of the previous page; cannot be combined with `offset`."
    )

    @field_validator("cursor")
    @classmethod
    def _one_start(cls, cursor: UUID | None, info: ValidationInfo) -> UUID | None:
        if cursor is not None and info.data.get("offset") is not None:
            raise ValueError("give either cursor or offset")
        return cursor

    def job_filter(self) -> JobFilter:
        """The filter for a search in the record, with the page to read."""
        return replace(super().job_filter(), before=self.cursor, limit=self.limit, offset=self.offset or 0)


class LogsQuery(_FormQuery):
    """Which lines of a log to read."""

    after: int = Field(default=0, ge=0, le=2**63 - 1, description="Only lines after the one with this id.")
    limit: int = Field(default=1_000, ge=1, le=1_000, description="Maximum number of lines.")


class JobRoutes:
    """`GET /api/jobs/{id}`, its log, and `GET /api/results`."""

    def __init__(self, database: Database, *, max_page_bytes: int) -> None:
        self._database = database
        self._max_bytes = max_page_bytes

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to `app`."""
        app.get("/api/jobs/{id}", responses=problem_responses(404, 422, 503), tags=["jobs"])(self.job)
        app.get("/api/jobs/{id}/logs", responses=problem_responses(404, 422, 503), tags=["jobs"])(self.logs)
        app.get("/api/results", responses=problem_responses(422, 503), tags=["jobs"])(self.results)

    async def job(self, id: str) -> JobDetail:
        """Everything recorded about a job, by its id or its id in the queue."""
        async with self._database.connection() as connection:
            job = await find_job(connection, id)
            attempts = await read_attempts(connection, job)
        return JobDetail.of(job, attempts=[AttemptView.of(one) for one in attempts])

    async def logs(self, id: str, query: Annotated[LogsQuery, Query()]) -> LogPage:
        """The lines that a job logged, oldest first.

        A page of very long lines has fewer than `limit`; only an empty page is the last.
        """
        async with self._database.connection() as connection:
            job = await find_job(connection, id)
            lines = await read_logs(connection, job.id, after=query.after, limit=query.limit, max_bytes=self._max_bytes)
        next_after = lines[-1].id if lines else query.after
        return LogPage(lines=[LogLineView.of(line) for line in lines], next_after=next_after)

    async def results(self, query: Annotated[ResultsQuery, Query()]) -> JobPage:
        """List jobs, newest first.

        Each request searches up to 20,000 jobs (5,000 with `words`), and a page ends at 10 MB unless
        `HERDBOOK_MAX_PAGE_BYTES` says otherwise, so it can be short or even empty before the last one.
        Only a null `nextCursor` marks the last page; with `offset`, go on at `offset` plus `count`.
        """
        async with self._database.connection() as connection:
            found = await search_jobs(connection, query.job_filter(), max_bytes=self._max_bytes)
        jobs = found.jobs
        return JobPage(
            jobs=[JobView.of(job) for job in jobs],
            count=len(jobs),
            limit=query.limit,
            offset=query.offset or 0,
            next_cursor=str(found.next) if found.next else None,
        )


async def find_job(connection: Connection, id: str) -> Job:
    """The job with this id, in the record or in the queue; raises JobNotFoundError."""
    uuid, generation = parse_job_id(id)
    job = await read_job(connection, uuid)
    if generation > job.generation:
        raise JobNotFoundError(f"job {uuid} has no generation {generation}")
    return job


def parse_job_id(id: str) -> tuple[UUID, int]:
    """The record's id and the generation; raises JobNotFoundError if this is not an id of ours."""
    found = parse_queue_job_id(id)
    if found is None:
        raise JobNotFoundError("not a job id")
    return found

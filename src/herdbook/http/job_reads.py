"""Takes a job's id, or what a list of jobs should show.

Gives what the record knows of it.
Never changes anything.
"""

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
    """A query string; like in a form that was sent as it is, an empty value is none."""

    @model_validator(mode="before")
    @classmethod
    def _drop_empty(cls, values: Any) -> Any:
        return {name: value for name, value in values.items() if value != ""} if isinstance(values, dict) else values


class ResultsQuery(JobFilterFields, _FormQuery):
    """Which jobs a list shows."""

    limit: int = Field(default=50, ge=1, le=500, description="Jobs on a page.")
    offset: int | None = Field(default=None, ge=0, le=10_000, description="Jobs to leave out.")
    cursor: UUID | None = Field(default=None, description="The page before's `nextCursor`, instead of an offset.")

    @field_validator("cursor")
    @classmethod
    def _one_start(cls, cursor: UUID | None, info: ValidationInfo) -> UUID | None:
        if cursor is not None and info.data.get("offset") is not None:
            raise ValueError("give cursor or offset, not both")
        return cursor

    def wanted(self) -> JobFilter:
        """The question to the record."""
        return replace(super().wanted(), before=self.cursor, limit=self.limit, offset=self.offset or 0)


class LogsQuery(_FormQuery):
    """Which lines of a log to read."""

    after: int = Field(default=0, ge=0, le=2**63 - 1, description="Leave out lines up to this id.")
    limit: int = Field(default=1_000, ge=1, le=1_000, description="Lines at most.")


class JobReading:
    """The routes that read jobs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to `app`."""
        app.get("/api/jobs/{id}", responses=problem_responses(404, 422, 503), tags=["jobs"])(self.job)
        app.get("/api/jobs/{id}/logs", responses=problem_responses(404, 422, 503), tags=["jobs"])(self.logs)
        app.get("/api/results", responses=problem_responses(422, 503), tags=["jobs"])(self.results)

    async def job(self, id: str) -> JobDetail:
        """Everything that is recorded of a job; the id may be the one in the queue."""
        async with self._database.connection() as connection:
            job = await find_job(connection, id)
            attempts = await read_attempts(connection, job)
        return JobDetail.of(job, attempts=[AttemptView.of(one) for one in attempts])

    async def logs(self, id: str, query: Annotated[LogsQuery, Query()]) -> LogPage:
        """The lines that a job logged, in order."""
        async with self._database.connection() as connection:
            job = await find_job(connection, id)
            lines = await read_logs(connection, job.id, after=query.after, limit=query.limit)
        next_after = lines[-1].id if lines else query.after
        return LogPage(lines=[LogLineView.of(line) for line in lines], next_after=next_after)

    async def results(self, query: Annotated[ResultsQuery, Query()]) -> JobPage:
        """Jobs, newest first.

        A search looks at the newest 20,000 jobs at a time (5,000 when it is for words), so a page may
        be short, even empty, and yet not the last: only a null `nextCursor` is the end.
        """
        async with self._database.connection() as connection:
            found = await search_jobs(connection, query.wanted())
        jobs = found.jobs
        return JobPage(
            jobs=[JobView.of(job) for job in jobs],
            count=len(jobs),
            limit=query.limit,
            offset=query.offset or 0,
            next_cursor=str(found.next) if found.next else None,
        )


async def find_job(connection: Connection, id: str) -> Job:
    """The job of this id, the record's or the queue's; raises JobNotFoundError."""
    uuid, generation = parse_job_id(id)
    job = await read_job(connection, uuid)
    if generation > job.generation:
        raise JobNotFoundError(f"job {uuid} has no generation {generation}")
    return job


def parse_job_id(id: str) -> tuple[UUID, int]:
    """The record's id and the generation; raises JobNotFoundError when it is no id of ours."""
    found = parse_queue_job_id(id)
    if found is None:
        raise JobNotFoundError("this is not the id of a job")
    return found

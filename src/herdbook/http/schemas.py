"""The JSON of jobs, job types, queues and workers, for the API and for `--json`: camelCase, times in UTC."""

from dataclasses import fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

from pydantic import Field

from herdbook.model.job import Attempt, AttemptOutcome, Job, JobStatus
from herdbook.model.options import Backoff, CamelModel
from herdbook.model.processor import ExecutorKind
from herdbook.model.registry import JobType
from herdbook.record.reads import StoredLogLine
from herdbook.record.workers import WorkerRow

if TYPE_CHECKING:  # At run time it would import the Redis client, which commands that print JSON do without.
    from herdbook.operating.queue_stats import QueueStats

# Columns that have the same name outside.
_JOB_FIELDS = frozenset(Job.__slots__) - {"id", "job_id"}


class JobView(CamelModel):
    """A job as it is recorded."""

    job_id: UUID
    queue_job_id: str = Field(description="The job's id in its BullMQ queue.")
    job_type: str
    queue: str
    status: JobStatus
    job_data: Any
    result: Any
    error_message: str | None = Field(description="Why the last attempt failed.")
    progress: Any
    priority: int
    run_at: datetime | None = Field(description="The job does not run before this time.")
    max_attempts: int
    backoff: Backoff | None
    timeout_ms: int | None = Field(
        description="Time limit of one attempt in milliseconds; null if the job type's own limit applies."
    )
    callback_url: str | None = Field(description="Receives a POST when the job is finished.")
    attempt: int = Field(description="The number of the latest attempt; 0 before the first.")
    generation: int = Field(description="How many times an operator has retried the job.")
    worker: str | None = Field(description="The worker that is running the job.")
    waited_ms: int | None = Field(
        description="Milliseconds from when the latest attempt was ready to run until it started."
    )
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    completed_at: datetime | None = Field(description="When the job completed, failed or was cancelled.")

    @classmethod
    def of(cls, job: Job, **more: Any) -> Self:
        """The view of a job; `more` are the additional fields of a subclass."""
        same = {name: getattr(job, name) for name in _JOB_FIELDS}
        return cls(job_id=job.id, queue_job_id=job.job_id, **same, **more)


class AttemptView(CamelModel):
    """One attempt at a job."""

    generation: int
    number: int
    worker: str | None
    started_at: datetime | None
    ended_at: datetime | None = Field(description="Null while it is running.")
    outcome: AttemptOutcome | None = Field(description="Null while it is running.")
    error_type: str | None
    error_message: str | None
    stack_trace: str | None
    waited_ms: int | None = Field(description="Milliseconds from when it was ready to run until it started.")

    @classmethod
    def of(cls, attempt: Attempt) -> Self:
        """The view of an attempt."""
        return cls(**{name: getattr(attempt, name) for name in Attempt.__slots__})


class JobDetail(JobView):
    """A job and its attempts."""

    attempts: list[AttemptView]


class LogLineView(CamelModel):
    """A line of a job's log."""

    id: int
    generation: int
    attempt: int
    logged_at: datetime
    message: str

    @classmethod
    def of(cls, line: StoredLogLine) -> Self:
        """The view of a log line."""
        return cls(**{name: getattr(line, name) for name in StoredLogLine.__slots__})


class JobDetailWithLogs(JobDetail):
    """A job, its attempts and its log."""

    logs: list[LogLineView]


class LogPage(CamelModel):
    """Part of a job's log, oldest line first."""

    lines: list[LogLineView]
    next_after: int = Field(description="Pass this as `after` to get the next page.")


class JobPage(CamelModel):
    """A page of jobs, newest first."""

    jobs: list[JobView]
    count: int = Field(description="Number of jobs on this page.")
    limit: int
    offset: int
    next_cursor: str | None = Field(description="Pass this as `cursor` to get the next page; null on the last page.")


class JobTypeView(CamelModel):
    """A declared job type."""

    name: str
    queue: str
    description: str
    attempts: int
    backoff: Backoff | None
    has_own_backoff: bool = Field(description="Whether the application computes the backoff itself.")
    timeout: float | None = Field(description="Time limit of one attempt in seconds; null if there is none.")
    executor: ExecutorKind | None = Field(
        description="How this application runs the job; null if another program does."
    )
    has_processor: bool = Field(description="Whether workers of this application run the job.")
    payload_schema: dict[str, Any] = Field(alias="schema", description="JSON Schema of the job data.")

    @classmethod
    def of(cls, job_type: JobType) -> Self:
        """The view of a job type."""
        return cls(
            name=job_type.name,
            queue=job_type.queue,
            description=job_type.description,
            attempts=job_type.attempts,
            backoff=job_type.backoff,
            has_own_backoff=job_type.own_backoff is not None,
            timeout=job_type.timeout,
            executor=job_type.executor if job_type.function else None,
            has_processor=job_type.function is not None,
            payload_schema=job_type.payload.json_schema(by_alias=True),
        )


class JobTypeList(CamelModel):
    """The declared job types."""

    job_types: list[JobTypeView]


class QueueView(CamelModel):
    """A queue and its jobs by BullMQ state."""

    name: str
    counts: dict[str, int]
    paused: bool
    oldest_waiting_seconds: float | None = Field(
        description="How long the next job has been ready to run; null if none is waiting."
    )
    rate_per_minute: float = Field(
        description="Jobs completed or failed per minute, averaged over the last five minutes."
    )

    @classmethod
    def of(cls, stats: "QueueStats") -> Self:
        """The view of a queue."""
        return cls(
            name=stats.name,
            counts=stats.counts,
            paused=stats.paused,
            oldest_waiting_seconds=stats.oldest_waiting,
            rate_per_minute=round(stats.rate, 2),
        )


class QueueList(CamelModel):
    """The known queues: declared by applications, or with jobs in them."""

    queues: list[QueueView]


class WorkerView(CamelModel):
    """A worker that was seen within the last day."""

    id: str
    host: str
    pid: int
    queues: list[str]
    concurrency: int
    running: int
    state: str
    started_at: datetime
    heartbeat_at: datetime
    seconds_silent: float
    clock_ahead: float | None = Field(
        description="Seconds by which its clock is ahead of PostgreSQL's, negative if it is behind."
    )
    alive: bool = Field(description="Whether it sent a heartbeat in the last 15 seconds.")

    @classmethod
    def of(cls, worker: WorkerRow) -> Self:
        """The view of a worker."""
        values = {one.name: getattr(worker, one.name) for one in fields(WorkerRow)}
        return cls(**values, alive=not worker.is_silent)


class WorkerList(CamelModel):
    """The workers, oldest first."""

    workers: list[WorkerView]


class Stats(CamelModel):
    """The number of jobs in each state."""

    total: dict[JobStatus, int]
    by_type: dict[str, dict[JobStatus, int]]


class Health(CamelModel):
    """The process is alive."""

    status: str


class Check(CamelModel):
    """One readiness check."""

    ok: bool
    detail: str


class Readiness(CamelModel):
    """Whether the system is ready to do its work."""

    status: str
    checks: dict[str, Check]


class FieldError(CamelModel):
    """One error in a request."""

    path: str = Field(description="The field, such as `jobData.to.0`, `options.delay` or `limit`.")
    message: str


class Problem(CamelModel):
    """An error response (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[FieldError] | None = None

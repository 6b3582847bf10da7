"""Takes what the record and the queue know.

Gives it the shape it has in JSON: camelCase, times in UTC with a Z.
Never reads anything itself.
"""

from dataclasses import fields
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import Field

from herdbook.model.job import Attempt, AttemptOutcome, Job, JobStatus
from herdbook.model.options import Backoff, CamelModel
from herdbook.model.processor import ExecutorKind
from herdbook.model.registry import JobType
from herdbook.operating.queue_stats import QueueStats
from herdbook.record.reads import StoredLogLine
from herdbook.record.workers import WorkerRow

# Columns that have the same name outside.
_JOB_FIELDS = frozenset(Job.__slots__) - {"id", "job_id"}


class JobView(CamelModel):
    """A job as the record has it."""

    job_id: UUID = Field(description="The record's id of the job.")
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
        description="Milliseconds that one attempt may take; null where the job type's own limit holds."
    )
    callback_url: str | None = Field(description="Who is told when the job is final.")
    attempt: int = Field(description="The newest attempt, from 1; 0 before the first.")
    generation: int = Field(description="How often an operator had the job start anew.")
    worker: str | None = Field(description="Who runs the job now.")
    waited_ms: int | None = Field(
        description="Milliseconds that the newest attempt waited from when it could have run."
    )
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    completed_at: datetime | None = Field(description="When the job became completed, failed or cancelled.")

    @classmethod
    def of(cls, job: Job, **more: Any) -> Self:
        """The view of a job; `more` are the fields of a wider view."""
        same = {name: getattr(job, name) for name in _JOB_FIELDS}
        return cls(job_id=job.id, queue_job_id=job.job_id, **same, **more)


class AttemptView(CamelModel):
    """One try at a job."""

    generation: int
    number: int
    worker: str | None
    started_at: datetime | None
    ended_at: datetime | None = Field(description="None while it runs.")
    outcome: AttemptOutcome | None = Field(description="None while it runs.")
    error_type: str | None
    error_message: str | None
    stack_trace: str | None
    waited_ms: int | None = Field(description="Milliseconds from when it could have run until it ran.")

    @classmethod
    def of(cls, attempt: Attempt) -> Self:
        """The view of an attempt."""
        return cls(**{name: getattr(attempt, name) for name in Attempt.__slots__})


class JobDetail(JobView):
    """A job with each of its attempts."""

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
        """The view of a line."""
        return cls(**{name: getattr(line, name) for name in StoredLogLine.__slots__})


class LogPage(CamelModel):
    """Lines of a job's log, in the order they were written."""

    lines: list[LogLineView]
    next_after: int = Field(description="Give it as `after` to read on.")


class JobPage(CamelModel):
    """Jobs, newest first."""

    jobs: list[JobView]
    count: int = Field(description="Jobs on this page.")
    limit: int
    offset: int
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last.")


class JobTypeView(CamelModel):
    """A declared job type."""

    name: str
    queue: str
    description: str
    attempts: int
    backoff: Backoff | None
    has_own_backoff: bool = Field(description="Whether a function of the program says how long to wait between tries.")
    timeout: float | None = Field(
        description="Seconds that one attempt may take; null where this program sets no limit."
    )
    executor: ExecutorKind | None = Field(description="How this program runs the work; null where it runs elsewhere.")
    has_processor: bool = Field(description="Whether the work runs in this program's workers.")
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
    """The job types that this program declares."""

    job_types: list[JobTypeView]


class QueueView(CamelModel):
    """A queue's jobs by BullMQ state."""

    name: str
    counts: dict[str, int]
    paused: bool
    oldest_waiting_seconds: float | None = Field(
        description="How long the next job has been ready to run; null when none waits."
    )
    rate_per_minute: float = Field(description="Jobs that completed or failed per minute, over the last five.")

    @classmethod
    def of(cls, state: QueueStats) -> Self:
        """The view of a queue."""
        return cls(
            name=state.name,
            counts=state.counts,
            paused=state.paused,
            oldest_waiting_seconds=state.oldest_waiting,
            rate_per_minute=round(state.rate, 2),
        )


class QueueList(CamelModel):
    """The queues that programs declared, or that jobs are in."""

    queues: list[QueueView]


class WorkerView(CamelModel):
    """A worker that was heard of within a day."""

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
    alive: bool = Field(description="Whether it was heard of in the last 15 seconds.")

    @classmethod
    def of(cls, worker: WorkerRow) -> Self:
        """The view of a worker."""
        values = {one.name: getattr(worker, one.name) for one in fields(WorkerRow)}
        return cls(**values, alive=not worker.is_silent)


class WorkerList(CamelModel):
    """The workers, the oldest first."""

    workers: list[WorkerView]


class Stats(CamelModel):
    """How many jobs are in each state."""

    total: dict[JobStatus, int]
    by_type: dict[str, dict[JobStatus, int]]


class Health(CamelModel):
    """The process answers."""

    status: str


class Check(CamelModel):
    """One thing that has to be well."""

    ok: bool
    detail: str


class Readiness(CamelModel):
    """Whether the system can do its work."""

    status: str
    checks: dict[str, Check]


class FieldError(CamelModel):
    """One thing wrong with a request."""

    path: str = Field(description="Where, such as `jobData.to.0`, `options.delay` or `limit`.")
    message: str


class Problem(CamelModel):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[FieldError] | None = None

"""Jobs, their states and the transitions between them, and their attempts."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from herdbook.model.fast_dataclass import fast_dataclass
from herdbook.model.options import Backoff

# In characters.
LONGEST_TRACE_CONTEXT = 2_000


class JobStatus(StrEnum):
    """The states of a job; no others are ever shown."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether a job in this state is finished, unless an operator retries it."""
        return self in FINAL_STATUSES


FINAL_STATUSES = frozenset({JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED})

ALLOWED_MOVES: dict[JobStatus, frozenset[JobStatus]] = {
    JobStatus.PENDING: frozenset({JobStatus.PROCESSING, JobStatus.CANCELLED}),
    JobStatus.PROCESSING: frozenset(JobStatus) - {JobStatus.PROCESSING},
    JobStatus.COMPLETED: frozenset(),
    # To pending: an operator's retry, in a new generation. To processing: a retry made in the
    # queue itself (Bull Board), which reopens the job under its old id.
    JobStatus.FAILED: frozenset({JobStatus.PENDING, JobStatus.PROCESSING}),
    JobStatus.CANCELLED: frozenset({JobStatus.PENDING}),
}


class AttemptOutcome(StrEnum):
    """How one attempt ended.

    `LOST`: its worker vanished. `RELEASED`: its worker stopped and handed it back. `SNOOZED`: it asked
    to run again later. The last two do not count towards the job's attempts.
    """

    COMPLETED = "completed"
    RETRY = "retry"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"
    RELEASED = "released"
    SNOOZED = "snoozed"


# Of a delivery whose id does not tell its generation: another client's job keeps its id when it is retried.
ANY_GENERATION = -1


@fast_dataclass
class AttemptKey:
    """Identifies one attempt at a job; later attempts are greater in (generation, number).

    Until it is claimed, an attempt at another client's job has `ANY_GENERATION`.
    """

    job: UUID
    generation: int
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt at a job.

    `number` counts from 1 within the generation. `ended_at` and `outcome` are None while it runs.
    """

    generation: int
    number: int
    worker: str | None
    started_at: datetime | None
    ended_at: datetime | None
    outcome: AttemptOutcome | None
    error_type: str | None = None
    error_message: str | None = None
    stack_trace: str | None = None
    waited_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as recorded. `job_data`, `result` and `progress` are JSON values.

    `waited_ms` is how long the newest attempt waited after it was due. `timeout_ms` is None
    if the job has no time limit of its own; its type's applies then.
    """

    id: UUID
    job_id: str
    queue: str
    job_type: str
    status: JobStatus
    job_data: Any
    result: Any
    error_message: str | None
    progress: Any
    priority: int
    run_at: datetime | None
    max_attempts: int
    backoff: Backoff | None
    attempt: int
    generation: int
    worker: str | None
    waited_ms: int | None
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    timeout_ms: int | None = None
    callback_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """A validated job, not yet recorded. `job_data` and `backoff` are JSON texts.

    Instead of a `run_at` it may have a `delay` in milliseconds, which PostgreSQL counts from when the job is recorded.
    `trace_context` lets its trace continue in the worker, see `observe.tracing`.
    """

    id: UUID
    queue: str
    job_type: str
    job_data: str
    priority: int
    run_at: datetime | None
    max_attempts: int
    backoff: str | None
    idempotency_key: str | None = None
    fingerprint: bytes | None = None
    timeout_ms: int | None = None
    callback_url: str | None = None
    trace_context: str | None = None
    delay: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalJob:
    """A job that another BullMQ client published. `job_data` and `backoff` are JSON texts."""

    id: UUID
    job_id: str
    queue: str
    job_type: str
    job_data: str
    priority: int
    max_attempts: int
    backoff: str | None
    created_at: datetime
    trace_context: str | None

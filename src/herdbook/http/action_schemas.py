"""The JSON of operators' actions: request bodies and the responses to them."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, model_validator

from herdbook.http.filters import JobFilterFields
from herdbook.model.options import CamelModel
from herdbook.operating.control import NO_REASON, Operation, OperationAction
from herdbook.record.search import JobFilter

MOST_LISTED = 10_000
LONGEST_REASON = 1_000
Reason = Annotated[
    str,
    Field(
        min_length=1, max_length=LONGEST_REASON, pattern=r"^[^\x00]+$", description="Recorded as the error of each job."
    ),
]


class CancelBody(CamelModel):
    """Why to cancel a job."""

    reason: Reason = NO_REASON


class FilterBody(JobFilterFields):
    """Which jobs to select; fields that are left out match any job."""

    @classmethod
    def of(cls, filter: JobFilter) -> Self:
        """The filter as JSON."""
        return cls(
            status=filter.status,
            job_type=filter.job_type,
            queue=filter.queue,
            words=" ".join(filter.words) or None,
            since=filter.since,
            until=filter.until,
        )


class BulkAction(CamelModel):
    """The jobs to act on: those that match `filter` (`{}` matches all), or those in `jobIds`."""

    filter: FilterBody | None = None
    job_ids: list[UUID] | None = Field(default=None, min_length=1, max_length=MOST_LISTED)
    dry_run: bool = Field(default=False, description="Only count the jobs.")

    @model_validator(mode="after")
    def _one_choice(self) -> Self:
        if (self.filter is None) == (self.job_ids is None):
            raise ValueError("give either filter or jobIds")
        return self

    def selection(self) -> JobFilter | list[UUID]:
        """The jobs to act on, for `Control`."""
        return self.filter.job_filter() if self.filter is not None else self.job_ids or []


class BulkCancellation(BulkAction):
    """The jobs to cancel, and why."""

    reason: Reason | None = None


class DryRun(CamelModel):
    """The number of jobs an operation would check."""

    expected: int
    is_exact: bool = Field(description="If false, `expected` is a lower bound.")


class StartedOperation(CamelModel):
    """An operation that has been started."""

    operation_id: UUID
    expected: int = Field(description="Number of jobs it will check; a lower bound.")


class OperationProblem(CamelModel):
    """A job that an operation skipped, and why."""

    job_id: UUID
    reason: str


class OperationView(CamelModel):
    """An action on many jobs, and its progress."""

    operation_id: UUID
    action: OperationAction
    filter: FilterBody | None = Field(description="Null if the jobs were given by id.")
    reason: str | None = Field(description="Why the jobs are cancelled, if a reason was given.")
    expected: int = Field(description="Number of jobs to check when it started; a lower bound.")
    changed: int
    skipped: int = Field(description="Number of jobs whose state did not allow the action.")
    problems: list[OperationProblem] = Field(description="The first of the skipped jobs.")
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, operation: Operation) -> Self:
        """The view of an operation."""
        return cls(
            operation_id=operation.id,
            action=operation.action,
            filter=FilterBody.of(operation.wanted) if isinstance(operation.wanted, JobFilter) else None,
            reason=operation.reason,
            expected=operation.expected,
            changed=operation.changed,
            skipped=operation.skipped,
            problems=[OperationProblem(job_id=job, reason=reason) for job, reason in operation.problems],
            created_at=operation.created_at,
            updated_at=operation.updated_at,
            finished_at=operation.finished_at,
        )


class OperationList(CamelModel):
    """Operations, newest first."""

    operations: list[OperationView]


class QueuePause(CamelModel):
    """Whether a queue is to be paused; the relay applies it."""

    queue: str
    paused: bool


class QueueCleaning(CamelModel):
    """A queue whose completed jobs are about to be removed from Redis."""

    queue: str

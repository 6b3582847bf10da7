"""Takes what operators ask for in JSON, and what came of it.

Gives the question to `control`, and the answer its shape.
Never does anything itself.
"""

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
    """Why a job is cancelled."""

    reason: Reason = NO_REASON


class FilterBody(JobFilterFields):
    """Which jobs are wanted; what is left out is any."""

    @classmethod
    def of(cls, wanted: JobFilter) -> Self:
        """The filter as it is written in JSON."""
        return cls(
            status=wanted.status,
            job_type=wanted.job_type,
            queue=wanted.queue,
            words=" ".join(wanted.words) or None,
            since=wanted.since,
            until=wanted.until,
        )


class BulkAction(CamelModel):
    """On which jobs to act: those that a filter finds (`{}` finds all), or those listed."""

    filter: FilterBody | None = None
    job_ids: list[UUID] | None = Field(default=None, min_length=1, max_length=MOST_LISTED)
    dry_run: bool = Field(default=False, description="Only tell how many jobs it would look at.")

    @model_validator(mode="after")
    def _one_choice(self) -> Self:
        if (self.filter is None) == (self.job_ids is None):
            raise ValueError("give filter or jobIds, one of them")
        return self

    def wanted(self) -> JobFilter | list[UUID]:
        """The question to `control`."""
        return self.filter.wanted() if self.filter is not None else self.job_ids or []


class BulkCancellation(BulkAction):
    """Which jobs to cancel, and why."""

    reason: Reason | None = None


class Expected(CamelModel):
    """How many jobs an operation would look at."""

    expected: int
    is_exact: bool = Field(description="False: at least so many.")


class BegunOperation(CamelModel):
    """An operation that has begun."""

    operation_id: UUID
    expected: int = Field(description="Jobs it will look at, at least.")


class OperationProblem(CamelModel):
    """A job that an operation left as it was, and why."""

    job_id: UUID
    reason: str


class OperationView(CamelModel):
    """An action on many jobs, and how far it has come."""

    operation_id: UUID
    action: OperationAction
    filter: FilterBody | None = Field(description="Null when the jobs were listed.")
    reason: str | None = Field(description="Why jobs are cancelled; null where nobody said.")
    expected: int = Field(description="Jobs it wanted when it began, at least.")
    changed: int
    skipped: int = Field(description="Jobs that were in a state that refuses the action.")
    problems: list[OperationProblem] = Field(description="The first jobs that were skipped.")
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


class QueueWish(CamelModel):
    """What is wanted of a queue; the relay brings it there."""

    queue: str
    paused: bool


class QueueCleaning(CamelModel):
    """A queue that is about to forget its completed jobs."""

    queue: str

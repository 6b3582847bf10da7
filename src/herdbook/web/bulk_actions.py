"""Takes a status.

Gives what an operator may do to all jobs in it, in words.
Never does it: `control` does.
"""

from dataclasses import dataclass

from herdbook.model.job import JobStatus
from herdbook.operating.control import OperationAction


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Something to do to jobs. `past` is what was done to them; `rule` says which jobs it leaves alone."""

    action: OperationAction
    name: str
    past: str
    rule: str
    statuses: frozenset[JobStatus]
    is_dangerous: bool = False


CHOICES = (
    Choice(
        action=OperationAction.RETRY,
        name="Retry",
        past="retried",
        rule="Failed and cancelled jobs start anew; others are left alone.",
        statuses=frozenset({JobStatus.FAILED, JobStatus.CANCELLED}),
    ),
    Choice(
        action=OperationAction.CANCEL,
        name="Cancel",
        past="cancelled",
        rule="Jobs that have not started never will, and workers stop those that run; others are left alone.",
        statuses=frozenset({JobStatus.PENDING, JobStatus.PROCESSING}),
        is_dangerous=True,
    ),
    Choice(
        action=OperationAction.PROMOTE,
        name="Run now",
        past="promoted",
        rule="Jobs that wait for a time may run at once; others are left alone.",
        statuses=frozenset({JobStatus.PENDING}),
    ),
    Choice(
        action=OperationAction.DELETE,
        name="Delete",
        past="deleted",
        rule="Jobs that are over are deleted with their attempts, logs and results, for good; others are left alone.",
        statuses=frozenset({JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED}),
        is_dangerous=True,
    ),
)


def choices(status: JobStatus | None) -> tuple[Choice, ...]:
    """What may be done to jobs of this status; to a mixture, everything."""
    return tuple(one for one in CHOICES if status is None or status in one.statuses)


def choice(action: str) -> Choice:
    """The choice of this name; raises KeyError."""
    return {one.action.value: one for one in CHOICES}[action]

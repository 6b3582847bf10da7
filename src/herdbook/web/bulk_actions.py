"""The actions an operator can apply to many jobs at once, and the words the pages use for them."""

from dataclasses import dataclass

from herdbook.model.job import JobStatus
from herdbook.operating.control import OperationAction


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkAction:
    """One action. `past` says what was done ("3 retried"), `effect` what it does and which jobs it skips."""

    kind: OperationAction
    label: str
    past: str
    effect: str
    statuses: frozenset[JobStatus]
    is_dangerous: bool = False


BULK_ACTIONS = (
    BulkAction(
        kind=OperationAction.RETRY,
        label="Retry",
        past="retried",
        effect="Failed and cancelled jobs run again from the start. Other jobs are skipped.",
        statuses=frozenset({JobStatus.FAILED, JobStatus.CANCELLED}),
    ),
    BulkAction(
        kind=OperationAction.CANCEL,
        label="Cancel",
        past="cancelled",
        effect="Pending jobs will not run, and workers stop the running ones. Other jobs are skipped.",
        statuses=frozenset({JobStatus.PENDING, JobStatus.PROCESSING}),
        is_dangerous=True,
    ),
    BulkAction(
        kind=OperationAction.PROMOTE,
        label="Run now",
        past="promoted",
        effect="Scheduled jobs and jobs waiting for a retry no longer wait. Other jobs are skipped.",
        statuses=frozenset({JobStatus.PENDING}),
    ),
    BulkAction(
        kind=OperationAction.DELETE,
        label="Delete",
        past="deleted",
        effect="Finished jobs are permanently deleted with their attempts, logs and results. Other jobs are skipped.",
        statuses=frozenset({JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED}),
        is_dangerous=True,
    ),
)


def bulk_actions_for(status: JobStatus | None) -> tuple[BulkAction, ...]:
    """The actions that can change jobs of this status; all of them for None, a mixture."""
    return tuple(one for one in BULK_ACTIONS if status is None or status in one.statuses)


def bulk_action(kind: str) -> BulkAction:
    """The action of this kind; raises KeyError."""
    return {one.kind.value: one for one in BULK_ACTIONS}[kind]

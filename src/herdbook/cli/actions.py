"""The commands `retry`, `cancel`, `promote` and `delete`, for jobs by id or by filter."""

from typing import Annotated
from uuid import UUID

import typer

from herdbook.cli import options
from herdbook.cli.apply_action import JobSelection, apply_action
from herdbook.cli.jobs import JobTypeFilter, QueueFilter, StatusFilter
from herdbook.operating.control import OperationAction

JobIds = Annotated[
    list[UUID] | None, typer.Argument(metavar="ID", help="Job ids, as printed by `publish`.", show_default=False)
]
AllMatching = Annotated[
    bool, typer.Option("--all-matching", help="All jobs that match the filters, or all jobs without a filter.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Do it; without --yes, --all-matching only counts the jobs.")]
ReasonOption = Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Recorded as the jobs' error.")]


def retry(
    ids: JobIds = None,
    status: StatusFilter = None,
    job_type: JobTypeFilter = None,
    queue: QueueFilter = None,
    all_matching: AllMatching = False,
    yes: Yes = False,
    data: options.Data = None,
) -> int:
    """Run failed or cancelled jobs again.

    Their earlier attempts and logs are kept. Prints the ids of the retried jobs;
    the exit code is 1 if any could not be retried. --all-matching only counts the
    jobs unless --yes is given: then a relay retries them in batches, and skips
    jobs in other states.

    Examples:
      herdbook retry 0199f7a2-5b7e-7cc0-a5f3-0a3c8d2f1e11
      herdbook retry --all-matching --status failed --type email
      herdbook retry --all-matching --status failed --type email --yes
    """
    selection = JobSelection.of(ids, status, job_type, queue, all_matching=all_matching, yes=yes)
    return apply_action(OperationAction.RETRY, selection, data)


def cancel(
    ids: JobIds = None,
    status: StatusFilter = None,
    job_type: JobTypeFilter = None,
    queue: QueueFilter = None,
    all_matching: AllMatching = False,
    yes: Yes = False,
    reason: ReasonOption = None,
    data: options.Data = None,
) -> int:
    """Cancel jobs that are not finished.

    If a job is running, its worker is asked to stop it, and the command waits up
    to 5 seconds. The exit code is 1 if a job finished first, or has not stopped
    by then. --all-matching only counts the jobs unless --yes is given; running
    jobs are skipped without `--status processing`.

    Examples:
      herdbook cancel 0199f7a2-5b7e-7cc0-a5f3-0a3c8d2f1e11 --reason "sent by mistake"
      herdbook cancel --all-matching --type report --reason "the shop is closed" --yes
    """
    selection = JobSelection.of(ids, status, job_type, queue, all_matching=all_matching, yes=yes)
    return apply_action(OperationAction.CANCEL, selection, data, reason)


def promote(
    ids: JobIds = None,
    status: StatusFilter = None,
    job_type: JobTypeFilter = None,
    queue: QueueFilter = None,
    all_matching: AllMatching = False,
    yes: Yes = False,
    data: options.Data = None,
) -> int:
    """Run scheduled jobs, and jobs waiting for a retry, right away.

    Prints the ids of the promoted jobs; the exit code is 1 if any could not be
    promoted. --all-matching only counts the jobs unless --yes is given.

    Examples:
      herdbook promote 0199f7a2-5b7e-7cc0-a5f3-0a3c8d2f1e11
      herdbook promote --all-matching --queue email --yes
    """
    selection = JobSelection.of(ids, status, job_type, queue, all_matching=all_matching, yes=yes)
    return apply_action(OperationAction.PROMOTE, selection, data)


def delete(
    ids: JobIds = None,
    status: StatusFilter = None,
    job_type: JobTypeFilter = None,
    queue: QueueFilter = None,
    all_matching: AllMatching = False,
    yes: Yes = False,
    data: options.Data = None,
) -> int:
    """Delete finished jobs with their attempts, logs and files.

    This cannot be undone. Prints the ids of the deleted jobs; the exit code is 1
    if any could not be deleted. --all-matching only counts the jobs unless --yes
    is given, and skips unfinished ones.

    Examples:
      herdbook delete 0199f7a2-5b7e-7cc0-a5f3-0a3c8d2f1e11
      herdbook delete --all-matching --status completed --type email --yes
    """
    selection = JobSelection.of(ids, status, job_type, queue, all_matching=all_matching, yes=yes)
    return apply_action(OperationAction.DELETE, selection, data)

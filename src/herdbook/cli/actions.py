"""Takes jobs, by id or by a filter.

Gives them to the record with what an operator wants done to them, see `acting`.
Never stops a job itself: the worker that runs it does.
"""

from typing import Annotated
from uuid import UUID

import typer

from herdbook.cli import options
from herdbook.cli.apply_action import Chosen, act
from herdbook.cli.jobs import Queue, Status, Type
from herdbook.operating.control import OperationAction

Ids = Annotated[
    list[UUID] | None, typer.Argument(metavar="ID", help="Ids of jobs, as publishing printed them.", show_default=False)
]
AllMatching = Annotated[
    bool, typer.Option("--all-matching", help="All jobs that the filters find, or all there are without filters.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Do it; without this --all-matching only counts.")]
Reason = Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Recorded as the jobs' error.")]


def retry(
    ids: Ids = None,
    status: Status = None,
    job_type: Type = None,
    queue: Queue = None,
    all_matching: AllMatching = False,
    yes: Yes = False,
    data: options.Data = None,
) -> int:
    """Have failed and cancelled jobs begin anew.

    Their attempts and logs so far stay. Prints the ids of the jobs that changed; exit code 1 when
    one did not. With --all-matching it only counts, until you add --yes: then a relay does it, a
    batch at a time, and jobs in another state are left alone.

    Examples:
      herdbook retry 0199f7a2-5b7e-7cc0-a5f3-0a3c8d2f1e11
      herdbook retry --all-matching --status failed --type email
      herdbook retry --all-matching --status failed --type email --yes
    """
    chosen = Chosen.of(ids, status, job_type, queue, all_matching=all_matching, yes=yes)
    return act(OperationAction.RETRY, chosen, data)


def cancel(
    ids: Ids = None,
    status: Status = None,
    job_type: Type = None,
    queue: Queue = None,
    all_matching: AllMatching = False,
    yes: Yes = False,
    reason: Reason = None,
    data: options.Data = None,
) -> int:
    """Cancel jobs that are not over.

    The worker of a job that runs is asked to stop it; the command waits some seconds for what comes
    first: it was cancelled, or it ended by itself (exit code 1). With --all-matching it only counts,
    until you add --yes; without --status, jobs that run are left alone.

    Examples:
      herdbook cancel 0199f7a2-5b7e-7cc0-a5f3-0a3c8d2f1e11 --reason "sent by mistake"
      herdbook cancel --all-matching --type report --reason "the shop is closed" --yes
    """
    chosen = Chosen.of(ids, status, job_type, queue, all_matching=all_matching, yes=yes)
    return act(OperationAction.CANCEL, chosen, data, reason)


def promote(
    ids: Ids = None,
    status: Status = None,
    job_type: Type = None,
    queue: Queue = None,
    all_matching: AllMatching = False,
    yes: Yes = False,
    data: options.Data = None,
) -> int:
    """Have jobs that wait for a time, or for their next try, run at once.

    Prints the ids of the jobs that changed; exit code 1 when one did not. With --all-matching it
    only counts, until you add --yes.

    Examples:
      herdbook promote 0199f7a2-5b7e-7cc0-a5f3-0a3c8d2f1e11
      herdbook promote --all-matching --queue email --yes
    """
    chosen = Chosen.of(ids, status, job_type, queue, all_matching=all_matching, yes=yes)
    return act(OperationAction.PROMOTE, chosen, data)


def delete(
    ids: Ids = None,
    status: Status = None,
    job_type: Type = None,
    queue: Queue = None,
    all_matching: AllMatching = False,
    yes: Yes = False,
    data: options.Data = None,
) -> int:
    """Delete jobs that are over, with their attempts, logs and files.

    There is no way back. Prints the ids of the jobs that are gone; exit code 1 when one is not. With
    --all-matching it only counts, until you add --yes; jobs that are not over are left alone.

    Examples:
      herdbook delete 0199f7a2-5b7e-7cc0-a5f3-0a3c8d2f1e11
      herdbook delete --all-matching --status completed --type email --yes
    """
    chosen = Chosen.of(ids, status, job_type, queue, all_matching=all_matching, yes=yes)
    return act(OperationAction.DELETE, chosen, data)

"""Applies an operator's action to the jobs that a command line selects.

Jobs selected by a filter are only counted unless the command line says `--yes`.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from uuid import UUID

import typer

from herdbook.cli import exit_codes
from herdbook.cli.connect import open_record, read_settings
from herdbook.cli.follow_operation import follow_operation
from herdbook.errors import HerdbookError
from herdbook.model.artifacts import FolderArtifacts
from herdbook.model.job import JobStatus
from herdbook.operating.control import NO_REASON, Changes, Control, OperationAction
from herdbook.record.search import JobFilter
from herdbook.settings import Settings

# Seconds to wait for a worker to stop a running job.
_CANCEL_TIMEOUT = 5.0
_DONE = {
    OperationAction.RETRY: "retried",
    OperationAction.CANCEL: "cancelled",
    OperationAction.PROMOTE: "promoted",
    OperationAction.DELETE: "deleted",
}


class _UsageError(HerdbookError):
    """The command line selects no jobs, or selects them in two ways."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSelection:
    """The jobs to act on: listed ids, or a filter; `confirmed` is whether `--yes` was given."""

    jobs: JobFilter | list[UUID]
    confirmed: bool

    @classmethod
    def of(
        cls,
        ids: Sequence[UUID] | None,
        status: JobStatus | None,
        job_type: str | None,
        queue: str | None,
        *,
        all_matching: bool,
        yes: bool,
    ) -> Self:
        """The selection on a command line; raises HerdbookError when there is none, or more than one."""
        has_filter = any(one is not None for one in (status, job_type, queue))
        if ids:
            if has_filter or all_matching or yes:
                raise _UsageError("select jobs by id, or by filter with --all-matching, not both")
            return cls(jobs=list(dict.fromkeys(ids)), confirmed=True)
        if not all_matching:
            advice = "add --all-matching to select every job that matches the filters" if has_filter else "see --help"
            raise _UsageError(f"no jobs selected: {advice}")
        return cls(jobs=JobFilter(status=status, job_type=job_type, queue=queue), confirmed=yes)


def apply_action(action: OperationAction, selection: JobSelection, data: Path | None, reason: str | None = None) -> int:
    """Apply the action, or count the jobs; returns the exit code."""
    return asyncio.run(_apply(read_settings(data), action, selection, reason))


async def _apply(settings: Settings, action: OperationAction, selection: JobSelection, reason: str | None) -> int:
    async with open_record(settings, action.value, size=4) as database:
        control = Control(database, FolderArtifacts(settings.artifact_folder))
        if not isinstance(selection.jobs, JobFilter):
            return _report(await _change(control, action, selection.jobs, reason or NO_REASON))
        if selection.confirmed:
            return await _run_operation(control, action, selection.jobs, reason)
        return await _count(control, action, selection.jobs)


async def _change(control: Control, action: OperationAction, ids: list[UUID], reason: str) -> Changes:
    match action:
        case OperationAction.RETRY:
            return await control.retry(ids)
        case OperationAction.CANCEL:
            return await _cancel(control, ids, reason)
        case OperationAction.PROMOTE:
            return await control.promote(ids)
        case OperationAction.DELETE:
            return await control.delete(ids)


async def _cancel(control: Control, ids: list[UUID], reason: str) -> Changes:
    """Cancel jobs, and wait until the running ones have stopped or finished."""
    first = await control.cancel(ids, reason)
    later = await asyncio.gather(*(control.cancel_and_wait(id, reason, timeout=_CANCEL_TIMEOUT) for id in first.asked))
    return Changes(
        changed=first.changed + [id for one in later for id in one.changed],
        refused=first.refused | {id: why for one in later for id, why in one.refused.items()},
        asked=[id for one in later for id in one.asked],
    )


def _report(changes: Changes) -> int:
    for id in changes.changed:
        typer.echo(str(id))
    for id, why in changes.refused.items():
        exit_codes.print_error(f"job {id}: {why}")
    for id in changes.asked:
        exit_codes.print_error(f"job {id}: its worker was asked to stop it, but has not done so yet")
    return exit_codes.FAILURE if changes.refused or changes.asked else exit_codes.SUCCESS


async def _count(control: Control, action: OperationAction, filter: JobFilter) -> int:
    counted = await control.count(action, filter)
    least = "" if counted.is_exact else "at least "
    typer.echo(f"{least}{_jobs(counted.number)} would be checked, and {_DONE[action]} if in the right state")
    typer.echo("Nothing was changed. Add --yes to do it.", err=True)
    return exit_codes.SUCCESS


async def _run_operation(control: Control, action: OperationAction, filter: JobFilter, reason: str | None) -> int:
    begun = await control.begin(action, filter, reason)
    typer.echo(str(begun.id))
    typer.echo(f"{_jobs(begun.expected)} to check. A relay does the work, even if you stop waiting here.", err=True)
    finished = await follow_operation(control, begun)
    skipped = f", {finished.skipped:,} skipped" if finished.skipped else ""
    typer.echo(f"{_jobs(finished.changed)} {_DONE[action]}{skipped}")
    for id, why in finished.problems:
        typer.echo(f"job {id}: {exit_codes.printable(why)}", err=True)
    return exit_codes.SUCCESS


def _jobs(number: int) -> str:
    return f"{number:,} job{'' if number == 1 else 's'}"

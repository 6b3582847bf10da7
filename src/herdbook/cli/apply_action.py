"""Takes an action and the jobs that a command line chose for it.

Gives the jobs the action, or counts them, or begins an operation and follows it to its end.
Never does anything to jobs that were chosen by a filter unless it was told to.
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
from herdbook.cli.follow_operation import follow
from herdbook.errors import HerdbookError
from herdbook.model.artifacts import FolderArtifacts
from herdbook.model.job import JobStatus
from herdbook.operating.control import NO_REASON, Changes, Control, OperationAction
from herdbook.record.search import JobFilter
from herdbook.settings import Settings

# Seconds that a worker gets to stop a job before the command ends.
_TIMEOUT = 5.0
_DONE = {
    OperationAction.RETRY: "retried",
    OperationAction.CANCEL: "cancelled",
    OperationAction.PROMOTE: "promoted",
    OperationAction.DELETE: "deleted",
}


class _UsageError(HerdbookError):
    """The command line cannot be meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The jobs that a command line names; of a filter's jobs, `yes` says whether to do it."""

    wanted: JobFilter | list[UUID]
    yes: bool

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
        """The choice; raises HerdbookError when it is none, or two."""
        has_filter = any(one is not None for one in (status, job_type, queue))
        if ids:
            if has_filter or all_matching or yes:
                raise _UsageError("name jobs by their ids, or by filters with --all-matching, not both")
            return cls(wanted=list(dict.fromkeys(ids)), yes=True)
        if not all_matching:
            advice = "add --all-matching to mean all that the filters find" if has_filter else "see --help"
            raise _UsageError(f"name the jobs: {advice}")
        return cls(wanted=JobFilter(status=status, job_type=job_type, queue=queue), yes=yes)


def act(action: OperationAction, chosen: Chosen, data: Path | None, reason: str | None = None) -> int:
    """Do what the command line says; returns the exit code."""
    return asyncio.run(_act(read_settings(data), action, chosen, reason))


async def _act(settings: Settings, action: OperationAction, chosen: Chosen, reason: str | None) -> int:
    async with open_record(settings, action.value, size=4) as database:
        control = Control(database, FolderArtifacts(settings.artifact_folder))
        if isinstance(chosen.wanted, JobFilter):
            if chosen.yes:
                return await _operate(control, action, chosen.wanted, reason)
            return await _count(control, action, chosen.wanted)
        return _tell(await _change(control, action, chosen.wanted, reason or NO_REASON))


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
    """Cancel jobs, and wait for those that run to learn what came of it."""
    first = await control.cancel(ids, reason)
    later = await asyncio.gather(*(control.cancel_and_wait(id, reason, timeout=_TIMEOUT) for id in first.asked))
    return Changes(
        changed=first.changed + [id for one in later for id in one.changed],
        refused=first.refused | {id: why for one in later for id, why in one.refused.items()},
        asked=[id for one in later for id in one.asked],
    )


def _tell(changes: Changes) -> int:
    for id in changes.changed:
        typer.echo(str(id))
    for id, why in changes.refused.items():
        exit_codes.tell(f"job {id}: {why}")
    for id in changes.asked:
        exit_codes.tell(f"job {id}: its worker is asked to stop it, and has not done so yet")
    return exit_codes.NO if changes.refused or changes.asked else exit_codes.OK


async def _count(control: Control, action: OperationAction, wanted: JobFilter) -> int:
    counted = await control.count(action, wanted)
    least = "" if counted.is_exact else "at least "
    typer.echo(f"{least}{_jobs(counted.number)} would be looked at, and {_DONE[action]} where the state allows it")
    typer.echo("nothing was done: add --yes to do it", err=True)
    return exit_codes.OK


async def _operate(control: Control, action: OperationAction, wanted: JobFilter, reason: str | None) -> int:
    begun = await control.begin(action, wanted, reason)
    typer.echo(str(begun.id))
    typer.echo(f"{_jobs(begun.expected)} to look at; a relay goes on with it also when you stop waiting", err=True)
    ended = await follow(control, begun)
    left = f", {ended.skipped:,} left alone" if ended.skipped else ""
    typer.echo(f"{_jobs(ended.changed)} {_DONE[action]}{left}")
    for id, why in ended.problems:
        typer.echo(f"job {id}: {exit_codes.printable(why)}", err=True)
    return exit_codes.OK


def _jobs(number: int) -> str:
    return f"{number:,} job{'' if number == 1 else 's'}"

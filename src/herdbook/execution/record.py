"""Takes runs that ended, and what running ones reported.

Gives the record their outcome, progress and log lines, and the queue's acknowledgement of each.
Never records an attempt that is not the running one of its job.
"""

from collections.abc import Collection, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg

from herdbook.execution.run import Run
from herdbook.model.context import LogLine, Report
from herdbook.model.job import AttemptKey, AttemptOutcome, JobStatus
from herdbook.model.outcome import Cancelled, ErrorReport, Failed, Released, Snoozed, Succeeded, WillRetry
from herdbook.model.signals import ProcessDied
from herdbook.queue.delivery import Acknowledgement, ComeBack, Complete, Fail, Release, TryAgain
from herdbook.record.attempts import (
    FinishedAttempt,
    claim_jobs_if_newer_attempt,
    count_errors,
    finish_attempts_if_running,
    insert_logs,
    write_progress_if_running,
)
from herdbook.record.database import Connection, Database

# Processes that one job may take with it.
_DEADLY = 3


async def save_starts(database: Database, runs: Sequence[Run], worker: str) -> list[Run]:
    """Write down that these run; returns those that may not. Raises RecordUnavailableError."""
    async with database.connection() as connection:
        return await _save_start(connection, runs, worker)


async def _save_start(connection: Connection, runs: Sequence[Run], worker: str) -> list[Run]:
    saved = await _claim(connection, runs, worker)
    for run in runs:
        run.is_start_saved = run.key.job in saved
    return [run for run in runs if not run.is_start_saved]


async def _claim(connection: Connection, runs: Sequence[Run], worker: str) -> Collection[UUID]:
    return await claim_jobs_if_newer_attempt(
        connection,
        [run.key for run in runs],
        [run.delivery.attempts_made for run in runs],
        worker,
        [run.started_at for run in runs],
    )


async def record_ended(database: Database, runs: Sequence[Run], worker: str) -> list[Run]:
    """Record what runs came to, in one commit; returns those whose attempt was still the running one.

    A result that PostgreSQL refuses fails its own job and spoils no other. Raises
    RecordUnavailableError, and then nothing was recorded.
    """
    if any(_died(run) for run in runs):
        await _condemn(database, [run for run in runs if _died(run)])
    notes = [run.context.take_report() for run in runs]
    try:
        return await _record(database, list(zip(runs, notes, strict=True)), worker)
    except BaseException:
        for run, note in zip(runs, notes, strict=True):
            run.context.put_back(note)
        raise


def _died(run: Run) -> bool:
    return isinstance(run.outcome, WillRetry) and run.outcome.error.type == ProcessDied.__name__


async def _condemn(database: Database, runs: Sequence[Run]) -> None:
    """Fail jobs whose process died once too often: such a job is poison, whatever tries it has left."""
    async with database.connection() as connection:
        earlier = await count_errors(connection, [run.key for run in runs], ProcessDied.__name__)
    for run in runs:
        deaths = earlier.get(run.key.job, 0) + 1
        if isinstance(run.outcome, WillRetry) and deaths >= _DEADLY:
            error = run.outcome.error
            message = f"{error.message}; {deaths} processes have died of this job, so it is not tried again"
            run.outcome = Failed(error=replace(error, message=message))


async def _record(database: Database, ended: list[tuple[Run, Report]], worker: str) -> list[Run]:
    lines = [(run.key, line) for run, notes in ended for line in notes.logs]
    finished = [finished_attempt(run, notes) for run, notes in ended]
    try:
        async with AsyncExitStack() as stack:
            # Without log lines one statement does it, which saves the transaction's two round trips.
            opened = database.transaction() if lines else database.connection()
            connection = await stack.enter_async_context(opened)
            if lines:
                await insert_logs(connection, lines)
            recorded = await finish_attempts_if_running(connection, finished, worker)
            late = [run for run, _ in ended if run.key.job not in recorded]
            if late and (claimed := await _claim(connection, late, worker)):
                # An older attempt was written down as running meanwhile; the newer one counts.
                newer = [one for one in finished if one.key.job in claimed]
                recorded |= await finish_attempts_if_running(connection, newer, worker)
    except asyncpg.PostgresError as error:
        if len(ended) > 1:
            return [run for one in ended for run in await _record(database, [one], worker)]
        run, _ = ended[0]
        run.outcome = Failed(error=ErrorReport(type="UnrecordableResult", message=str(error)))
        return await _record(database, [(run, Report())], worker)
    return [run for run, _ in ended if run.key.job in recorded]


async def flush_reports(database: Database, runs: Sequence[Run], worker: str) -> list[tuple[Run, Report]]:
    """Record what running jobs reported since the last time; returns it, for the queue.

    A job that reports is shown as running from then on: progress is only kept of the attempt that the record knows.
    """
    noted = [(run, notes) for run in runs if (notes := run.context.take_report())]
    unsaved: list[Run] = []
    progress: list[tuple[AttemptKey, str]] = [
        (run.key, notes.progress) for run, notes in noted if notes.progress is not None
    ]
    lines: list[tuple[AttemptKey, LogLine]] = [(run.key, line) for run, notes in noted for line in notes.logs]
    try:
        if noted:
            async with database.transaction() as connection:
                if unsaved := [run for run, _ in noted if not run.is_start_saved]:
                    await _save_start(connection, unsaved, worker)
                await insert_logs(connection, lines)
                await write_progress_if_running(connection, progress)
    except BaseException:
        for run in unsaved:
            run.is_start_saved = False
        for run, notes in noted:
            run.context.put_back(notes)
        raise
    return noted


def finished_attempt(run: Run, notes: Report) -> FinishedAttempt:
    """The outcome in the record's terms."""
    made = run.delivery.attempts_made
    match run.outcome:
        case Succeeded(result=result):
            return FinishedAttempt(
                key=run.key, status=JobStatus.COMPLETED, outcome=AttemptOutcome.COMPLETED,
                attempts_made=made + 1, result=result, progress=notes.progress, started_at=run.started_at,
            )  # fmt: skip
        case Failed(error=error):
            return FinishedAttempt(
                key=run.key, status=JobStatus.FAILED, outcome=AttemptOutcome.FAILED,
                attempts_made=made + 1, error=error, progress=notes.progress, started_at=run.started_at,
            )  # fmt: skip
        case WillRetry(error=error, after=after):
            return FinishedAttempt(
                key=run.key, status=JobStatus.PENDING, outcome=AttemptOutcome.RETRY,
                attempts_made=made + 1, error=error, run_at=_in(after), progress=notes.progress,
                started_at=run.started_at,
            )  # fmt: skip
        case Cancelled(error=error):
            return FinishedAttempt(
                key=run.key, status=JobStatus.CANCELLED, outcome=AttemptOutcome.CANCELLED,
                attempts_made=made + 1, error=error, progress=notes.progress, started_at=run.started_at,
            )  # fmt: skip
        case Snoozed(after=after):
            return FinishedAttempt(
                key=run.key, status=JobStatus.PENDING, outcome=AttemptOutcome.SNOOZED,
                attempts_made=made, run_at=_in(after), progress=notes.progress, started_at=run.started_at,
            )  # fmt: skip
        case Released():
            return FinishedAttempt(
                key=run.key, status=JobStatus.PENDING, outcome=AttemptOutcome.RELEASED,
                attempts_made=made, progress=notes.progress, started_at=run.started_at,
            )  # fmt: skip
        case None:
            raise AssertionError("only runs that ended are recorded")


def acknowledgement(run: Run) -> Acknowledgement:
    """The outcome in the queue's terms."""
    match run.outcome:
        case Succeeded(result=result):
            return Complete(delivery=run.delivery, result=result)
        case Failed(error=error) | Cancelled(error=error):
            # BullMQ knows no cancelled jobs.
            return Fail(delivery=run.delivery, reason=error.message, stack_trace=error.stack_trace)
        case WillRetry(error=error, after=after):
            return TryAgain(delivery=run.delivery, after=after, reason=error.message, stack_trace=error.stack_trace)
        case Snoozed(after=after):
            return ComeBack(delivery=run.delivery, after=after)
        case Released():
            return Release(delivery=run.delivery)
        case None:
            raise AssertionError("only runs that ended are acknowledged")


def _in(milliseconds: int) -> datetime:
    return datetime.now(UTC) + timedelta(milliseconds=milliseconds)

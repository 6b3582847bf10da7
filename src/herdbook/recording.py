"""Takes runs that ended, and what running ones reported.

Gives the record their outcome, progress and log lines, and the queue's acknowledgement of each.
Never records an attempt that is not the running one of its job.
"""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import asyncpg

from herdbook.context import LogLine, Notes
from herdbook.errors import RecordUnavailableError
from herdbook.job import AttemptOutcome, JobStatus
from herdbook.outcome import ErrorReport, Failed, Released, Retry, Succeeded
from herdbook.queue.delivery import Acknowledgement, Complete, Fail, Release, TryAgain
from herdbook.runner import Run
from herdbook.store.attempts import (
    AttemptKey,
    FinishedAttempt,
    finish_attempts_if_running,
    insert_logs,
    write_progress_if_running,
)
from herdbook.store.pool import Record


async def record_ended(record: Record, runs: Sequence[Run], worker: str) -> list[Run]:
    """Record what runs came to, in one commit; returns those whose attempt was still the running one.

    A result that PostgreSQL refuses fails its own job and spoils no other. Raises
    RecordUnavailableError, and then nothing was recorded.
    """
    notes = [run.context.take_notes() for run in runs]
    try:
        return await _record(record, list(zip(runs, notes, strict=True)), worker)
    except RecordUnavailableError:
        for run, note in zip(runs, notes, strict=True):
            run.context.put_back(note)
        raise


async def _record(record: Record, ended: list[tuple[Run, Notes]], worker: str) -> list[Run]:
    lines = [(run.key, line) for run, notes in ended for line in notes.logs]
    finished = [finished_attempt(run, notes) for run, notes in ended]
    try:
        async with AsyncExitStack() as stack:
            # Without log lines one statement does it, which saves the transaction's two round trips.
            opened = record.transaction() if lines else record.connection()
            connection = await stack.enter_async_context(opened)
            if lines:
                await insert_logs(connection, lines)
            recorded = await finish_attempts_if_running(connection, finished, worker)
    except asyncpg.PostgresError as error:
        if len(ended) > 1:
            return [run for one in ended for run in await _record(record, [one], worker)]
        run, _ = ended[0]
        run.outcome = Failed(error=ErrorReport(type="UnrecordableResult", message=str(error)))
        return await _record(record, [(run, Notes())], worker)
    return [run for run, _ in ended if run.key.job in recorded]


async def write_notes(record: Record, runs: Sequence[Run]) -> list[tuple[Run, Notes]]:
    """Record what running jobs reported since the last time; returns it, for the queue."""
    noted = [(run, notes) for run in runs if (notes := run.context.take_notes())]
    progress: list[tuple[AttemptKey, str]] = [
        (run.key, notes.progress) for run, notes in noted if notes.progress is not None
    ]
    lines: list[tuple[AttemptKey, LogLine]] = [(run.key, line) for run, notes in noted for line in notes.logs]
    try:
        if noted:
            async with record.transaction() as connection:
                await insert_logs(connection, lines)
                await write_progress_if_running(connection, progress)
    except RecordUnavailableError:
        for run, notes in noted:
            run.context.put_back(notes)
        raise
    return noted


def finished_attempt(run: Run, notes: Notes) -> FinishedAttempt:
    """The outcome in the record's terms."""
    made = run.delivery.attempts_made
    match run.outcome:
        case Succeeded(result=result):
            return FinishedAttempt(
                key=run.key, status=JobStatus.COMPLETED, outcome=AttemptOutcome.COMPLETED,
                attempts_made=made + 1, result=result, progress=notes.progress,
            )  # fmt: skip
        case Failed(error=error):
            return FinishedAttempt(
                key=run.key, status=JobStatus.FAILED, outcome=AttemptOutcome.FAILED,
                attempts_made=made + 1, error=error, progress=notes.progress,
            )  # fmt: skip
        case Retry(error=error, after=after):
            run_at = datetime.now(UTC) + timedelta(milliseconds=after)
            return FinishedAttempt(
                key=run.key, status=JobStatus.PENDING, outcome=AttemptOutcome.RETRY,
                attempts_made=made + 1, error=error, run_at=run_at, progress=notes.progress,
            )  # fmt: skip
        case Released():
            return FinishedAttempt(
                key=run.key, status=JobStatus.PENDING, outcome=AttemptOutcome.RELEASED,
                attempts_made=made, progress=notes.progress,
            )  # fmt: skip
        case None:
            raise AssertionError("only runs that ended are recorded")


def acknowledgement(run: Run) -> Acknowledgement:
    """The outcome in the queue's terms."""
    match run.outcome:
        case Succeeded(result=result):
            return Complete(delivery=run.delivery, result=result)
        case Failed(error=error):
            return Fail(delivery=run.delivery, reason=error.message, stack_trace=error.stack_trace)
        case Retry(error=error, after=after):
            return TryAgain(delivery=run.delivery, after=after, reason=error.message, stack_trace=error.stack_trace)
        case Released():
            return Release(delivery=run.delivery)
        case None:
            raise AssertionError("only runs that ended are acknowledged")

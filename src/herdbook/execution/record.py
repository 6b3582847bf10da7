"""The fourth step: what attempts came to, and what running ones reported, in the record."""

from collections.abc import Collection, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from uuid import UUID

import asyncpg

from herdbook.execution.claimed_job import ClaimedJob
from herdbook.model.context import LogLine, Report
from herdbook.model.job import AttemptKey
from herdbook.model.outcome import ErrorReport, Failed, WillRetry
from herdbook.model.signals import ProcessDied
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
_MAX_DEATHS = 3


async def save_starts(database: Database, jobs: Sequence[ClaimedJob], worker: str) -> list[ClaimedJob]:
    """Show these jobs as running; returns those that may not run. Raises RecordUnavailableError."""
    async with database.connection() as connection:
        return await _save_starts(connection, jobs, worker)


async def _save_starts(connection: Connection, jobs: Sequence[ClaimedJob], worker: str) -> list[ClaimedJob]:
    saved = await _claim(connection, jobs, worker)
    for job in jobs:
        job.is_start_saved = job.key.job in saved
    return [job for job in jobs if not job.is_start_saved]


async def _claim(connection: Connection, jobs: Sequence[ClaimedJob], worker: str) -> Collection[UUID]:
    return await claim_jobs_if_newer_attempt(
        connection,
        [job.key for job in jobs],
        [job.delivery.attempts_made for job in jobs],
        worker,
        [job.row.started_at for job in jobs],
    )


async def record_ended(database: Database, jobs: Sequence[ClaimedJob], worker: str) -> list[ClaimedJob]:
    """Record what jobs came to, in one commit; returns those whose attempt was still the running one.

    A result that PostgreSQL refuses fails its own job and spoils no other. Raises RecordUnavailableError, and then
    nothing was recorded.
    """
    if died := [job for job in jobs if _died(job)]:
        await _fail_if_deadly(database, died)
    reports = [job.context.take_report() for job in jobs]
    try:
        return await _record(database, list(zip(jobs, reports, strict=True)), worker)
    except BaseException:
        for job, report in zip(jobs, reports, strict=True):
            job.context.put_back(report)
        raise


def _died(job: ClaimedJob) -> bool:
    return isinstance(job.outcome, WillRetry) and job.outcome.error.type == ProcessDied.__name__


async def _fail_if_deadly(database: Database, jobs: Sequence[ClaimedJob]) -> None:
    """Fail jobs whose process died once too often, whatever attempts they have left."""
    async with database.connection() as connection:
        earlier = await count_errors(connection, [job.key for job in jobs], ProcessDied.__name__)
    for job in jobs:
        deaths = earlier.get(job.key.job, 0) + 1
        if isinstance(job.outcome, WillRetry) and deaths >= _MAX_DEATHS:
            error = job.outcome.error
            message = f"{error.message}; {deaths} processes have died of this job, so it is not retried"
            job.outcome = Failed(error=replace(error, message=message))


async def _record(database: Database, ended: list[tuple[ClaimedJob, Report]], worker: str) -> list[ClaimedJob]:
    lines = [(job.key, line) for job, report in ended for line in report.logs]
    finished = [_finished(job, report) for job, report in ended]
    try:
        async with AsyncExitStack() as stack:
            # Without log lines one statement does it, which saves the transaction's two round trips.
            opened = database.transaction() if lines else database.connection()
            connection = await stack.enter_async_context(opened)
            if lines:
                await insert_logs(connection, lines)
            recorded = await finish_attempts_if_running(connection, finished, worker)
            late = [job for job, _ in ended if job.key.job not in recorded]
            if late and (claimed := await _claim(connection, late, worker)):
                # An older attempt was shown as running meanwhile; the newer one counts.
                newer = [one for one in finished if one.key.job in claimed]
                recorded |= await finish_attempts_if_running(connection, newer, worker)
    except asyncpg.PostgresError as error:
        if len(ended) > 1:
            return [job for one in ended for job in await _record(database, [one], worker)]
        job, _ = ended[0]
        job.outcome = Failed(error=ErrorReport(type="UnrecordableResult", message=str(error)))
        return await _record(database, [(job, Report())], worker)
    return [job for job, _ in ended if job.key.job in recorded]


def _finished(job: ClaimedJob, report: Report) -> FinishedAttempt:
    assert job.outcome is not None, "only jobs that ended are recorded"
    return FinishedAttempt(
        key=job.key,
        outcome=job.outcome,
        attempts_made=job.delivery.attempts_made + job.outcome.is_counted,
        started_at=job.row.started_at,
        progress=report.progress,
    )


async def flush_reports(database: Database, jobs: Sequence[ClaimedJob], worker: str) -> list[tuple[ClaimedJob, Report]]:
    """Record what running jobs reported since the last time; returns it, for the queue.

    A job that reports is shown as running from then on: progress is only kept of the attempt that the record knows.
    """
    reported = [(job, report) for job in jobs if (report := job.context.take_report())]
    unsaved: list[ClaimedJob] = []
    progress: list[tuple[AttemptKey, str]] = [
        (job.key, report.progress) for job, report in reported if report.progress is not None
    ]
    lines: list[tuple[AttemptKey, LogLine]] = [(job.key, line) for job, report in reported for line in report.logs]
    try:
        if reported:
            async with database.transaction() as connection:
                if unsaved := [job for job, _ in reported if not job.is_start_saved]:
                    await _save_starts(connection, unsaved, worker)
                await insert_logs(connection, lines)
                await write_progress_if_running(connection, progress)
    except BaseException:
        for job in unsaved:
            job.is_start_saved = False
        for job, report in reported:
            job.context.put_back(report)
        raise
    return reported

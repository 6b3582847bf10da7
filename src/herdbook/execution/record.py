"""The fourth step: what attempts came to, and what running ones reported, in the record."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace

import asyncpg

from herdbook.crash_points import crash_point
from herdbook.execution.claimed_job import ClaimedJob
from herdbook.model.context import LogLine, Report
from herdbook.model.job import AttemptKey
from herdbook.model.outcome import ErrorReport, Failed, WillRetry
from herdbook.model.signals import ProcessDied, UnrecordableResult
from herdbook.model.storable import storable_text
from herdbook.record.attempts import (
    FinishedAttempt,
    claim_jobs_if_newer_attempt,
    count_errors,
    finish_attempts_if_running,
    insert_logs,
    read_recorded_attempts,
    write_progress_if_running,
)
from herdbook.record.database import REFUSALS, Connection, Database, errors_are_unavailable
from herdbook.service import log

# Processes that one job may take with it.
_MAX_DEATHS = 3


async def save_starts(
    database: Database, jobs: Sequence[ClaimedJob], worker: str, *, is_repeat: bool = False
) -> list[ClaimedJob]:
    """Show these jobs as running; returns those that may not run. Raises RecordUnavailableError."""
    async with database.connection() as connection:
        return await _save_starts(connection, jobs, worker, is_repeat)


async def _save_starts(
    connection: Connection, jobs: Sequence[ClaimedJob], worker: str, is_repeat: bool
) -> list[ClaimedJob]:
    saved = await _claim(connection, jobs, worker, is_repeat)
    for number, job in enumerate(jobs):
        job.is_start_saved = number in saved
    return [job for job in jobs if not job.is_start_saved]


async def _claim(
    connection: Connection, jobs: Sequence[ClaimedJob], worker: str, is_repeat: bool = False
) -> Collection[int]:
    return await claim_jobs_if_newer_attempt(
        connection,
        [job.key for job in jobs],
        [job.delivery.attempts_made for job in jobs],
        worker,
        started_at=[job.row.started_at for job in jobs],
        is_repeat=is_repeat,
    )


async def record_ended(
    database: Database, jobs: Sequence[ClaimedJob], worker: str, *, is_repeat: bool = False
) -> list[ClaimedJob]:
    """Record what jobs came to, in one commit; returns those whose attempt was still the running one.

    A repeat knows the attempts that an earlier call has recorded, when only its reply was lost. What PostgreSQL
    refuses to store fails its own job and spoils no other. Raises RecordUnavailableError, and then nothing was
    recorded.
    """
    crash_point("ended")
    known = await _recorded_before(database, jobs, worker) if is_repeat else []
    unknown = [job for job in jobs if job not in known]
    if died := [job for job in unknown if _died(job)]:
        await _fail_if_deadly(database, died)
    reports = [job.context.take_last_report() for job in unknown]
    try:
        return known + await _record(database, list(zip(unknown, reports, strict=True)), worker)
    except BaseException:
        for job, report in zip(unknown, reports, strict=True):
            job.context.put_back(report)
        raise


async def _recorded_before(database: Database, jobs: Sequence[ClaimedJob], worker: str) -> list[ClaimedJob]:
    async with database.connection() as connection:
        recorded = await read_recorded_attempts(connection, [job.key for job in jobs], worker)
    found = [job for job in jobs if job.key in recorded]
    for job in found:
        # Its last report was written in the same commit.
        job.context.take_report()
    return found


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


Ended = tuple[ClaimedJob, Report]
Finish = Callable[[Database, Sequence[Ended], str], Awaitable[set[ClaimedJob]]]


async def _record(database: Database, ended: Sequence[Ended], worker: str) -> list[ClaimedJob]:
    recorded = await _finish_each(database, ended, worker, _finish)
    # What is recorded by now stays so, whatever happens to the rest.
    late = [(job, report) for job, report in ended if job not in recorded]
    recorded |= await _finish_each(database, late, worker, _claim_and_finish)
    crash_point("recorded")
    return [job for job, _ in ended if job in recorded]


async def _finish_each(database: Database, ended: Sequence[Ended], worker: str, finish: Finish) -> set[ClaimedJob]:
    """Record them together, or one by one if PostgreSQL refuses one of them; returns the jobs recorded."""
    if not ended:
        return set()
    try:
        return await finish(database, ended, worker)
    except REFUSALS as error:
        if len(ended) == 1:
            return await _finish_refused(database, ended[0][0], worker, finish, error)
    return {job for one in ended for job in await _finish_each(database, [one], worker, finish)}


async def _finish_refused(
    database: Database, job: ClaimedJob, worker: str, finish: Finish, error: asyncpg.PostgresError
) -> set[ClaimedJob]:
    """Record a job whose result or report PostgreSQL refuses: without its report, and if need be as failed."""
    log.error("not recorded as it is", job=job.job_id, queue=job.queue, error=str(error))
    try:
        return await finish(database, [(job, Report())], worker)
    except REFUSALS as refusal:
        message = storable_text(str(refusal))
        job.outcome = Failed(error=ErrorReport(type=UnrecordableResult.__name__, message=message))
        return await finish(database, [(job, Report())], worker)


async def _finish(database: Database, ended: Sequence[Ended], worker: str) -> set[ClaimedJob]:
    """Record the outcomes of attempts that are still the current ones; returns their jobs."""
    lines = [(job.key, line) for job, report in ended for line in report.logs]
    finished = [_finished(job, report) for job, report in ended]
    # Without log lines one statement does it, which saves the transaction's two round trips.
    opened = database.transaction() if lines else database.connection()
    with errors_are_unavailable():
        async with opened as connection:
            if lines:
                await insert_logs(connection, lines)
            recorded = await finish_attempts_if_running(connection, finished, worker)
    return {ended[number][0] for number in recorded}


async def _claim_and_finish(database: Database, ended: Sequence[Ended], worker: str) -> set[ClaimedJob]:
    """The same for newer attempts of jobs that are shown as running an older one meanwhile; the newer one counts."""
    with errors_are_unavailable():
        async with database.transaction() as connection:
            claimed = await _claim(connection, [job for job, _ in ended], worker)
            newer = [ended[number] for number in claimed]
            finished = [_finished(job, report) for job, report in newer]
            recorded = await finish_attempts_if_running(connection, finished, worker) if finished else set()
    return {newer[number][0] for number in recorded}


def _finished(job: ClaimedJob, report: Report) -> FinishedAttempt:
    assert job.outcome is not None, "only jobs that ended are recorded"
    return FinishedAttempt(
        key=job.key,
        outcome=job.outcome,
        attempts_made=job.attempts_made + job.outcome.is_counted,
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
                    await _save_starts(connection, unsaved, worker, is_repeat=True)
                await insert_logs(connection, lines)
                await write_progress_if_running(connection, progress)
    except BaseException:
        for job in unsaved:
            job.is_start_saved = False
        for job, report in reported:
            job.context.put_back(report)
        raise
    return reported

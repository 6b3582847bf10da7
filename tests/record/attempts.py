"""Ended attempts, written directly to the record."""

from datetime import datetime, timedelta
from uuid import UUID

from herdbook.model.ids import new_job_id
from herdbook.model.job import JobStatus
from herdbook.model.outcome import ErrorReport, Failed, Outcome, Succeeded, WillRetry
from herdbook.record.database import Database

_JOB = """
INSERT INTO herdbook.jobs (id, job_id, queue, job_type, status, job_data, error_message, max_attempts, updated_at,
                           completed_at)
VALUES ($1, $1::uuid::text, $2, $3, $4::text::herdbook.job_status, '{}', $5, 1, $6, $7)
"""
_ATTEMPT = """
INSERT INTO herdbook.job_attempts (job, generation, attempt, started_at, ended_at, waited_ms, outcome)
VALUES ($1, 0, 1, $2, $3, $4, $5::text::herdbook.attempt_outcome)
"""


async def ended(
    database: Database,
    at: datetime,
    outcome: str = "completed",
    *,
    queue: str = "q",
    job_type: str = "t",
    run: int = 100,
    wait: int | None = 10,
    error: str | None = None,
) -> UUID:
    """A job whose only attempt ended at `at`, after `run` milliseconds."""
    id = new_job_id()
    is_over = outcome in ("completed", "failed", "cancelled")
    status = outcome if is_over else "pending"
    async with database.transaction() as connection:
        final = at if is_over else None
        await connection.execute(_JOB, id, queue, job_type, status, error, at, final)
        await connection.execute(_ATTEMPT, id, at - timedelta(milliseconds=run), at, wait, outcome)
    return id


def outcome_of(status: JobStatus, *, result: str = "null", error: ErrorReport | None = None) -> Outcome:
    """What leaves a job in this status: it completed, failed, or will be retried at once."""
    if status is JobStatus.COMPLETED:
        return Succeeded(result=result)
    error = error or ErrorReport(type="E", message="no")
    return Failed(error=error) if status is JobStatus.FAILED else WillRetry(error=error, after=0)

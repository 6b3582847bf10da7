"""Operators' actions on queues and on jobs that are not running; each statement writes its outbox rows too.

A running job is never touched.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from herdbook.model.job import JobStatus
from herdbook.record.database import Connection
from herdbook.record.sql import statement


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedJob:
    """A job whose status cannot change until the transaction ends."""

    status: JobStatus
    error_message: str | None


async def retry_jobs_if_over(connection: Connection, ids: Sequence[UUID]) -> set[UUID]:
    """Make failed and cancelled jobs pending again, in a new generation; only our own get a new id in the queue."""
    return await _changed(connection, "retry_jobs_if_over", ids)


async def cancel_jobs_if_pending(connection: Connection, ids: Sequence[UUID], reason: str) -> set[UUID]:
    """Cancel jobs that no worker has claimed; `reason` is recorded as their error."""
    return await _changed(connection, "cancel_jobs_if_pending", ids, reason)


async def promote_jobs_if_scheduled(connection: Connection, ids: Sequence[UUID]) -> set[UUID]:
    """Make jobs that wait for a time or for their next attempt due at once."""
    return await _changed(connection, "promote_jobs_if_scheduled", ids)


async def delete_jobs_if_over(connection: Connection, ids: Sequence[UUID]) -> set[UUID]:
    """Delete final jobs with their attempts and logs."""
    return await _changed(connection, "delete_jobs_if_over", ids)


async def lock_job_in_queue(connection: Connection, id: UUID, job_id: str) -> LockedJob | None:
    """The job, locked; None if it was deleted, or has another id in the queue by now."""
    row = await connection.fetchrow(statement("lock_job_in_queue"), id, job_id)
    return LockedJob(status=JobStatus(row["status"]), error_message=row["error_message"]) if row else None


async def replace_queue_id_if_pending(connection: Connection, id: UUID, job_id: str) -> None:
    """Deliver a retried job of another client, whose `job_id` the queue no longer has, under an id of ours."""
    await connection.execute(statement("replace_queue_id_if_pending"), id, job_id)


async def read_statuses(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, JobStatus]:
    """The statuses of jobs; unknown jobs are left out."""
    rows = await connection.fetch(statement("read_statuses"), list(ids))
    return {row["id"]: JobStatus(row["status"]) for row in rows}


async def set_queue_paused(connection: Connection, queue: str, paused: bool) -> None:
    """Request that the queue be paused or resumed."""
    await connection.execute(statement("set_queue_paused"), queue, paused)


async def read_queue_paused(connection: Connection, queue: str) -> bool:
    """Whether the queue should be paused; the answer is locked until the transaction ends."""
    return bool(await connection.fetchval(statement("read_queue_paused"), queue))


async def clean_queue(connection: Connection, queue: str) -> None:
    """Request that the queue remove its completed jobs."""
    await connection.execute(statement("clean_queue"), queue)


async def _changed(connection: Connection, name: str, ids: Sequence[UUID], *more: str) -> set[UUID]:
    return {row["id"] for row in await connection.fetch(statement(name), list(ids), *more)}

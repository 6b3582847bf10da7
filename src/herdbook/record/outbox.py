"""Inserts jobs together with their outbox rows, and hands outbox entries to the relay."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import asyncpg

from herdbook.model.job import NewJob
from herdbook.record.database import Connection
from herdbook.record.sql import statement


class OutboxAction(StrEnum):
    """What the relay has to do.

    ADD and PROMOTE name a job in the record, REMOVE one in the queue. PAUSE pauses or resumes the queue,
    whichever was requested last; CLEAN removes its completed jobs.
    """

    ADD = "add"
    REMOVE = "remove"
    PROMOTE = "promote"
    PAUSE = "pause"
    CLEAN = "clean"


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingJob:
    """A job to deliver. `job_data` is JSON text, `trace_context` lets its trace continue in the worker.

    `due_in` is in how many milliseconds it is due by PostgreSQL's clock, 0 if it is. `attempt` and `attempts_made` are
    those of earlier attempts: of a job that Redis lost.
    """

    job_id: str
    queue: str
    job_type: str
    job_data: str
    priority: int
    run_at: datetime | None
    due_in: int
    max_attempts: int
    backoff: dict[str, Any] | None
    created_at: datetime
    trace_context: str | None
    attempt: int = 0
    attempts_made: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxEntry:
    """Something to deliver to the queue; `tries` is how often the queue has refused it.

    `pending` is the job of an ADD or PROMOTE, None if it is no longer pending. The other actions
    name their `queue`, and REMOVE a `job_id` in it.
    """

    id: int
    action: OutboxAction
    job: UUID | None
    queue: str | None
    job_id: str | None
    pending: PendingJob | None
    enqueued_at: datetime
    tries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An entry that the queue refused; it is retried after `after` seconds."""

    entry: OutboxEntry
    error_message: str
    after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyHolder:
    """The job that an idempotency key belongs to."""

    id: UUID
    fingerprint: bytes | None


def insert_statement(jobs: Sequence[NewJob]) -> tuple[str, list[Any]]:
    """The SQL of `insert_jobs` and its parameters, one list per column, for connections of the caller."""
    columns = [
        [job.id for job in jobs],
        [job.queue for job in jobs],
        [job.job_type for job in jobs],
        [job.job_data for job in jobs],
        [job.priority for job in jobs],
        [job.run_at for job in jobs],
        [job.max_attempts for job in jobs],
        [job.backoff for job in jobs],
        [job.idempotency_key for job in jobs],
        [job.fingerprint for job in jobs],
        [job.timeout_ms for job in jobs],
        [job.callback_url for job in jobs],
        [job.trace_context for job in jobs],
        [job.delay for job in jobs],
    ]
    return statement("insert_jobs"), columns


def key_statement(job: NewJob) -> tuple[str, list[Any]]:
    """The SQL of `find_jobs_by_key` and its parameters, for one job."""
    return statement("find_jobs_by_key"), [[job.idempotency_key]]


def key_holders(rows: Iterable[Any]) -> dict[str, KeyHolder]:
    """The jobs that hold idempotency keys, by key."""
    return {
        row["idempotency_key"]: KeyHolder(
            id=UUID(str(row["id"])), fingerprint=bytes(row["fingerprint"]) if row["fingerprint"] else None
        )
        for row in rows
    }


def inserted_jobs(rows: Iterable[Any]) -> dict[UUID, datetime]:
    """The ids of inserted jobs, and when that was."""
    return {row["job"]: row["at"] for row in rows}


async def insert_jobs(connection: Connection, jobs: Sequence[NewJob]) -> dict[UUID, datetime]:
    """Insert jobs with their outbox rows; returns the ids inserted and when, but not jobs whose key is taken."""
    sql, columns = insert_statement(jobs)
    return inserted_jobs(await connection.fetch(sql, *columns))


async def find_jobs_by_key(connection: Connection, keys: Sequence[str]) -> dict[str, KeyHolder]:
    """The jobs that hold these idempotency keys, by key."""
    return key_holders(await connection.fetch(statement("find_jobs_by_key"), list(keys)))


async def take_outbox(connection: Connection, limit: int) -> list[OutboxEntry]:
    """Take the oldest due entries from the outbox; they are gone once the transaction commits."""
    rows = await connection.fetch(statement("take_outbox"), limit)
    return [
        OutboxEntry(
            id=row["id"],
            action=OutboxAction(row["action"]),
            job=row["job"],
            queue=row["queue"],
            job_id=row["job_id"],
            pending=_pending(row) if row["pending_job_id"] else None,
            enqueued_at=row["enqueued_at"],
            tries=row["tries"],
        )
        for row in rows
    ]


def _pending(row: "asyncpg.Record") -> PendingJob:
    return PendingJob(
        job_id=row["pending_job_id"],
        queue=row["pending_queue"],
        job_type=row["job_type"],
        job_data=row["job_data"],
        priority=row["priority"],
        run_at=row["run_at"],
        due_in=row["due_in"],
        max_attempts=row["max_attempts"],
        backoff=row["backoff"],
        created_at=row["created_at"],
        trace_context=row["trace_context"],
        attempt=row["attempt"],
        attempts_made=row["attempts_made"],
    )


async def postpone_outbox(connection: Connection, refusals: Sequence[Refusal]) -> None:
    """Put refused entries back, to be retried later."""
    await connection.execute(
        statement("postpone_outbox"),
        [refusal.entry.action.value for refusal in refusals],
        [refusal.entry.job for refusal in refusals],
        [refusal.entry.queue for refusal in refusals],
        [refusal.entry.job_id for refusal in refusals],
        [refusal.entry.enqueued_at for refusal in refusals],
        [refusal.entry.tries + 1 for refusal in refusals],
        [refusal.after for refusal in refusals],
        [refusal.error_message for refusal in refusals],
    )


async def next_outbox_due(connection: Connection) -> float | None:
    """Seconds until the first postponed entry is due (negative if it already is); None if none is postponed."""
    due: float | None = await connection.fetchval(statement("next_outbox_due"))
    return due

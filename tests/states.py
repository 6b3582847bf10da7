"""Jobs in every state, for tests of what operators do to them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg

from herdbook.model.ids import new_job_id
from herdbook.model.job import JobStatus, NewJob
from herdbook.record.database import Database
from herdbook.record.outbox import insert_jobs

UNKNOWN_JOB = UUID(int=1)
HOUR = timedelta(hours=1)


async def new_jobs(database: Database, count: int, *, queue: str = "q", after: timedelta | None = None) -> list[UUID]:
    """Pending jobs without outbox entries."""
    run_at = datetime.now(UTC) + after if after else None
    jobs = [
        NewJob(
            id=new_job_id(),
            queue=queue,
            job_type="t",
            job_data='{"n": 1}',
            priority=0,
            run_at=run_at,
            max_attempts=1,
            backoff=None,
        )
        for _ in range(count)
    ]
    async with database.connection() as connection:
        await insert_jobs(connection, jobs)
        await connection.execute("DELETE FROM herdbook.outbox")
    return [job.id for job in jobs]


async def put(database: Database, ids: Sequence[UUID], status: JobStatus) -> None:
    """Put jobs into a state, with an attempt and a log line."""
    async with database.connection() as connection:
        await connection.execute(
            """
            UPDATE herdbook.jobs
            SET status = $2::text::herdbook.job_status, attempt = 1, attempts_made = 1, started_at = now(),
                run_at = NULL, waited_ms = 5, progress = '50', result = '{"ok": true}', error_message = 'broken',
                completed_at = CASE WHEN $2 <> 'processing' THEN now() END,
                worker = CASE WHEN $2 = 'processing' THEN 'w1' END
            WHERE id = ANY ($1::uuid[])
            """,
            ids,
            status.value,
        )
        await connection.execute(
            """
            INSERT INTO herdbook.job_attempts (job, generation, attempt, ended_at, outcome)
            SELECT id, 0, 1, now(), 'failed' FROM unnest($1::uuid[]) AS id
            """,
            ids,
        )
        await connection.execute(
            """
            INSERT INTO herdbook.job_logs (job, generation, attempt, logged_at, message)
            SELECT id, 0, 1, now(), 'a line' FROM unnest($1::uuid[]) AS id
            """,
            ids,
        )


async def one_of_each(database: Database) -> dict[JobStatus, UUID]:
    """A job in each state."""
    ids = dict(zip(JobStatus, await new_jobs(database, len(JobStatus)), strict=True))
    for status, id in ids.items():
        if status is not JobStatus.PENDING:
            await put(database, [id], status)
    return ids


async def statuses(database: Database) -> dict[UUID, JobStatus]:
    """The state of every job."""
    async with database.connection() as connection:
        rows = await connection.fetch("SELECT id, status FROM herdbook.jobs")
    return {row["id"]: JobStatus(row["status"]) for row in rows}


async def outbox(database: Database) -> "list[asyncpg.Record]":
    """The outbox entries, in order."""
    async with database.connection() as connection:
        return await connection.fetch("SELECT * FROM herdbook.outbox ORDER BY id")

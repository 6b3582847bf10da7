"""Compares the open jobs of the record with what Redis has, and delivers again what it lost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from herdbook.model.health import SILENT_AFTER, QueueLoss
from herdbook.model.job import JobStatus
from herdbook.record.database import Connection
from herdbook.record.sql import statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """What a Redis, or one queue in it, had when it was last looked at: `counter` only grows while `id` stays."""

    id: str
    counter: int

    def follows(self, before: "Epoch | None") -> bool:
        """Whether nothing was lost in between: nothing can be of what is new, and queues are not counted."""
        return before is None or (before.id == self.id and (before.counter < self.counter or not self.counter))


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepState:
    """Whether Redis lost writes a short while ago, and whether all open jobs are to be compared for it now."""

    is_recent: bool
    is_due: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenJob:
    """A job that should be in its queue. `is_held` is whether a live worker runs it."""

    id: UUID
    queue: str
    job_id: str
    status: JobStatus
    attempt: int
    updated_at: datetime
    is_held: bool


async def advance_queue_epochs(connection: Connection, epochs: Mapping[str, Epoch]) -> dict[str, Epoch]:
    """Record what Redis has now, by key prefix; returns what it had before, without prefixes new to the record."""
    found = epochs.values()
    rows = await connection.fetch(
        statement("advance_queue_epochs"), list(epochs), [one.id for one in found], [one.counter for one in found]
    )
    return {row["prefix"]: Epoch(id=row["epoch"], counter=row["counter"]) for row in rows}


async def note_queue_loss(connection: Connection, prefix: str) -> None:
    """Record that Redis lost writes."""
    await connection.execute(statement("note_queue_loss"), prefix)


async def note_queue_sweep(connection: Connection, prefix: str, redelivered: int, *, is_complete: bool) -> None:
    """Record how many more jobs were delivered again; `is_complete` once every open job has been compared."""
    await connection.execute(statement("note_queue_sweep"), prefix, redelivered, is_complete)


async def read_sweep_state(connection: Connection, prefix: str, aftermath: float, pause: float) -> SweepState:
    """What a loss leaves to do, whoever noticed it: comparisons every `pause` seconds, for `aftermath` seconds."""
    row = await connection.fetchrow(statement("read_sweep_state"), prefix, aftermath, pause)
    return SweepState(is_recent=bool(row and row["is_recent"]), is_due=bool(row and row["is_recent"] and row["is_due"]))


async def read_queue_loss(connection: Connection, prefix: str) -> QueueLoss | None:
    """The last loss, if it was noticed within the last hour."""
    row = await connection.fetchrow(statement("read_queue_loss"), prefix)
    if row is None:
        return None
    return QueueLoss(seconds=row["age"], redelivered=row["redelivered"], is_swept=row["swept_at"] is not None)


async def find_end_of_comparison(connection: Connection, after: UUID, limit: int) -> UUID | None:
    """The last of the `limit` jobs that follow `after`; None at the end of the record."""
    found: UUID | None = await connection.fetchval(statement("find_end_of_comparison"), after, limit)
    return found


async def read_open_jobs(connection: Connection, after: UUID, until: UUID) -> list[OpenJob]:
    """The jobs in this range of ids that should be in their queue."""
    rows = await connection.fetch(statement("read_open_jobs"), after, until, SILENT_AFTER)
    return [OpenJob(**{**dict(row), "status": JobStatus(row["status"])}) for row in rows]


async def redeliver_jobs_if_unchanged(connection: Connection, jobs: Sequence[OpenJob]) -> set[UUID]:
    """Put jobs into the outbox again; those that changed since they were read are left out."""
    rows = await connection.fetch(
        statement("redeliver_jobs_if_unchanged"), [job.id for job in jobs], [job.updated_at for job in jobs]
    )
    return {row["id"] for row in rows}


async def note_absent_jobs(connection: Connection, jobs: Sequence[OpenJob]) -> None:
    """Record that pending jobs left Redis although it lost nothing; those that changed meanwhile are left out."""
    await connection.execute(statement("note_absent_jobs"), [job.id for job in jobs], [job.updated_at for job in jobs])


async def restore_pauses(connection: Connection) -> None:
    """Have the relay pause again the queues that operators paused."""
    await connection.execute(statement("restore_pauses"))

"""Requests to cancel running jobs, for the workers that run them.

Nothing here changes a job: its worker records the cancellation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from herdbook.record.database import Connection
from herdbook.record.sql import statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancellation:
    """A request to cancel a running job."""

    job: UUID
    generation: int
    reason: str


async def ask_cancellations_if_running(connection: Connection, ids: Sequence[UUID], reason: str) -> set[UUID]:
    """Ask the workers of these jobs to stop them; returns the jobs that are running."""
    rows = await connection.fetch(statement("ask_cancellations_if_running"), list(ids), reason)
    return {row["id"] for row in rows}


async def read_cancellations_of_worker(connection: Connection, worker: str) -> list[Cancellation]:
    """The cancellations requested of this worker."""
    return [
        Cancellation(**dict(row)) for row in await connection.fetch(statement("read_cancellations_of_worker"), worker)
    ]


async def take_ended_cancellations(connection: Connection) -> list[tuple[UUID, str]]:
    """Remove requests for jobs that no longer run; returns those waiting for another attempt, with the reasons."""
    rows = await connection.fetch(statement("take_ended_cancellations"))
    return [(row["job"], row["reason"]) for row in rows if row["is_pending"]]

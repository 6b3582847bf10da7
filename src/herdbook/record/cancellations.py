"""Takes the wish that running jobs be cancelled.

Gives it to the workers that run them, and takes it back when they run no more.
Never changes a job: its worker records that it was cancelled.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from herdbook.record.database import Connection
from herdbook.record.sql import statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancellation:
    """A running job that is not wanted any more, and why."""

    job: UUID
    generation: int
    reason: str


async def ask_cancellations_if_running(connection: Connection, ids: Sequence[UUID], reason: str) -> set[UUID]:
    """Ask the workers of these jobs to stop them; jobs that do not run are left out of the answer."""
    rows = await connection.fetch(statement("ask_cancellations_if_running"), list(ids), reason)
    return {row["id"] for row in rows}


async def read_cancellations_of_worker(connection: Connection, worker: str) -> list[Cancellation]:
    """What this worker is asked to stop."""
    return [
        Cancellation(**dict(row)) for row in await connection.fetch(statement("read_cancellations_of_worker"), worker)
    ]


async def take_ended_cancellations(connection: Connection) -> list[tuple[UUID, str]]:
    """Forget wishes for jobs that run no more; returns those that wait for another try, with the reasons."""
    rows = await connection.fetch(statement("take_ended_cancellations"))
    return [(row["job"], row["reason"]) for row in rows if row["is_pending"]]

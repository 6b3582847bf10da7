"""Writes the workers' heartbeats, and reads the list of workers."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from herdbook.model.health import WorkerFacts
from herdbook.record.database import Connection
from herdbook.record.sql import statement


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerBeat:
    """A heartbeat. `state` is running or quiet.

    `clock_ahead` is by how many seconds the worker's clock is ahead of PostgreSQL's, None if that is unknown.
    """

    id: str
    host: str
    pid: int
    queues: list[str]
    concurrency: int
    running: int
    state: str
    clock_ahead: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerRow(WorkerFacts):
    """A worker as the record has it."""

    host: str
    pid: int
    concurrency: int
    started_at: datetime
    heartbeat_at: datetime


async def beat_worker(connection: Connection, beat: WorkerBeat) -> None:
    """Write a heartbeat."""
    await connection.execute(
        statement("beat_worker"),
        beat.id,
        beat.host,
        beat.pid,
        beat.queues,
        beat.concurrency,
        beat.running,
        beat.state,
        beat.clock_ahead,
    )


async def read_workers(connection: Connection) -> list[WorkerRow]:
    """The workers with a heartbeat within a day, the oldest first."""
    return [WorkerRow(**dict(row)) for row in await connection.fetch(statement("read_workers"))]


def count_takers(workers: Iterable[WorkerFacts]) -> Counter[str]:
    """How many live workers take jobs of each queue."""
    return Counter(queue for one in workers if one.takes_jobs for queue in one.queues)


async def prune_workers(connection: Connection, age: timedelta) -> None:
    """Delete workers whose last heartbeat is longer than `age` ago; their attempts keep their names."""
    await connection.execute(statement("prune_workers"), age)


async def remove_worker(connection: Connection, worker: str) -> None:
    """Remove a worker that has stopped."""
    await connection.execute(statement("remove_worker"), worker)

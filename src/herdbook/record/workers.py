"""Records the workers' heartbeats, and lists the workers."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from herdbook.record.database import Connection
from herdbook.record.sql import statement

# Seconds without a heartbeat after which a worker counts as lost: three heartbeats.
SILENT_AFTER = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerBeat:
    """A heartbeat. `state` is running or quiet."""

    id: str
    host: str
    pid: int
    queues: list[str]
    concurrency: int
    running: int
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerRow:
    """A worker as recorded; `seconds_silent` is the time since its last heartbeat."""

    id: str
    host: str
    pid: int
    queues: list[str]
    concurrency: int
    running: int
    state: str
    started_at: datetime
    heartbeat_at: datetime
    seconds_silent: float

    @property
    def is_silent(self) -> bool:
        """Whether its heartbeat has been missing for so long that it counts as lost."""
        return self.seconds_silent >= SILENT_AFTER

    @property
    def takes_jobs(self) -> bool:
        """Whether it is alive and not quiet."""
        return not self.is_silent and self.state == "running"


async def beat_worker(connection: Connection, beat: WorkerBeat) -> None:
    """Record a heartbeat."""
    await connection.execute(
        statement("beat_worker"),
        beat.id,
        beat.host,
        beat.pid,
        beat.queues,
        beat.concurrency,
        beat.running,
        beat.state,
    )


async def read_workers(connection: Connection) -> list[WorkerRow]:
    """The workers with a heartbeat in the last day, oldest first."""
    return [WorkerRow(**dict(row)) for row in await connection.fetch(statement("read_workers"))]


def count_takers(workers: Iterable[WorkerRow]) -> Counter[str]:
    """How many of the workers take jobs from each queue."""
    return Counter(queue for one in workers if one.takes_jobs for queue in one.queues)


async def remove_worker(connection: Connection, worker: str) -> None:
    """Remove a worker that has stopped."""
    await connection.execute(statement("remove_worker"), worker)

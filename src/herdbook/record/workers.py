"""Takes the workers' signs of life.

Gives the list of workers.
Never decides that a worker is lost: it tells how long it was silent, and how long is too long.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from herdbook.record.database import Connection
from herdbook.record.sql import statement

# Seconds of silence after which a worker counts as gone: three of its signs of life.
SILENT_AFTER = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerBeat:
    """A sign of life. `state` is running or quiet."""

    id: str
    host: str
    pid: int
    queues: list[str]
    concurrency: int
    running: int
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerRow:
    """A worker as the record has it; `seconds_silent` since its last sign of life."""

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
        """Whether it was silent for so long that it counts as gone."""
        return self.seconds_silent >= SILENT_AFTER

    @property
    def takes_jobs(self) -> bool:
        """Whether it is there, and was not told to take no more."""
        return not self.is_silent and self.state == "running"


async def beat_worker(connection: Connection, beat: WorkerBeat) -> None:
    """Write a sign of life."""
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
    """The workers heard of within a day, the oldest first."""
    return [WorkerRow(**dict(row)) for row in await connection.fetch(statement("read_workers"))]


def count_takers(workers: Iterable[WorkerRow]) -> Counter[str]:
    """How many of the workers take jobs of each queue."""
    return Counter(queue for one in workers if one.takes_jobs for queue in one.queues)


async def remove_worker(connection: Connection, worker: str) -> None:
    """Take a worker that has ended off the list."""
    await connection.execute(statement("remove_worker"), worker)

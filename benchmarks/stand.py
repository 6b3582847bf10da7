"""A record with a relay and workers, and what a drain by them came to, by the record's own clock.

Nothing before the first job counts: workers are up, on a paused queue, when the clock starts.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from benchmarks.app import book
from benchmarks.jobs import Make
from benchmarks.processes import Part, running, server_cpu_seconds
from herdbook.model.artifacts import FolderArtifacts
from herdbook.model.ids import new_job_id
from herdbook.model.job import JobStatus
from herdbook.operating.control import Control
from herdbook.publishing.publish import Publisher
from herdbook.record.database import Database
from herdbook.record.migrate import migrate
from herdbook.record.reads import read_stats
from herdbook.record.workers import read_workers
from herdbook.settings import Settings

Found = TypeVar("Found")
Figures = dict[str, float]
# Jobs of one bulk publish.
BULK = 5_000
UNDONE = (JobStatus.PENDING, JobStatus.PROCESSING)


async def until(check: Callable[[], Awaitable[Found]], *, every: float = 0.05, timeout: float = 3_600.0) -> Found:
    """The first true value of `check`. Asked less often than by `eventually`, so as not to be part of the load."""
    async with asyncio.timeout(timeout):
        while not (found := await check()):
            await asyncio.sleep(every)
    return found


def load() -> Figures:
    """How busy the machine is, with what is not measured too."""
    return {"load_1m": os.getloadavg()[0]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    """What working off jobs came to.

    `begun` is when the first was claimed, `ends` when each was recorded as completed, sorted, in Unix seconds;
    `cpu` the seconds of CPU time of the workers and of servers that are ours, `rss_mb` the most that a worker had.
    """

    begun: float
    ends: Sequence[float]
    cpu: Figures
    rss_mb: float

    @property
    def seconds(self) -> float:
        """From the first claim to the last result."""
        return self.ends[-1] - self.begun

    @property
    def per_s(self) -> float:
        """Jobs per second, from the first claim to the last result."""
        return len(self.ends) / self.seconds

    @property
    def steady_per_s(self) -> float:
        """Jobs per second without the first and the last tenth, when not all places are taken."""
        first, last = len(self.ends) // 10, len(self.ends) * 9 // 10
        return (last - first) / (self.ends[last] - self.ends[first])

    @property
    def cpu_ms(self) -> Figures:
        """Milliseconds of each process's CPU time per job."""
        return {name: seconds * 1_000 / len(self.ends) for name, seconds in self.cpu.items()}

    @property
    def cores(self) -> Figures:
        """How much of one core each process took."""
        return {name: seconds / self.seconds for name, seconds in self.cpu.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """The record, and the relay beside it. No job that is measured has an id before `since`."""

    settings: Settings
    database: Database
    publisher: Publisher
    control: Control
    relay: Part
    since: UUID = field(default_factory=new_job_id)

    async def publish(self, make: Make, jobs: int, *, bulk: int = BULK) -> None:
        """Publish jobs in bulk; they need not be in the queue yet."""
        for first in range(0, jobs, bulk):
            await self.publisher.publish_bulk([make(n) for n in range(first, min(first + bulk, jobs))])

    async def relayed(self) -> None:
        """Return when all that was published, or asked for, is in the queue."""

        async def empty() -> bool:
            async with self.database.connection() as connection:
                # Counting what is left would be work of its own when that is much.
                return not await connection.fetchval("SELECT EXISTS (SELECT FROM herdbook.outbox)")

        await until(empty)

    async def count(self, queue: str, *states: JobStatus) -> int:
        """How many jobs of the queue are in one of the states."""
        async with self.database.connection() as connection:
            return sum(one.count for one in await read_stats(connection) if one.queue == queue and one.status in states)

    async def now(self) -> datetime:
        """The record's own time."""
        async with self.database.connection() as connection:
            now: datetime = await connection.fetchval("SELECT clock_timestamp()")
            return now


@asynccontextmanager
async def standing(settings: Settings) -> AsyncIterator[Stand]:
    """A migrated record with a relay, for as long as the block lasts."""
    assert settings.database_url
    database = Database(settings.database_url, size=10)
    await database.open()
    await migrate(database)
    try:
        with running(settings, "relay") as relay:
            yield Stand(
                settings=settings,
                database=database,
                publisher=Publisher(database, book.registry, max_job_bytes=settings.max_job_bytes),
                control=Control(database, FolderArtifacts(settings.artifact_folder)),
                relay=relay,
            )
    finally:
        await database.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """Workers that are up, on a paused queue."""

    stand: Stand
    queue: str
    workers: Sequence[Part]

    async def begin(self) -> None:
        """Let them take jobs."""
        await self.stand.control.resume(self.queue)
        await self.stand.relayed()

    async def drain(self, jobs: int | None = None) -> Drained:
        """Have them work off the queue, or `jobs` of it and, for a moment, some more."""
        stand, rss = self.stand, 0.0
        target = await stand.count(self.queue, JobStatus.COMPLETED)
        target += await stand.count(self.queue, *UNDONE) if jobs is None else jobs

        async def done() -> bool:
            nonlocal rss
            for worker in self.workers:
                worker.check()
                rss = max(rss, worker.rss_mb())
            return await stand.count(self.queue, JobStatus.COMPLETED) >= target

        before, since = self._cpu(), await stand.now()
        await self.begin()
        await until(done)
        if jobs is not None:
            await stand.control.pause(self.queue)
        cpu = {name: seconds - before[name] for name, seconds in self._cpu().items()}
        begun, ends = await self._times(since, jobs)
        return Drained(begun=begun, ends=ends, cpu=cpu, rss_mb=rss)

    def _cpu(self) -> Figures:
        workers = sum(worker.cpu_seconds() for worker in self.workers)
        return {"worker": workers, **server_cpu_seconds()}

    async def _times(self, since: datetime, limit: int | None) -> tuple[float, list[float]]:
        async with self.stand.database.connection() as connection:
            rows: Sequence[Any] = await connection.fetch(
                "SELECT extract(epoch FROM started_at)::float8, extract(epoch FROM completed_at)::float8 "
                "FROM herdbook.jobs WHERE id >= $1 AND queue = $2 AND started_at >= $3 AND completed_at IS NOT NULL "
                "ORDER BY completed_at LIMIT $4",
                self.stand.since,
                self.queue,
                since,
                limit,
            )
        return min(row[0] for row in rows), [row[1] for row in rows]


@asynccontextmanager
async def working(stand: Stand, queue: str, *, workers: int = 1, concurrency: int | None = None) -> AsyncIterator[Crew]:
    """Workers on a queue, which is paused now; they end with the block."""
    await stand.control.pause(queue)
    await stand.relayed()
    words = ["worker", "benchmarks.app:book", "--queue", queue]
    words += [] if concurrency is None else ["--concurrency", str(concurrency)]
    with ExitStack() as stack:
        parts = [stack.enter_context(running(stand.settings, *words)) for _ in range(workers)]

        async def up() -> bool:
            for part in parts:
                part.check()
            async with stand.database.connection() as connection:
                return {part.pid for part in parts} <= {row.pid for row in await read_workers(connection)}

        await until(up)
        yield Crew(stand=stand, queue=queue, workers=parts)

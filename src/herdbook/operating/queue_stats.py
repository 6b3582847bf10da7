"""Takes the record, the declared job types and a Redis client.

Gives the figures of every known queue, where a job is and which run; what http and web ask instead of `queue`.
Never changes anything.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self
from uuid import UUID

from herdbook.errors import ConfigurationError, QueueNotFoundError
from herdbook.model.ids import external_job_id, parse_queue_job_id
from herdbook.model.job import Job
from herdbook.model.registry import Registry
from herdbook.queue.connection import QueueClient, connect
from herdbook.queue.external_jobs import id_in_queue
from herdbook.queue.job_locations import BullState, JobLocation, JobLocator
from herdbook.queue.reads import NextJob, QueueCounts, QueueReader
from herdbook.record.database import Connection, Database
from herdbook.record.queue_lookups import RunningJob, read_running_jobs, read_waiting_seconds
from herdbook.record.reads import read_queues
from herdbook.record.stats import read_queue_rates
from herdbook.settings import Settings

__all__ = ["BullState", "JobInQueue", "JobLocation", "QueueStats", "QueueStatsReader", "RunningJob"]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueStats(QueueCounts):
    """A queue as it is now.

    `oldest_waiting` is for how many seconds the next job could have run, None when none waits; `rate`
    how many jobs ended per minute, over the last five.
    """

    oldest_waiting: float | None
    rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class JobInQueue:
    """A job by the id that the queue knows; `id` is the record's, None where it cannot be told."""

    job_id: str
    id: UUID | None


class QueueStatsReader:
    """Reads the figures of the queues that programs declared, or that jobs are in."""

    def __init__(self, database: Database, registry: Registry, client: QueueClient, *, prefix: str) -> None:
        self._database = database
        self._registry = registry
        self._client = client
        self._reader = QueueReader(client, prefix=prefix)
        self._places = JobLocator(client, prefix=prefix)

    @classmethod
    def connect(cls, settings: Settings, registry: Registry, database: Database) -> Self:
        """Figures from `settings`' Redis, connected at the first use; the caller closes them."""
        if settings.redis_url is None:
            raise ConfigurationError("set REDIS_URL")
        client = connect(settings.redis_url, name="herdbook-figures")
        return cls(database, registry, client, prefix=settings.queue_prefix)

    async def names(self) -> list[str]:
        """The known queues, sorted. Raises RecordUnavailableError."""
        async with self._database.connection() as connection:
            recorded = await read_queues(connection)
        return sorted({*recorded, *(job_type.queue for job_type in self._registry)})

    async def check(self, name: str) -> None:
        """Return when the record, this program or Redis knows the queue; raises QueueNotFoundError otherwise.

        Redis is asked last, for what other programs keep there. Raises RecordUnavailableError, QueueUnavailableError.
        """
        if name in await self.names():
            return
        queue = await self._reader.counts(name)
        if not queue.paused and not any(queue.counts.values()):
            raise QueueNotFoundError("no program has declared a queue of this name, and no job is in it")

    async def states(self, names: Sequence[str] | None = None) -> list[QueueStats]:
        """Each known queue, or those named. Raises RecordUnavailableError, QueueUnavailableError."""
        counts = await self._reader.all_counts(names if names is not None else await self.names())
        async with self._database.connection() as connection:
            rates = await read_queue_rates(connection)
            waits = await _waits(connection, counts)
        return [
            QueueStats(
                name=one.name,
                counts=one.counts,
                paused=one.paused,
                next_jobs=one.next_jobs,
                oldest_waiting=max((waits[next_job] for next_job in one.next_jobs), default=None),
                rate=rates.get(one.name, 0.0),
            )
            for one in counts
        ]

    async def locate(self, job: Job) -> JobLocation:
        """Where in its queue a job is. Raises QueueUnavailableError."""
        return await self._places.locate(job.queue, id_in_queue(job.job_id)[0])

    async def jobs_in(self, queue: str, place: BullState, limit: int) -> list[JobInQueue]:
        """The jobs in a place of a queue, at most `limit`: the next first, of finished jobs the newest."""
        return await self._recorded(queue, await self._places.ids_in(queue, place, limit))

    async def _recorded(self, queue: str, ids: Sequence[str]) -> list[JobInQueue]:
        """Jobs of a queue by the record's ids too."""
        foreign = [id for id in ids if parse_queue_job_id(id) is None]
        times = dict(zip(foreign, await self._places.timestamps(queue, foreign), strict=True)) if foreign else {}
        return [JobInQueue(job_id=id, id=_record_id(queue, id, times.get(id))) for id in ids]

    async def running(self, limit: int = 200) -> list[RunningJob]:
        """The jobs that run now, at most `limit` of each queue, the longest running first."""
        # No index tells them from all others, but their queues do.
        names = await self.names()
        active = zip(names, await self._places.active_in(names, limit), strict=True)
        jobs = [job for name, ids in active for job in await self._recorded(name, ids)]
        async with self._database.connection() as connection:
            return await read_running_jobs(connection, [job.id for job in jobs if job.id is not None])

    async def ping(self) -> None:
        """Return when Redis answers; raises QueueUnavailableError otherwise."""
        await self._reader.ping()

    async def close(self) -> None:
        """Close the client."""
        await self._client.aclose()


def _record_id(queue: str, job_id: str, timestamp: int | None) -> UUID | None:
    """The record's id of a job: ours, or derived from the time at which another client published it."""
    ours = parse_queue_job_id(job_id)
    if ours is not None:
        return ours[0]
    return None if timestamp is None else external_job_id(queue, job_id, timestamp)


async def _waits(connection: Connection, counts: Sequence[QueueCounts]) -> dict[NextJob, float]:
    """Seconds that each queue's next jobs wait; by the queue's own word where the record does not know the job."""
    ids = {job: _record_id(one.name, job.job_id, job.timestamp) for one in counts for job in one.next_jobs}
    recorded = await read_waiting_seconds(connection, [id for id in ids.values() if id is not None])
    now = time.time()
    published = {job: max(0.0, now - job.timestamp / 1_000) if job.timestamp else 0.0 for job in ids}
    return {job: recorded.get(id, published[job]) if id is not None else published[job] for job, id in ids.items()}

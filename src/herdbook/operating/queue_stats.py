"""Statistics of the queues, and which jobs are where in them, from Redis and the record together."""

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
    """The current state of a queue.

    `oldest_waiting` is for how many seconds the next job has been due, None if none is waiting; `rate` is
    how many jobs finished per minute, over the last five minutes.
    """

    oldest_waiting: float | None
    rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class JobInQueue:
    """A job by its id in the queue; `id` is its id in the record, None if that is unknown."""

    job_id: str
    id: UUID | None


class QueueStatsReader:
    """Reads the statistics of the queues that programs have declared or that contain jobs."""

    def __init__(self, database: Database, registry: Registry, client: QueueClient, *, prefix: str) -> None:
        self._database = database
        self._registry = registry
        self._client = client
        self.prefix = prefix
        self._reader = QueueReader(client, prefix=prefix)
        self._places = JobLocator(client, prefix=prefix)

    @classmethod
    def connect(cls, settings: Settings, registry: Registry, database: Database) -> Self:
        """A reader of the Redis in `settings`, which connects on first use; the caller closes it."""
        if settings.redis_url is None:
            raise ConfigurationError("set REDIS_URL")
        client = connect(settings.redis_url, name="herdbook-stats")
        return cls(database, registry, client, prefix=settings.queue_prefix)

    async def names(self) -> list[str]:
        """The known queues, sorted. Raises RecordUnavailableError."""
        async with self._database.connection() as connection:
            recorded = await read_queues(connection)
        return sorted({*recorded, *(job_type.queue for job_type in self._registry)})

    async def check(self, name: str) -> None:
        """Raise QueueNotFoundError unless the record, this program or Redis knows the queue.

        Redis comes last, for queues of other programs. Raises RecordUnavailableError, QueueUnavailableError.
        """
        if name in await self.names():
            return
        queue = await self._reader.counts(name)
        if not queue.paused and not any(queue.counts.values()):
            raise QueueNotFoundError("no program has declared a queue with this name, and it contains no jobs")

    async def states(self, names: Sequence[str] | None = None) -> list[QueueStats]:
        """Each known queue, or those named. Raises RecordUnavailableError, QueueUnavailableError."""
        counts = await self._reader.all_counts(names if names is not None else await self.names())
        async with self._database.connection() as connection:
            rates = await read_queue_rates(connection)
            waits = await _waiting_seconds(connection, counts)
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
        """Up to `limit` jobs of a queue in a state: the next to run first, of finished jobs the newest first."""
        return await self._recorded(queue, await self._places.ids_in(queue, place, limit))

    async def _recorded(self, queue: str, ids: Sequence[str]) -> list[JobInQueue]:
        """The jobs with these ids in the queue, with their ids in the record."""
        external = [id for id in ids if parse_queue_job_id(id) is None]
        times = dict(zip(external, await self._places.timestamps(queue, external), strict=True)) if external else {}
        return [JobInQueue(job_id=id, id=_record_id(queue, id, times.get(id))) for id in ids]

    async def running(self, limit: int = 200) -> list[RunningJob]:
        """The running jobs, up to `limit` per queue, longest running first."""
        # The record has no index of running jobs, but the queues list them.
        names = await self.names()
        active = zip(names, await self._places.active_in(names, limit), strict=True)
        jobs = [job for name, ids in active for job in await self._recorded(name, ids)]
        async with self._database.connection() as connection:
            return await read_running_jobs(connection, [job.id for job in jobs if job.id is not None])

    async def ping(self) -> None:
        """Return once Redis answers; raises QueueUnavailableError if it does not."""
        await self._reader.ping()

    async def close(self) -> None:
        """Close the client."""
        await self._client.aclose()


def _record_id(queue: str, job_id: str, timestamp: int | None) -> UUID | None:
    """A job's id in the record: our own, or derived from the time at which another client published it."""
    ours = parse_queue_job_id(job_id)
    if ours is not None:
        return ours[0]
    return None if timestamp is None else external_job_id(queue, job_id, timestamp)


async def _waiting_seconds(connection: Connection, counts: Sequence[QueueCounts]) -> dict[NextJob, float]:
    """How long each queue's next jobs have waited; by their timestamp in the queue if the record does not know them."""
    ids = {job: _record_id(one.name, job.job_id, job.timestamp) for one in counts for job in one.next_jobs}
    recorded = await read_waiting_seconds(connection, [id for id in ids.values() if id is not None])
    return {job: job.waited if id is None else recorded.get(id, job.waited) for job, id in ids.items()}

"""Queues as the pages show them, from Redis and the record; from the record alone while Redis is unreachable."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

from herdbook.errors import QueueUnavailableError
from herdbook.http.services import Services
from herdbook.model.health import DELIVERY_GRACE, QueueFacts
from herdbook.model.job import JobStatus
from herdbook.operating.health_facts import queue_facts
from herdbook.operating.queue_stats import BullState, QueueStats
from herdbook.record.queues import RequestedPause, read_requested_pauses
from herdbook.record.reads import StatusCount, read_stats
from herdbook.record.stats import read_queue_minutes
from herdbook.record.workers import WorkerRow, count_takers, read_workers


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSummary:
    """A queue. `state_counts` are its jobs by BullMQ state, `status_counts` those in the record by status.

    `oldest_seconds` is how long the next job has been waiting, `finished_per_minute` the current rate,
    `minutes` the jobs that finished in each minute of the last hour, and `workers` the healthy workers of the queue.
    `health` is what it is judged by. What only Redis knows (`health`, `state_counts`, `oldest_seconds`,
    `finished_per_minute`) is None while it is unreachable.
    """

    name: str
    state_counts: Mapping[str, int] | None
    status_counts: Mapping[JobStatus, int]
    is_paused: bool
    oldest_seconds: float | None
    finished_per_minute: float | None
    minutes: Sequence[int]
    workers: int
    health: QueueFacts | None = None

    @property
    def url_name(self) -> str:
        """Its name, quoted for a URL."""
        return quote_queue_name(self.name)

    @property
    def waiting(self) -> int:
        """The jobs that are ready to run; while Redis is unreachable, the pending ones in the record."""
        if self.state_counts is None:
            return self.status_counts.get(JobStatus.PENDING, 0)
        return self.state_counts[BullState.WAITING] + self.state_counts[BullState.PRIORITIZED]

    @property
    def lacks_worker(self) -> bool:
        """Whether jobs are waiting and no worker serves the queue."""
        return self.health.lacks_worker if self.health else bool(self.waiting) and not self.workers


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSummaries:
    """All known queues by name, and all workers."""

    queues: dict[str, QueueSummary]
    workers: list[WorkerRow]
    is_redis_unreachable: bool


def quote_queue_name(name: str) -> str:
    """A queue's name, quoted for a URL."""
    return quote(name, safe="")


async def read_queue_summary(services: Services, name: str) -> QueueSummary:
    """One queue. Raises QueueNotFoundError, RecordUnavailableError, and QueueUnavailableError for an unknown one."""
    await services.queues.check(name)
    return (await read_queue_summaries(services, name)).queues[name]


async def read_queue_summaries(services: Services, *more: str) -> QueueSummaries:
    """All queues that are declared or hold jobs, and those in `more`. Raises RecordUnavailableError."""
    names = sorted({*await services.queues.names(), *more})
    async with services.database.connection() as connection:
        counts = await read_stats(connection)
        requested_pauses = await read_requested_pauses(connection)
        minutes = await read_queue_minutes(connection)
        workers = await read_workers(connection)
    status_counts = _by_queue(counts)
    workers_per_queue = count_takers(workers)
    stats_by_name = await _read_stats_from_redis(services, names)
    health = {one.name: one for one in queue_facts(stats_by_name.values(), workers, counts)}
    queues = {}
    for name in names:
        stats = stats_by_name.get(name)
        is_paused = _is_paused(stats, requested_pauses.get(name))
        queues[name] = QueueSummary(
            name=name,
            state_counts=stats.counts if stats else None,
            status_counts=status_counts[name],
            is_paused=is_paused,
            oldest_seconds=stats.oldest_waiting if stats else None,
            finished_per_minute=stats.rate if stats else None,
            minutes=minutes.get(name, ()),
            workers=workers_per_queue[name],
            health=replace(health[name], paused=is_paused) if stats else None,
        )
    is_redis_unreachable = bool(names) and not stats_by_name
    return QueueSummaries(queues=queues, workers=workers, is_redis_unreachable=is_redis_unreachable)


async def _read_stats_from_redis(services: Services, names: Sequence[str]) -> dict[str, QueueStats]:
    """What Redis knows of the queues; nothing while it is unreachable."""
    try:
        return {one.name: one for one in await services.queues.states(names)}
    except QueueUnavailableError:
        return {}


def _by_queue(counts: Sequence[StatusCount]) -> dict[str, Counter[JobStatus]]:
    found: dict[str, Counter[JobStatus]] = defaultdict(Counter)
    for one in counts:
        found[one.queue][one.status] += one.count
    return found


def _is_paused(stats: QueueStats | None, requested: RequestedPause | None) -> bool:
    """What Redis says, unless the relay may not have applied the requested state yet."""
    if requested is not None and (stats is None or requested.age < DELIVERY_GRACE):
        return requested.paused
    return stats is not None and stats.paused

"""Takes what Redis and the record know of the queues.

Gives each queue as the pages show it, with Redis there or not.
Never changes anything.
"""

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
class QueueRow:
    """A queue. `counts` are its jobs by BullMQ state, None while Redis is away; `recorded` the record's by status.

    `health` is what it is judged by (None while Redis is unreachable).
    `oldest` is for how many seconds the next job could have run, `rate` how many jobs ended per minute (both None
    while Redis is away), `minutes` how many ended in each minute of the last hour, `workers` how many take its jobs.
    """

    name: str
    counts: Mapping[str, int] | None
    recorded: Mapping[JobStatus, int]
    is_paused: bool
    oldest: float | None
    rate: float | None
    minutes: Sequence[int]
    workers: int
    health: QueueFacts | None = None

    @property
    def address(self) -> str:
        """Its name as it stands in an address."""
        return address_of(self.name)

    @property
    def waiting(self) -> int:
        """The jobs that could run now; those that the record has as pending while Redis is away."""
        if self.counts is None:
            return self.recorded.get(JobStatus.PENDING, 0)
        return self.counts[BullState.WAITING] + self.counts[BullState.PRIORITIZED]

    @property
    def lacks_worker(self) -> bool:
        """Whether jobs wait for a worker that is not there."""
        return self.health.lacks_worker if self.health else bool(self.waiting) and not self.workers


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueViews:
    """All known queues by name, and all workers; `is_away` while Redis does not answer."""

    queues: dict[str, QueueRow]
    workers: list[WorkerRow]
    is_away: bool


def address_of(name: str) -> str:
    """A queue's name as it stands in an address."""
    return quote(name, safe="")


async def view_queue(services: Services, name: str) -> QueueRow:
    """One queue. Raises QueueNotFoundError, RecordUnavailableError, and QueueUnavailableError for an unknown one."""
    await services.queues.check(name)
    return (await view_queues(services, name)).queues[name]


async def view_queues(services: Services, *more: str) -> QueueViews:
    """All queues that a program declared or a job is in, and those named. Raises RecordUnavailableError."""
    names = sorted({*await services.queues.names(), *more})
    async with services.database.connection() as connection:
        counts = await read_stats(connection)
        wishes = await read_requested_pauses(connection)
        minutes = await read_queue_minutes(connection)
        workers = await read_workers(connection)
    takers = count_takers(workers)
    recorded = _by_queue(counts)
    states = await _states(services, names)
    health = {one.name: one for one in queue_facts(states.values(), workers, counts)}
    queues = {}
    for name in names:
        state = states.get(name)
        is_paused = _is_paused(state, wishes.get(name))
        queues[name] = QueueRow(
            name=name,
            counts=state.counts if state else None,
            recorded=recorded[name],
            is_paused=is_paused,
            oldest=state.oldest_waiting if state else None,
            rate=state.rate if state else None,
            minutes=minutes.get(name, ()),
            workers=takers[name],
            health=replace(health[name], paused=is_paused) if state else None,
        )
    return QueueViews(queues=queues, workers=workers, is_away=bool(names) and not states)


async def _states(services: Services, names: Sequence[str]) -> dict[str, QueueStats]:
    """What Redis knows; nothing while it is away."""
    try:
        return {one.name: one for one in await services.queues.states(names)}
    except QueueUnavailableError:
        return {}


def _by_queue(counts: Sequence[StatusCount]) -> dict[str, Counter[JobStatus]]:
    found: dict[str, Counter[JobStatus]] = defaultdict(Counter)
    for one in counts:
        found[one.queue][one.status] += one.count
    return found


def _is_paused(state: QueueStats | None, wish: RequestedPause | None) -> bool:
    """What the queue itself says, unless a wish is still on its way there."""
    if wish is not None and (state is None or wish.age < DELIVERY_GRACE):
        return wish.paused
    return state is not None and state.paused

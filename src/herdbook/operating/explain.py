"""Says why a pending job is not running, by the same facts and in the same words as `health`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from herdbook.errors import QueueUnavailableError
from herdbook.model.health import DELIVERY_GRACE, QueueFacts, count_jobs, no_live_worker, unreachable
from herdbook.model.job import Job, JobStatus
from herdbook.model.registry import Registry
from herdbook.operating.health_facts import queue_facts
from herdbook.operating.queue_stats import BullState, JobLocation, QueueStatsReader
from herdbook.record.clock import read_clock
from herdbook.record.database import Database
from herdbook.record.job_types import is_job_type_declared
from herdbook.record.queue_lookups import Undelivered, read_undelivered
from herdbook.record.reads import StatusCount, read_stats
from herdbook.record.workers import WorkerRow, read_workers

_LONGEST_REFUSAL = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class InQueue:
    """A job's queue, and where in it the job is."""

    place: JobLocation
    queue: QueueFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFacts:
    """Everything that decides whether a job runs.

    `found` is None while Redis is unreachable. `workers` are the live ones of the job's queue, stopping ones too.
    `is_declared` tells whether any program declared the job's type.
    """

    job: Job
    now: datetime
    undelivered: Undelivered | None
    found: InQueue | None
    workers: Sequence[WorkerRow]
    is_declared: bool


async def why_not_running(database: Database, queues: QueueStatsReader, registry: Registry, job: Job) -> list[str]:
    """Why the job is not running; nothing if it is not pending. Raises RecordUnavailableError."""
    if job.status is not JobStatus.PENDING:
        return []
    async with database.connection() as connection:
        now = await read_clock(connection)
        undelivered = await read_undelivered(connection, job.id)
        workers = await read_workers(connection)
        recorded = await read_stats(connection)
        is_declared = registry.find(job.job_type) is not None or await is_job_type_declared(connection, job.job_type)
    facts = JobFacts(
        job=job,
        now=now,
        undelivered=undelivered,
        found=await _find(queues, job, workers, recorded),
        workers=[one for one in workers if job.queue in one.queues and not one.is_silent],
        is_declared=is_declared,
    )
    return list(reasons(facts))


async def _find(
    queues: QueueStatsReader, job: Job, workers: Sequence[WorkerRow], recorded: Sequence[StatusCount]
) -> InQueue | None:
    try:
        place = await queues.locate(job)
        states = await queues.states([job.queue])
    except QueueUnavailableError:
        return None
    (queue,) = queue_facts(states, workers, recorded)
    return InQueue(place=place, queue=queue)


def reasons(facts: JobFacts) -> Iterator[str]:
    """The sentences, the nearest reason first."""
    found = facts.found
    if found is None:
        yield f"{unreachable('Redis')} No job can start until it is back; the record keeps all of them."
    if facts.undelivered is not None:
        yield _why_undelivered(facts.undelivered, facts)
    elif found is not None:
        yield _why_there(facts.job, found.place, facts.now)
    if found is not None and found.queue.paused:
        yield f"Queue {facts.job.queue} is paused: none of its jobs starts until it is resumed."
    busy = _why_no_worker(facts)
    if busy is not None:
        yield busy
    if not facts.is_declared:
        yield f"No program has declared the job type {facts.job.job_type}, so no worker has a processor for it."


def _why_undelivered(entry: Undelivered, facts: JobFacts) -> str:
    if entry.error_message is not None:
        times = "once" if entry.tries == 1 else f"{entry.tries:,} times"
        return f"Its queue has refused it {times}, and the relay keeps trying: {entry.error_message[:_LONGEST_REFUSAL]}"
    if (facts.now - entry.since).total_seconds() <= DELIVERY_GRACE:
        return "It is on its way to its queue."
    # No relay can do anything while Redis is unreachable.
    question = "" if facts.found is None else " Is a relay running?"
    return f"It has been waiting for the relay since {_moment(entry.since)}.{question}"


def _why_there(job: Job, place: JobLocation, now: datetime) -> str:
    match place.place:
        case BullState.DELAYED if place.due is not None:
            return _why_delayed(job, place.due, now)
        case BullState.WAITING | BullState.PRIORITIZED:
            return _why_waiting(place)
        case BullState.ACTIVE:
            return "A worker has just taken it; or one had taken it and was lost, and another will take it over."
        case BullState.CHILDREN:
            return "It is waiting for the jobs that it depends on."
        case BullState.COMPLETED | BullState.FAILED:
            return "Its queue counts it as finished, but the record has not been told how it ended."
        case _:
            return "Its queue no longer has it: Redis lost it, and it comes back; or another program removed it."


def _why_delayed(job: Job, due: datetime, now: datetime) -> str:
    if due <= now:
        return f"It has been due since {_moment(due)}, and starts when a worker next looks for jobs."
    if job.attempt:
        return f"Its next attempt is at {_moment(due)}."
    return f"It is scheduled for {_moment(due)}."


def _why_waiting(place: JobLocation) -> str:
    if place.ahead is None:
        return "It is waiting in its queue."
    if not place.ahead:
        return "It is next in its queue."
    jobs = "1 job is" if place.ahead == 1 else f"{place.ahead:,} jobs are"
    return f"{jobs} ahead of it." if place.is_exact else f"More than {jobs} ahead of it."


def _why_no_worker(facts: JobFacts) -> str | None:
    queue = facts.found.queue if facts.found else None
    takers = [one for one in facts.workers if one.takes_jobs]
    if not takers:
        if queue is not None and queue.is_served:
            return f"Only other programs' workers take queue {facts.job.queue}; {count_jobs(queue.active)} running."
        if facts.workers:
            return f"All workers of queue {facts.job.queue} are stopping and take no more jobs."
        return f"{no_live_worker(facts.job.queue)}."
    room = sum(one.concurrency for one in takers)
    if queue is None or queue.active < room:
        return None
    who = "The worker is" if len(takers) == 1 else f"All {len(takers):,} workers are"
    return f"{who} busy: {count_jobs(queue.active)} of the queue running, room for {room:,}."


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"

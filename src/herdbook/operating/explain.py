"""Explains why a pending job is not running, from the record, the queue and the workers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from herdbook.errors import QueueUnavailableError
from herdbook.model.job import Job, JobStatus
from herdbook.model.registry import Registry
from herdbook.operating.queue_stats import BullState, JobLocation, QueueStatsReader
from herdbook.record.database import Database
from herdbook.record.job_types import is_job_type_declared
from herdbook.record.queue_lookups import Undelivered, read_undelivered
from herdbook.record.workers import WorkerRow, read_workers

# A healthy relay delivers sooner than this.
_PROMPT = timedelta(seconds=5)
_LONGEST_REFUSAL = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class JobQueueFacts:
    """Where in its queue the job is, whether the queue is paused, and how many of its jobs are running."""

    place: JobLocation
    is_paused: bool
    active: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFacts:
    """Everything that decides whether a job runs.

    `queue` is None while Redis is unreachable. `workers` are the live workers of the job's queue.
    `is_declared` is whether any program has declared the job's type.
    """

    job: Job
    now: datetime
    undelivered: Undelivered | None
    queue: JobQueueFacts | None
    workers: Sequence[WorkerRow]
    is_declared: bool


async def why_not_running(database: Database, queues: QueueStatsReader, registry: Registry, job: Job) -> list[str]:
    """Why the job is not running; nothing if it is not pending. Raises RecordUnavailableError."""
    if job.status is not JobStatus.PENDING:
        return []
    async with database.connection() as connection:
        undelivered = await read_undelivered(connection, job.id)
        workers = await read_workers(connection)
        is_declared = registry.find(job.job_type) is not None or await is_job_type_declared(connection, job.job_type)
    facts = JobFacts(
        job=job,
        now=datetime.now(UTC),
        undelivered=undelivered,
        queue=await _ask_queue(queues, job),
        workers=[one for one in workers if job.queue in one.queues and not one.is_silent],
        is_declared=is_declared,
    )
    return list(reasons(facts))


async def _ask_queue(queues: QueueStatsReader, job: Job) -> JobQueueFacts | None:
    try:
        place = await queues.locate(job)
        (state,) = await queues.states([job.queue])
    except QueueUnavailableError:
        return None
    return JobQueueFacts(place=place, is_paused=state.paused, active=state.counts["active"])


def reasons(facts: JobFacts) -> Iterator[str]:
    """The reasons as sentences, the most immediate one first."""
    queue = facts.queue
    if queue is None:
        yield "Redis is unreachable: no job can start until it is back, but none is lost."
    if facts.undelivered is not None:
        yield _why_undelivered(facts.undelivered, facts.now)
    elif queue is not None:
        yield _why_there(facts.job, queue.place, facts.now)
    if queue is not None and queue.is_paused:
        yield f"The queue {facts.job.queue} is paused: its jobs do not start until it is resumed."
    busy = _why_no_worker(facts)
    if busy is not None:
        yield busy
    if not facts.is_declared:
        yield f"No program has declared the job type {facts.job.job_type}, so no worker has a processor for it."


def _why_undelivered(entry: Undelivered, now: datetime) -> str:
    if entry.error_message is not None:
        times = "once" if entry.tries == 1 else f"{entry.tries:,} times"
        return f"The queue refused it {times}, and the relay will retry: {entry.error_message[:_LONGEST_REFUSAL]}"
    if now - entry.since <= _PROMPT:
        return "It is on its way to the queue."
    return f"It has been waiting for a relay since {_moment(entry.since)}: none is running, or it cannot keep up."


def _why_there(job: Job, place: JobLocation, now: datetime) -> str:
    match place.place:
        case BullState.DELAYED if place.due is not None:
            return _why_delayed(job, place.due, now)
        case BullState.WAITING | BullState.PRIORITIZED:
            return _why_waiting(place)
        case BullState.ACTIVE:
            return "A worker has just taken it. If that worker has vanished, another one will take over."
        case BullState.CHILDREN:
            return "It is waiting for the jobs that it depends on."
        case BullState.COMPLETED | BullState.FAILED:
            return "It is finished in the queue, but its outcome was not recorded."
        case _:
            return "It was delivered, but it is not in the queue: Redis may have lost it."


def _why_delayed(job: Job, due: datetime, now: datetime) -> str:
    if due <= now:
        return f"It has been due since {_moment(due)}, and starts when a worker next fetches jobs."
    if job.attempt:
        return f"Its next attempt is at {_moment(due)}."
    return f"It is scheduled for {_moment(due)}."


def _why_waiting(place: JobLocation) -> str:
    if place.ahead is None:
        return "It is waiting in its queue."
    if not place.ahead:
        return "It is the next job in its queue."
    jobs = "1 job is" if place.ahead == 1 else f"{place.ahead:,} jobs are"
    return f"{jobs} ahead of it." if place.is_exact else f"More than {jobs} ahead of it."


def _why_no_worker(facts: JobFacts) -> str | None:
    if not facts.workers:
        return f"No worker for the queue {facts.job.queue} is alive."
    working = [one for one in facts.workers if one.state == "running"]
    if not working:
        return f"All workers for the queue {facts.job.queue} are stopping and take no more jobs."
    room = sum(one.concurrency for one in working)
    if facts.queue is None or facts.queue.active < room:
        return None
    who = "The worker is" if len(working) == 1 else f"All {len(working):,} workers are"
    return f"{who} busy: {facts.queue.active:,} jobs of the queue are running, and there is room for {room:,}."


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"

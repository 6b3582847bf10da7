"""Takes a pending job, and what the record, the queue and the workers say of it.

Gives the reasons why it does not run, as short sentences for a person.
Never guesses: what cannot be known now, it says.
"""

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

# The relay needs less when all is well.
_PROMPT = timedelta(seconds=5)
_LONGEST_REFUSAL = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class JobQueueFacts:
    """What the queue says: where the job is, whether the queue is paused, how many of its jobs run."""

    place: JobLocation
    is_paused: bool
    active: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFacts:
    """All that bears on whether a job runs.

    `queue` is None while Redis is away. `workers` are those of the job's queue that are alive.
    `is_declared` tells whether any program declared the job's type.
    """

    job: Job
    now: datetime
    undelivered: Undelivered | None
    queue: JobQueueFacts | None
    workers: Sequence[WorkerRow]
    is_declared: bool


async def why_not_running(database: Database, queues: QueueStatsReader, registry: Registry, job: Job) -> list[str]:
    """Why the job does not run; nothing when it is not pending. Raises RecordUnavailableError."""
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
    """The sentences, the nearest reason first."""
    queue = facts.queue
    if queue is None:
        yield "Redis is away: no job can start until it is back, and the record keeps all of them."
    if facts.undelivered is not None:
        yield _why_undelivered(facts.undelivered, facts.now)
    elif queue is not None:
        yield _why_there(facts.job, queue.place, facts.now)
    if queue is not None and queue.is_paused:
        yield f"The queue {facts.job.queue} is paused: none of its jobs starts until it is resumed."
    busy = _why_no_worker(facts)
    if busy is not None:
        yield busy
    if not facts.is_declared:
        yield f"No program has declared the job type {facts.job.job_type}, so no worker has a processor for it."


def _why_undelivered(entry: Undelivered, now: datetime) -> str:
    if entry.error_message is not None:
        times = "once" if entry.tries == 1 else f"{entry.tries:,} times"
        return f"The queue refused it {times}, and the relay tries again: {entry.error_message[:_LONGEST_REFUSAL]}"
    if now - entry.since <= _PROMPT:
        return "It is on its way to the queue."
    return f"It waits for the relay since {_moment(entry.since)}: none is running, or it cannot keep up."


def _why_there(job: Job, place: JobLocation, now: datetime) -> str:
    match place.place:
        case BullState.DELAYED if place.due is not None:
            return _why_delayed(job, place.due, now)
        case BullState.WAITING | BullState.PRIORITIZED:
            return _why_waiting(place)
        case BullState.ACTIVE:
            return "A worker has just taken it, or held it and is gone; then another one takes over."
        case BullState.CHILDREN:
            return "It waits for the jobs that it depends on."
        case BullState.COMPLETED | BullState.FAILED:
            return "The queue counts it as finished, and the record has not been told what came of it."
        case _:
            return "It was delivered, and the queue does not know it: Redis may have lost it."


def _why_delayed(job: Job, due: datetime, now: datetime) -> str:
    if due <= now:
        return f"It could start since {_moment(due)}, and starts when a worker looks for jobs."
    if job.attempt:
        return f"Its next try is at {_moment(due)}."
    return f"It is scheduled for {_moment(due)}."


def _why_waiting(place: JobLocation) -> str:
    if place.ahead is None:
        return "It waits in its queue."
    if not place.ahead:
        return "It is the next job of its queue."
    jobs = "1 job goes" if place.ahead == 1 else f"{place.ahead:,} jobs go"
    return f"{jobs} first." if place.is_exact else f"More than {jobs} first."


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
    return f"{who} busy: {facts.queue.active:,} jobs of the queue run, and there is room for {room:,}."


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"

"""Adds jobs to BullMQ queues, many in one script; a job whose id Redis already knows is left alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import redis.asyncio

from herdbook.queue.connection import raises_queue_unavailable
from herdbook.queue.keys import key_prefix
from herdbook.queue.scripts import compose_script, to_msgpack

# Keeps one script under about 5 ms, so that it does not block other clients of Redis for longer.
_PER_SCRIPT = 100
# Characters of job data in one script. Redis takes no argument of more than 512 MB, and blocks while it copies one.
_MAX_CHARACTERS = 4_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedJob:
    """A job for the queue. `data` is JSON text, `timestamp` Unix milliseconds.

    A job with a `delay` (milliseconds from its `timestamp`) is due `due_in` milliseconds from now, by Redis's clock.
    `attempt` and `attempts_made` go on from there when Redis lost a job that had attempts.
    `trace_context` is what BullMQ's telemetry reads and writes, for workers in any language.
    """

    job_id: str
    job_type: str
    data: str
    timestamp: int
    delay: int
    due_in: int = 0
    priority: int
    attempts: int
    backoff: dict[str, Any] | None
    trace_context: str | None = None
    attempt: int = 0
    attempts_made: int = 0


class QueueWriter:
    """Adds jobs to BullMQ queues."""

    def __init__(self, client: redis.asyncio.Redis, *, prefix: str) -> None:
        self._prefix = prefix
        self._add = client.register_script(compose_script("add"))

    async def add(self, queue: str, jobs: Sequence[QueuedJob]) -> list[str | None]:
        """Add jobs to one queue; returns an error message or None for each.

        Raises QueueUnavailableError if Redis is unreachable; jobs added until then stay.
        """
        prefix = key_prefix(self._prefix, queue)
        errors: list[str | None] = []
        with raises_queue_unavailable():
            for batch in _batches(jobs):
                packed = to_msgpack([_add_arguments(job, prefix) for job in batch])
                errors += await self._add(keys=[prefix], args=[packed])
        return errors


def _batches(jobs: Sequence[QueuedJob]) -> Iterator[list[QueuedJob]]:
    """The jobs in order, few enough and small enough for one script; a larger job goes alone."""
    batch: list[QueuedJob] = []
    characters = 0
    for job in jobs:
        if batch and (len(batch) == _PER_SCRIPT or characters + len(job.data) > _MAX_CHARACTERS):
            yield batch
            batch, characters = [], 0
        batch.append(job)
        characters += len(job.data)
    if batch:
        yield batch


def _add_arguments(job: QueuedJob, prefix: str) -> list[Any]:
    """The job as `add.lua` takes it: which of BullMQ's scripts adds it, and that script's arguments."""
    script = "delayed" if job.delay else "prioritized" if job.priority else "standard"
    options: dict[str, Any] = {"attempts": job.attempts}
    if job.delay:
        options["delay"] = job.delay
    if job.priority:
        options["priority"] = job.priority
    if job.backoff and job.attempts > 1:
        options["backoff"] = job.backoff
    if job.trace_context:
        options["tm"] = job.trace_context
    # Prefix, id, name, timestamp; the others are for flows, repetition and deduplication.
    arguments = [prefix, job.job_id, job.job_type, job.timestamp]
    earlier = [job.job_id, job.attempt, job.attempts_made] if job.attempt else False
    return [script, to_msgpack(arguments), job.data, to_msgpack(options), job.due_in, earlier]

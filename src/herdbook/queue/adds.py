"""Takes jobs from the outbox.

Gives them to their BullMQ queue, many in one script.
Never adds a job twice while Redis still knows its id.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import redis.asyncio

from herdbook.queue.connection import away_is_unavailable
from herdbook.queue.keys import key_prefix
from herdbook.queue.scripts import compose, pack

# Keeps one script under about 5 ms, so that no other client of Redis waits longer.
_PER_SCRIPT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedJob:
    """A job for the queue. `data` is JSON text, `delay` milliseconds from now, `timestamp` Unix milliseconds.

    `trace_context` is for whoever runs it, of any language: what BullMQ's telemetry writes and reads.
    """

    job_id: str
    job_type: str
    data: str
    timestamp: int
    delay: int
    priority: int
    attempts: int
    backoff: dict[str, Any] | None
    trace_context: str | None = None


class QueueWriter:
    """Adds jobs to BullMQ queues."""

    def __init__(self, client: redis.asyncio.Redis, *, prefix: str) -> None:
        self._prefix = prefix
        self._add = client.register_script(compose("add"))

    async def add(self, queue: str, jobs: Sequence[QueuedJob]) -> list[str | None]:
        """Add jobs to one queue; an error text or None for each.

        Raises QueueUnavailableError when Redis is away; what was added until then stays.
        """
        prefix = key_prefix(self._prefix, queue)
        errors: list[str | None] = []
        with away_is_unavailable():
            for start in range(0, len(jobs), _PER_SCRIPT):
                packed = pack([_pack(job, prefix) for job in jobs[start : start + _PER_SCRIPT]])
                errors += await self._add(keys=[prefix], args=[packed])
        return errors


def _pack(job: QueuedJob, prefix: str) -> list[Any]:
    """The job as `add.lua` takes it: BullMQ's own arguments, and which of its scripts is to have them."""
    way = "delayed" if job.delay else "prioritized" if job.priority else "standard"
    options: dict[str, Any] = {"attempts": job.attempts}
    if job.delay:
        options["delay"] = job.delay
    if job.priority:
        options["priority"] = job.priority
    if job.backoff and job.attempts > 1:
        options["backoff"] = job.backoff
    if job.trace_context:
        options["tm"] = job.trace_context
    # Prefix, id, name, timestamp, parent key, parent's dependencies key, parent, repeat key, deduplication key.
    arguments = [prefix, job.job_id, job.job_type, job.timestamp, None, None, None, None, None]
    return [way, pack(arguments), job.data, pack(options), job.timestamp]

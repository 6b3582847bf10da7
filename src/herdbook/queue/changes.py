"""Takes operators' actions on queues and on jobs in them.

Gives them to BullMQ's own scripts, many in one call.
Never takes a job from the worker that holds it.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import redis.asyncio

from herdbook.queue.connection import away_is_unavailable
from herdbook.queue.keys import key_prefix
from herdbook.queue.scripts import compose, pack

# Keeps one script under about 5 ms: BullMQ looks for a waiting job from one end of the list, and half a millisecond
# is gone when 30,000 are before it.
_PER_SCRIPT = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Remove:
    """The queue is to forget the job. A `timestamp` (Unix milliseconds) tells jobs apart whose id BullMQ chose."""

    job_id: str
    timestamp: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Promote:
    """The job is not to wait for its time."""

    job_id: str
    timestamp: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Workers are to take no more jobs of the queue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """Workers are to take jobs of the queue again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clean:
    """The queue is to forget its completed jobs."""


QueueAction = Remove | Promote | Pause | Resume | Clean


class QueueChanger:
    """Carries out operators' actions on BullMQ queues; what is done already stays as it is."""

    def __init__(self, client: redis.asyncio.Redis, *, prefix: str) -> None:
        self._prefix = prefix
        self._change = client.register_script(compose("change"))

    async def change(self, queue: str, changes: Sequence[QueueAction]) -> list[str | None]:
        """QueueAction one queue, in order; an error text or None for each.

        Raises QueueUnavailableError when Redis is away; what was done until then stays.
        """
        errors: list[str | None] = []
        with away_is_unavailable():
            for start in range(0, len(changes), _PER_SCRIPT):
                errors += await self._carry_out(key_prefix(self._prefix, queue), changes[start : start + _PER_SCRIPT])
        return errors

    async def _carry_out(self, prefix: str, changes: Sequence[QueueAction]) -> list[str | None]:
        now = time.time_ns() // 1_000_000
        packed = pack([_pack(change) for change in changes])
        replies: list[Any] = await self._change(keys=[prefix], args=[now, packed])
        for index, change in enumerate(changes):
            while replies[index] == 1:
                replies[index : index + 1] = await self._change(keys=[prefix], args=[now, pack([_pack(change)])])
        return replies


def _pack(change: QueueAction) -> list[Any]:
    """The change as `change.lua` takes it."""
    match change:
        case Remove(job_id=job_id, timestamp=timestamp):
            return ["remove", job_id, "" if timestamp is None else timestamp]
        case Promote(job_id=job_id, timestamp=timestamp):
            return ["promote", job_id, "" if timestamp is None else timestamp]
        case Pause():
            return ["pause"]
        case Resume():
            return ["resume"]
        case Clean():
            return ["clean"]

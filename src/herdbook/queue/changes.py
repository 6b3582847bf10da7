"""Applies operators' actions to queues and the jobs in them, many in one script.

A job is never taken from the worker that holds it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import redis.asyncio

from herdbook.queue.connection import raises_queue_unavailable
from herdbook.queue.keys import key_prefix
from herdbook.queue.scripts import compose_script, to_msgpack

# The error message for a job that the queue does not have; the script's own.
GONE = "the job is gone"
# Keeps one script under about 5 ms: BullMQ searches the list of waiting jobs from one end, which takes half a
# millisecond if 30,000 jobs come first.
_PER_SCRIPT = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Remove:
    """Remove the job. If BullMQ chose its id, `timestamp` (Unix milliseconds) tells it from others with that id.

    A job that a BullMQ flow depends on stays. If it is not over, it fails for this `reason`, with what its options say
    about its parent.
    """

    job_id: str
    timestamp: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopen:
    """Put a job that is over back into its queue under the same id; the error is `GONE` if the queue has it no longer.

    A flow that depends on the job waits for it again. Its attempts are counted on.
    """

    job_id: str
    timestamp: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Promote:
    """Make a delayed job due at once; `timestamp` is as in `Remove`."""

    job_id: str
    timestamp: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Stop workers from taking jobs from the queue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """Let workers take jobs from the queue again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clean:
    """Remove the queue's completed jobs."""


QueueAction = Remove | Reopen | Promote | Pause | Resume | Clean


class QueueChanger:
    """Applies operators' actions to BullMQ queues; applying one again changes nothing."""

    def __init__(self, client: redis.asyncio.Redis, *, prefix: str) -> None:
        self._client = client
        self._prefix = prefix
        self._change = client.register_script(compose_script("change"))

    async def change(self, queue: str, changes: Sequence[QueueAction]) -> list[str | None]:
        """Apply actions to one queue, in order; returns an error message or None for each.

        Raises QueueUnavailableError if Redis is unreachable; actions applied until then stay.
        """
        errors: list[str | None] = []
        with raises_queue_unavailable():
            seconds, microseconds = await self._client.time()
            now = seconds * 1_000 + microseconds // 1_000
            for start in range(0, len(changes), _PER_SCRIPT):
                errors += await self._apply(key_prefix(self._prefix, queue), changes[start : start + _PER_SCRIPT], now)
        return errors

    async def _apply(self, prefix: str, changes: Sequence[QueueAction], now: int) -> list[str | None]:
        arguments = [_change_arguments(change) for change in changes]
        replies: list[Any] = await self._change(keys=[prefix], args=[now, to_msgpack(arguments)])
        for index, change in enumerate(arguments):
            while replies[index] == 1:
                replies[index : index + 1] = await self._change(keys=[prefix], args=[now, to_msgpack([change])])
        return replies


def _change_arguments(change: QueueAction) -> list[Any]:
    """The action as `change.lua` takes it."""
    match change:
        case Remove(job_id=job_id, timestamp=timestamp, reason=reason):
            return ["remove", job_id, "" if timestamp is None else timestamp, reason]
        case Reopen(job_id=job_id, timestamp=timestamp):
            return ["reopen", job_id, "" if timestamp is None else timestamp]
        case Promote(job_id=job_id, timestamp=timestamp):
            return ["promote", job_id, "" if timestamp is None else timestamp]
        case Pause():
            return ["pause"]
        case Resume():
            return ["resume"]
        case Clean():
            return ["clean"]

"""Marks a Redis, so that one that was flushed, replaced or set back can be told."""

from collections.abc import Sequence

import redis.asyncio

from herdbook.queue.connection import raises_queue_unavailable
from herdbook.queue.keys import key_prefix

# No key of a queue is this one: they all have a colon after the queue's name.
_KEY = "herdbook-epoch"


class QueueMark:
    """A hash beside the queues with a random id and a counter."""

    def __init__(self, client: redis.asyncio.Redis, *, prefix: str) -> None:
        self._client = client
        self._prefix = prefix
        self._key = f"{prefix}:{_KEY}"

    async def advance(self, fresh_id: str) -> tuple[str, int]:
        """Count one up; returns the id, which is `fresh_id` where there was none, and the counter.

        Raises QueueUnavailableError.
        """
        pipeline = self._client.pipeline(transaction=True)
        pipeline.hsetnx(self._key, "id", fresh_id)
        pipeline.hget(self._key, "id")
        pipeline.hincrby(self._key, "counter", 1)
        with raises_queue_unavailable():
            _, id, counter = await pipeline.execute()
        return id, int(counter)

    async def missing(self, jobs: Sequence[tuple[str, str]]) -> list[bool]:
        """Whether Redis does not have these jobs, by queue and job id. Raises QueueUnavailableError."""
        keys = [f"{key_prefix(self._prefix, queue)}{job_id}" for queue, job_id in jobs]
        with raises_queue_unavailable():
            # Nearly always all are there, which one command tells.
            if await self._client.exists(*keys) == len(keys):
                return [False] * len(keys)
            pipeline = self._client.pipeline(transaction=False)
            for key in keys:
                pipeline.exists(key)
            return [not found for found in await pipeline.execute()]

"""Marks a Redis and its queues, so that one that was flushed, replaced, set back or obliterated can be told."""

from collections.abc import Sequence

import redis.asyncio

from herdbook.queue.connection import raises_queue_unavailable
from herdbook.queue.keys import key_prefix

# No key of a queue is this one: they all have a colon after the queue's name. Also the field in a queue's own hash.
_KEY = "herdbook-epoch"


class QueueMark:
    """Random ids: one beside the queues with a counter, and one in each queue, in the hash that is deleted with it."""

    def __init__(self, client: redis.asyncio.Redis, *, prefix: str) -> None:
        self._client = client
        self._prefix = prefix
        self._key = f"{prefix}:{_KEY}"

    async def advance(self, fresh_id: str, queues: Sequence[str]) -> dict[str, tuple[str, int]]:
        """Count one up; returns, by key prefix, the ids of Redis and of these queues, and the counter (of queues: 0).

        An id is `fresh_id` where there was none. Raises QueueUnavailableError.
        """
        pipeline = self._client.pipeline(transaction=True)
        pipeline.hincrby(self._key, "counter", 1)
        places = {self._prefix: (self._key, "id")}
        places |= {f"{self._prefix}:{queue}": (f"{key_prefix(self._prefix, queue)}meta", _KEY) for queue in queues}
        for key, field in places.values():
            pipeline.hsetnx(key, field, fresh_id)
            pipeline.hget(key, field)
        with raises_queue_unavailable():
            counter, *found = await pipeline.execute()
        ids = dict(zip(places, found[1::2], strict=True))
        return {prefix: (id, int(counter) if prefix == self._prefix else 0) for prefix, id in ids.items()}

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

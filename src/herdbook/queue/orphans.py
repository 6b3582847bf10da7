"""Finds jobs whose data are in Redis although no list or set of their queue has them, as after a loss in parts.

A job that is anywhere in its queue, or whose lock is held, must never be taken for one.
"""

from collections.abc import Iterable

import redis.asyncio

from herdbook.queue.connection import raises_queue_unavailable
from herdbook.queue.keys import key_prefix
from herdbook.queue.scripts import compose_script

_LISTS = ("wait", "paused", "active")
# Ids that are read at once, and that one script looks for.
_PER_READ = 10_000
_PER_SCRIPT = 20


class OrphanFinder:
    """Forgets such jobs, so that they can be added again."""

    def __init__(self, client: redis.asyncio.Redis, *, prefix: str) -> None:
        self._client = client
        self._prefix = prefix
        self._forget = client.register_script(compose_script("forget_orphans"))

    async def forget(self, queue: str, job_ids: Iterable[str]) -> list[str]:
        """Forget those of these jobs that are nowhere in their queue; returns their ids.

        Raises QueueUnavailableError.
        """
        prefix = key_prefix(self._prefix, queue)
        with raises_queue_unavailable():
            unlisted = sorted(await self._without_listed(prefix, set(job_ids)))
            forgotten: list[str] = []
            for start in range(0, len(unlisted), _PER_SCRIPT):
                forgotten += await self._forget(keys=[prefix], args=unlisted[start : start + _PER_SCRIPT])
        return forgotten

    async def _without_listed(self, prefix: str, job_ids: set[str]) -> set[str]:
        """Those that no list has, read from the end at which the oldest are."""
        for name in _LISTS:
            end = -1
            while job_ids and (found := await self._client.lrange(f"{prefix}{name}", end - _PER_READ + 1, end)):
                job_ids.difference_update(found)
                end -= _PER_READ
        return job_ids

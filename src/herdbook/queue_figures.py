"""Takes the record, the declared job types and a Redis client.

Gives the figures of every known queue, and whether Redis answers; what http and web ask instead of `queue`.
Never changes anything.
"""

from typing import Self

import redis.asyncio

from herdbook.errors import ConfigurationError
from herdbook.queue.connection import connect
from herdbook.queue.reads import QueueCounts, QueueReader
from herdbook.registry import Registry
from herdbook.settings import Settings
from herdbook.store.pool import Record
from herdbook.store.reads import read_queues

__all__ = ["QueueCounts", "QueueFigures"]


class QueueFigures:
    """Reads the figures of the queues that this program or any other declared."""

    def __init__(self, record: Record, registry: Registry, client: redis.asyncio.Redis, *, prefix: str) -> None:
        self._record = record
        self._registry = registry
        self._client = client
        self._reader = QueueReader(client, prefix=prefix)

    @classmethod
    def connect(cls, settings: Settings, registry: Registry, record: Record) -> Self:
        """Figures from `settings`' Redis, connected at the first use; the caller closes them."""
        if settings.redis_url is None:
            raise ConfigurationError("set REDIS_URL")
        client = connect(settings.redis_url, name="herdbook-figures")
        return cls(record, registry, client, prefix=settings.queue_prefix)

    async def names(self) -> list[str]:
        """The known queues, sorted. Raises RecordUnavailableError."""
        async with self._record.connection() as connection:
            recorded = await read_queues(connection)
        return sorted({*recorded, *(job_type.queue for job_type in self._registry)})

    async def counts(self) -> list[QueueCounts]:
        """Each known queue's jobs by state. Raises RecordUnavailableError, QueueUnavailableError."""
        return [await self._reader.counts(name) for name in await self.names()]

    async def ping(self) -> None:
        """Return when Redis answers; raises QueueUnavailableError otherwise."""
        await self._reader.ping()

    async def close(self) -> None:
        """Close the client."""
        await self._client.aclose()

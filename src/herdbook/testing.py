"""Runs a whole system inside a test, on a real queue and record, and waits for conditions without sleeping."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from herdbook.app import Herdbook
from herdbook.errors import ConfigurationError
from herdbook.execution.worker import Worker
from herdbook.model.artifacts import FolderArtifacts
from herdbook.model.job import Job
from herdbook.model.registry import Registry
from herdbook.operating.control import Control
from herdbook.operating.queue_stats import QueueStatsReader
from herdbook.publishing.publish import Publisher
from herdbook.queue.connection import connect
from herdbook.record.database import Database
from herdbook.record.job_types import declare_job_types
from herdbook.record.migrate import migrate
from herdbook.record.reads import read_job
from herdbook.relay import Relay
from herdbook.settings import Settings
from herdbook.upkeep import services

Found = TypeVar("Found")


async def eventually(check: Callable[[], Awaitable[Found]], *, timeout: float = 20.0) -> Found:
    """Poll `check` and return its first true value; raises TimeoutError after `timeout` seconds."""
    async with asyncio.timeout(timeout):
        while not (found := await check()):
            await asyncio.sleep(0.01)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningSystem:
    """A running relay with its upkeep, a running worker, their record, and the means to publish and operate."""

    database: Database
    publisher: Publisher
    control: Control
    relay: Relay
    worker: Worker

    async def job(self, id: UUID) -> Job:
        """The job as recorded."""
        async with self.database.connection() as connection:
            return await read_job(connection, id)

    async def finished(self, id: UUID, *, timeout: float = 20.0) -> Job:
        """The job once it is final."""

        async def final() -> Job | None:
            job = await self.job(id)
            return job if job.status.is_final else None

        found = await eventually(final, timeout=timeout)
        assert found is not None
        return found


@asynccontextmanager
async def running_system(settings: Settings, app: Herdbook | Registry) -> AsyncIterator[RunningSystem]:
    """A migrated record, a relay with its upkeep and a worker on the servers in `settings`; all end with the block."""
    registry = app.registry if isinstance(app, Herdbook) else app
    if settings.database_url is None or settings.redis_url is None:
        raise ConfigurationError("a running system needs DATABASE_URL and REDIS_URL")
    database = Database(settings.database_url, size=settings.pool_size)
    await database.open()
    await migrate(database)
    async with database.connection() as connection:
        await declare_job_types(connection, registry)
    client = connect(settings.redis_url)
    artifacts = FolderArtifacts(settings.artifact_folder)
    relay = Relay(database, client, prefix=settings.queue_prefix)
    queues = QueueStatsReader(database, registry, client, prefix=settings.queue_prefix)
    background = [relay, *services(settings, database, client, queues, artifacts)]
    worker = Worker(settings, registry, database)
    publisher = Publisher(database, registry, max_job_bytes=settings.max_job_bytes)
    control = Control(database, artifacts)
    for service in background:
        service.start()
    worker.start()
    try:
        yield RunningSystem(database=database, publisher=publisher, control=control, relay=relay, worker=worker)
    finally:
        await asyncio.gather(*(service.stop() for service in background))
        await worker.stop(deadline=5.0)
        await client.aclose()
        await database.close()

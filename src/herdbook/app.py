"""`Herdbook`, the class that applications use to declare job types and publish jobs.

It never runs jobs: `herdbook worker app:book` does.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Literal, Self, Unpack
from uuid import UUID

from herdbook.embedded import read_running_servers
from herdbook.errors import ConfigurationError
from herdbook.model.job import Job, NewJob
from herdbook.model.options import Backoff, BackoffOptions, JobOptions, PublishOptions
from herdbook.model.outcome import DEFAULT_BACKOFF
from herdbook.model.registry import DEFAULT_ATTEMPTS, AnyBackoff, Function, Registry
from herdbook.observe.exporting import program_tracing
from herdbook.publishing.publish import (
    JobRequest,
    Published,
    Publisher,
    PublishTrace,
    followed,
    prepare,
    publish_in,
    publish_sync_in,
)
from herdbook.publishing.user_connection import UserConnection, UserSyncConnection
from herdbook.record.database import Database
from herdbook.record.reads import read_job
from herdbook.settings import Settings

# Seconds between two reads of a job that `wait` waits for.
_LOOK = 0.1


class Herdbook:
    """A program's job types and its way to publish jobs.

    Settings come from the environment unless given, and the job types are those declared here unless a `registry`
    brings its own. The connection to PostgreSQL opens on first use; `async with book:` or `await book.close()`
    closes it.
    """

    def __init__(self, settings: Settings | None = None, *, registry: Registry | None = None) -> None:
        self._settings = settings or Settings()
        self._registry = registry or Registry()
        self._database: Database | None = None
        self._publisher: Publisher | None = None

    @property
    def registry(self) -> Registry:
        """The job types; `book.registry.include(other)` adds those of another registry."""
        return self._registry

    def processor(
        self,
        name: str,
        *,
        queue: str | None = None,
        attempts: int = DEFAULT_ATTEMPTS,
        backoff: AnyBackoff | None = DEFAULT_BACKOFF,
        timeout: float | str | None = None,
        executor: Literal["async", "thread", "process"] | None = None,
    ) -> Callable[[Function], Function]:
        """Declare the decorated function as the processor of job type `name`, see `Registry.processor`."""
        return self._registry.processor(
            name, queue=queue, attempts=attempts, backoff=backoff, timeout=timeout, executor=executor
        )

    def declare(
        self,
        name: str,
        payload: Any,
        *,
        queue: str | None = None,
        attempts: int = DEFAULT_ATTEMPTS,
        backoff: Backoff | BackoffOptions | None = DEFAULT_BACKOFF,
    ) -> None:
        """Declare a job type that runs elsewhere, see `Registry.declare`."""
        self._registry.declare(name, payload, queue=queue, attempts=attempts, backoff=backoff)

    async def publish(
        self,
        job_type: str,
        job_data: Any,
        *,
        connection: UserConnection | None = None,
        options: JobOptions | None = None,
        **more: Unpack[PublishOptions],
    ) -> UUID:
        """Record a job and return its id; it is delivered after the commit.

        `job_data` is the payload model or JSON data. Options (`delay`, `run_at`, `priority`,
        `attempts`, `backoff`, `timeout`, `callback_url`, `idempotency_key`) are given as `JobOptions` or by name. With
        `connection` (asynchronous asyncpg, psycopg or SQLAlchemy), the job is part of the caller's own
        transaction and vanishes if that rolls back. Raises InvalidJobError, UnknownJobTypeError, JobTooLargeError,
        IdempotencyConflictError or RecordUnavailableError.
        """
        request = JobRequest(job_type=job_type, job_data=job_data, options=options, **more)
        if connection is not None:
            with self._prepared(request) as (job,):
                return (await publish_in(connection, job)).id
        return (await (await self._opened()).publish(request)).id

    def publish_sync(
        self,
        job_type: str,
        job_data: Any,
        *,
        connection: UserSyncConnection,
        options: JobOptions | None = None,
        **more: Unpack[PublishOptions],
    ) -> UUID:
        """The same for synchronous programs, in the transaction of a psycopg or SQLAlchemy connection."""
        request = JobRequest(job_type=job_type, job_data=job_data, options=options, **more)
        with self._prepared(request) as (job,):
            return publish_sync_in(connection, job).id

    async def publish_bulk(self, requests: Iterable[JobRequest]) -> list[UUID]:
        """Record many jobs, all or none; returns their ids in order."""
        published: list[Published] = await (await self._opened()).publish_bulk(list(requests))
        return [one.id for one in published]

    async def job(self, id: UUID) -> Job:
        """The job as recorded; raises JobNotFoundError."""
        await self._opened()
        assert self._database is not None
        async with self._database.connection() as connection:
            return await read_job(connection, id)

    async def wait(self, id: UUID, *, timeout: float = 60.0) -> Job:
        """The job once it is final; raises TimeoutError after `timeout` seconds."""
        async with asyncio.timeout(timeout):
            while not (job := await self.job(id)).status.is_final:
                await asyncio.sleep(_LOOK)
        return job

    async def close(self) -> None:
        """Close the connection to PostgreSQL; the next use opens it again."""
        if self._database is not None:
            await self._database.close()
        self._database = self._publisher = None

    async def __aenter__(self) -> Self:
        await self._opened()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _prepared(self, request: JobRequest) -> AbstractContextManager[Sequence[NewJob]]:
        job = prepare(self._registry, request, max_bytes=self._settings.max_job_bytes)
        return followed(_program_trace(), [job])

    async def _opened(self) -> Publisher:
        if self._publisher is None:
            settings = self._settings
            if not settings.database_url:
                settings = with_running_servers(settings)
            if settings.database_url is None:
                raise ConfigurationError("set DATABASE_URL, or start `herdbook up` with the same data folder")
            self._database = Database(settings.database_url, size=settings.pool_size)
            await self._database.open()
            self._publisher = Publisher(
                self._database, self._registry, max_job_bytes=settings.max_job_bytes, trace=_program_trace()
            )
        return self._publisher


def with_running_servers(settings: Settings) -> Settings:
    """The settings, with missing URLs taken from an `up` that is running on the same data folder."""
    names = ("database_url", "redis_url", "smtp_url")
    missing = [name for name in names if not getattr(settings, name)]
    running = read_running_servers(settings.data) if missing else None
    if running is None:
        return settings
    return settings.model_copy(update={name: getattr(running, name) for name in missing})


def _program_trace() -> PublishTrace | None:
    tracing = program_tracing()
    return tracing.publishing if tracing else None

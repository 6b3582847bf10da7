"""Validates jobs and inserts them into the record and its outbox, in one transaction.

It never talks to the queue, so that publishing works while Redis is unreachable.
"""

import asyncio
import hashlib
from collections.abc import Callable, Container, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Unpack
from uuid import UUID

import orjson
from pydantic import BaseModel, ValidationError

from herdbook.crash_points import crash_point
from herdbook.errors import FieldProblem, HerdbookError, IdempotencyConflictError, InvalidJobError, JobTooLargeError
from herdbook.model.ids import new_job_id
from herdbook.model.job import NewJob
from herdbook.model.options import JobOptions, PublishOptions
from herdbook.model.registry import Registry, field_problems
from herdbook.model.storable import find_nan, holds_nul
from herdbook.publishing.batcher import Batcher
from herdbook.publishing.user_connection import (
    UserConnection,
    UserSyncConnection,
    execute_in,
    execute_sync_in,
)
from herdbook.record.database import REFUSALS, Connection, Database
from herdbook.record.outbox import (
    KeyHolder,
    find_jobs_by_key,
    insert_jobs,
    insert_statement,
    inserted_jobs,
    key_holders,
    key_statement,
)

# Rows per INSERT. More gain nothing, and delay the others.
_BATCH = 500
_NO_OPTIONS = JobOptions()
# Traces jobs while they are recorded; yields them with the trace context to record.
PublishTrace = Callable[[Sequence[NewJob]], AbstractContextManager[Sequence[NewJob]]]


@dataclass(frozen=True, slots=True, init=False)
class JobRequest:
    """A job to publish. `job_data` is a JSON value or an instance of the payload model.

    Options are given as `JobOptions`, or by name: `JobRequest(job_type="note", job_data=1, delay="10m")`.
    """

    job_type: str
    job_data: Any
    options: JobOptions

    def __init__(
        self, *, job_type: str, job_data: Any, options: JobOptions | None = None, **more: Unpack[PublishOptions]
    ) -> None:
        """Raises InvalidJobError that names the invalid options."""
        if options is not None and more:
            raise HerdbookError("give options= or single options, not both")
        object.__setattr__(self, "job_type", job_type)
        object.__setattr__(self, "job_data", job_data)
        object.__setattr__(self, "options", options or (parse_options(more) if more else _NO_OPTIONS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """An accepted job; `created` is False if an earlier request with its idempotency key created it.

    `job` is the job as this request would have it recorded.
    """

    id: UUID
    created: bool
    job: NewJob


def parse_options(options: Any) -> JobOptions:
    """Options from a mapping, by their Python or JSON names; raises InvalidJobError that names the invalid ones."""
    try:
        return JobOptions.model_validate(options)
    except ValidationError as error:
        problems = field_problems(error, "options")
        raise InvalidJobError("; ".join(f"{one.path}: {one.message}" for one in problems), problems) from None


def prepare(registry: Registry, request: JobRequest, *, max_bytes: int, id: UUID | None = None) -> NewJob:
    """The validated job, ready to be recorded, under a new id unless one is given.

    Raises UnknownJobTypeError, InvalidJobError that names the invalid fields, or JobTooLargeError (over
    `max_bytes` of JSON).
    """
    job_type = registry.get(request.job_type)
    if job_type.is_reserved:
        message = f"only Herdbook itself publishes {job_type.name} jobs"
        raise InvalidJobError(message, [FieldProblem(path="jobType", message=message)])
    encoded = _encode(request.job_data)
    job_data = encoded.decode()
    if holds_nul(job_data):
        raise _invalid_data("contains a NUL character, which PostgreSQL cannot store")
    if len(encoded) > max_bytes:
        raise JobTooLargeError(f"the job data has {len(encoded):,} bytes; at most {max_bytes:,} are accepted")
    # As JSON text, like a worker does: pydantic accepts other things as Python values (True as a timedelta, but no
    # text as a strict date), so checking what was parsed before would accept jobs that no worker can run.
    job_type.validate(encoded)
    options = request.options
    backoff = options.backoff or job_type.backoff
    return NewJob(
        id=id or new_job_id(),
        queue=job_type.queue,
        job_type=job_type.name,
        job_data=job_data,
        priority=options.priority or 0,
        run_at=options.run_at,
        delay=options.delay or None,
        max_attempts=options.attempts or job_type.attempts,
        backoff=backoff.model_dump_json() if backoff else None,
        idempotency_key=options.idempotency_key,
        fingerprint=_fingerprint(request, encoded) if options.idempotency_key else None,
        timeout_ms=round(options.timeout * 1_000) if options.timeout else None,
        callback_url=str(options.callback_url) if options.callback_url else None,
    )


class Publisher:
    """Publishes jobs through the connection pool; concurrent single publishes share a commit."""

    def __init__(
        self, database: Database, registry: Registry, *, max_job_bytes: int, trace: PublishTrace | None = None
    ) -> None:
        self._database = database
        self._trace = trace
        self._registry = registry
        self._max_bytes = max_job_bytes
        self._batcher: Batcher[NewJob, Published] = Batcher(self._insert_each, limit=_BATCH)

    async def publish(self, request: JobRequest) -> Published:
        """Record one job. Raises what `prepare` raises, IdempotencyConflictError and RecordUnavailableError."""
        job = prepare(self._registry, request, max_bytes=self._max_bytes)
        with followed(self._trace, [job]) as (traced,):
            return await self._batcher.put(traced)

    async def publish_bulk(self, requests: Sequence[JobRequest]) -> list[Published]:
        """Record all jobs or none. The paths in an InvalidJobError begin with `jobs.<index>`."""
        prepared: list[NewJob] = []
        for index, request in enumerate(requests):
            prepared.append(self._prepare_nth(index, request))
            if index % _BATCH == _BATCH - 1:
                # Validating thousands of jobs takes a while; others are served in between.
                await asyncio.sleep(0)
        published: list[Published] = []
        with followed(self._trace, prepared) as jobs:
            async with self._database.transaction() as connection:
                for start in range(0, len(jobs), _BATCH):
                    published += await record_jobs(connection, jobs[start : start + _BATCH])
        crash_point("published")
        return published

    def _prepare_nth(self, index: int, request: JobRequest) -> NewJob:
        try:
            return prepare(self._registry, request, max_bytes=self._max_bytes)
        except InvalidJobError as error:
            problems = [FieldProblem(path=f"jobs.{index}.{one.path}", message=one.message) for one in error.problems]
            raise type(error)(f"job {index}: {error}", problems) from None
        except JobTooLargeError as error:
            raise JobTooLargeError(f"job {index}: {error}") from None

    async def _insert_each(self, jobs: list[NewJob]) -> list[Published | Exception]:
        """Insert jobs of several callers in one statement; a job that PostgreSQL rejects fails alone."""
        async with self._database.connection() as connection:
            try:
                inserted = await insert_jobs(connection, jobs)
            except REFUSALS as error:
                if len(jobs) == 1:
                    return [InvalidJobError(f"PostgreSQL cannot store this job: {error}")]
                return [(await self._insert_each([job]))[0] for job in jobs]
            crash_point("published")
            holders = await _key_holders(connection, jobs, inserted)
        return [_result(job, inserted, holders) for job in jobs]


def followed(trace: PublishTrace | None, jobs: Sequence[NewJob]) -> AbstractContextManager[Sequence[NewJob]]:
    """The jobs as they are to be recorded, traced by `trace`, if there is one, for the length of the block."""
    return nullcontext(jobs) if trace is None else trace(jobs)


async def record_jobs(connection: Connection, jobs: Sequence[NewJob]) -> list[Published]:
    """Insert jobs on this connection; raises IdempotencyConflictError at the first conflict."""
    inserted = await insert_jobs(connection, jobs)
    holders = await _key_holders(connection, jobs, inserted)
    return [_raise_if_error(_result(job, inserted, holders)) for job in jobs]


async def publish_in(connection: UserConnection, job: NewJob) -> Published:
    """Insert a job in the caller's own transaction, on an asynchronous psycopg, asyncpg or SQLAlchemy connection."""
    rows = await execute_in(connection, *insert_statement([job]))
    holders = await execute_in(connection, *key_statement(job)) if not rows and job.idempotency_key else []
    return _raise_if_error(_result(job, inserted_jobs(rows), key_holders(holders)))


def publish_sync_in(connection: UserSyncConnection, job: NewJob) -> Published:
    """The same on a synchronous psycopg or SQLAlchemy connection."""
    rows = execute_sync_in(connection, *insert_statement([job]))
    holders = execute_sync_in(connection, *key_statement(job)) if not rows and job.idempotency_key else []
    return _raise_if_error(_result(job, inserted_jobs(rows), key_holders(holders)))


async def _key_holders(
    connection: Connection, jobs: Sequence[NewJob], inserted: Container[UUID]
) -> dict[str, KeyHolder]:
    """The jobs whose idempotency keys kept some of `jobs` from being inserted."""
    keys = [job.idempotency_key for job in jobs if job.id not in inserted and job.idempotency_key]
    return await find_jobs_by_key(connection, keys) if keys else {}


def _result(job: NewJob, inserted: Mapping[UUID, datetime], holders: dict[str, KeyHolder]) -> Published | Exception:
    """A new job, the one that the same request created before, or a conflict with the holder of its key."""
    if job.id in inserted:
        if job.delay:
            job = replace(job, run_at=inserted[job.id] + timedelta(milliseconds=job.delay))
        return Published(id=job.id, created=True, job=job)
    holder = holders.get(job.idempotency_key or "")
    if holder is not None and holder.fingerprint == job.fingerprint:
        return Published(id=holder.id, created=False, job=job)
    return IdempotencyConflictError(job.idempotency_key or "")


def _raise_if_error(result: Published | Exception) -> Published:
    if isinstance(result, Exception):
        raise result
    return result


def _encode(job_data: Any) -> bytes:
    if isinstance(job_data, BaseModel):
        job_data = job_data.model_dump(mode="json", by_alias=True)
    try:
        encoded = orjson.dumps(job_data)
    except TypeError as error:
        raise _invalid_data(f"is not JSON: {error}") from None
    if (path := find_nan(job_data, encoded)) is not None:
        message = "is NaN or infinite, which is not JSON"
        raise InvalidJobError(f"jobData{path}: {message}", [FieldProblem(path=f"jobData{path}", message=message)])
    return encoded


def _invalid_data(what: str) -> InvalidJobError:
    problem = FieldProblem(path="jobData", message=what.removeprefix("is "))
    return InvalidJobError(f"jobData {what}", [problem])


def _fingerprint(request: JobRequest, job_data: bytes) -> bytes:
    """Equal for requests with equal type, data and options, whatever the order of their fields."""
    options = request.options.model_dump(mode="json", exclude={"idempotency_key"}, exclude_none=True)
    body = orjson.dumps([request.job_type, orjson.loads(job_data), options], option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(body).digest()

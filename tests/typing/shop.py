"""An application as its type checker sees it. Each line with the mark `# wrong` has a mistake; no other line has."""

from datetime import UTC, datetime, timedelta
from typing import Any, assert_type
from uuid import UUID

import asyncpg
import psycopg
from pydantic import BaseModel
from sqlalchemy import Connection, Engine
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession
from sqlalchemy.orm import Session

from herdbook import (
    Artifact,
    Backoff,
    Herdbook,
    InvalidJobError,
    Job,
    JobContext,
    JobOptions,
    JobRequest,
    JobStatus,
    Registry,
    Retry,
    Settings,
    Snooze,
    TimedOut,
)

book = Herdbook(Settings(concurrency=10))
more = Herdbook(registry=Registry())


class Order(BaseModel):
    id: int
    lines: list[str]


def patient(attempt: int, error: BaseException) -> float:
    return 1_000 if isinstance(error, TimedOut) else attempt * 60_000


@book.processor("pack", queue="orders", attempts=5, backoff={"type": "fixed", "delay": "2s"}, timeout="30s")
async def pack(payload: Order, job: JobContext) -> dict[str, int]:
    job.log(f"attempt {job.attempt} of {job.id}, until {job.deadline}")
    job.progress({"packed": 1})
    if job.cancelled:
        raise Snooze("10m")
    return {"lines": len(payload.lines)}


@book.processor("print", backoff=patient, executor="process")
def print_label(payload: Order, job: JobContext) -> str:
    kept = assert_type(job.save_artifact("label.pdf", b"%PDF", "application/pdf"), Artifact)
    if kept.size == 0:
        raise Retry(after=500)
    return kept.name


@book.processor("count")
async def count(payload: dict[str, Any]) -> None: ...


@book.processor("nothing")  # wrong: it takes no payload
async def nothing() -> None: ...


@book.processor("three")  # wrong: it takes a third argument
async def three(payload: Order, job: JobContext, third: int) -> None: ...


@book.processor("swapped")  # wrong: the context comes second
async def swapped(job: JobContext, payload: Order) -> None: ...


@more.registry.processor("keyword")  # wrong: the payload is given by its place
async def keyword(*, payload: Order) -> None: ...


book.processor("retried", attempts="5")(count)  # wrong: a number
book.processor("placed", executor="fiber")(count)  # wrong: no such place
book.processor("slow", backoff={"delays": 1_000})(count)  # wrong: the backoff's field is called delay
book.processor("odd", backoff=lambda attempt: 1_000)(count)  # wrong: a backoff gets the error, too
book.declare("elsewhere", Order, timeout=5)  # wrong: only a processor has a time limit
book.declare("elsewhere", Order, queue="node", backoff=Backoff(delay="1s", jitter=0.2))


async def publish() -> Job:
    later = datetime.now(UTC) + timedelta(hours=1)
    order = Order(id=1, lines=["a"])
    id = await book.publish("pack", order, delay="10m", priority=1, backoff=Backoff(type="fixed"), timeout=2.5)
    assert_type(id, UUID)
    await book.publish("pack", {"id": 1, "lines": []}, run_at=later, callback_url="https://example.com/told")
    await book.publish("pack", order, idempotency_key=None, backoff={"type": "exponential", "delay": 500})
    await book.publish("pack", order, options=JobOptions(delay="10m", backoff={"delay": "1s"}))
    await book.publish("pack", order, dealy="10m")  # wrong: a slip of the pen
    await book.publish("pack", order, run_at="2030-01-31")  # wrong: a datetime
    await book.publish("pack", order, priority="high")  # wrong: a number
    await book.publish("pack", order, backoff={"type": "linear"})  # wrong: fixed or exponential
    await book.publish("pack", order, options={"delay": 5})  # wrong: JobOptions, or by name
    await book.publish("pack")  # wrong: it has no job data
    await book.publish(Order, order)  # wrong: the type's name
    requests = [JobRequest(job_type="pack", job_data=order, delay=5), JobRequest(job_type="count", job_data={})]
    requests.append(JobRequest(job_type="pack", job_data=order, options=JobOptions(attempts=1)))
    requests.append(JobRequest(job_type="pack", job_data=order, attempt=1))  # wrong: attempts
    requests.append(JobRequest(job_type="pack", job_data=order, options=JobOptions(key="k")))  # wrong: idempotency_key
    assert_type(await book.publish_bulk(requests), list[UUID])
    await book.publish_bulk(["pack"])  # wrong: requests
    await book.job(str(id))  # wrong: an id is a UUID
    job = await book.wait(id, timeout=5)
    if job.status is JobStatus.FAILED and job.status.is_final:
        job.status = JobStatus.PENDING  # wrong: a job is looked at, not changed
    return job


async def join_transactions(
    raw: "asyncpg.Connection[asyncpg.Record]",
    lent: "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]",
    pool: "asyncpg.Pool[asyncpg.Record]",
    own: psycopg.AsyncConnection[Any],
    engine: AsyncEngine,
    connection: AsyncConnection,
    session: AsyncSession,
    blocking: psycopg.Connection[Any],
) -> None:
    await book.publish("count", {}, connection=raw)
    await book.publish("count", {}, connection=lent)
    await book.publish("count", {}, connection=own, delay=1)
    await book.publish("count", {}, connection=connection)
    await book.publish("count", {}, connection=session)
    await book.publish("count", {}, connection=pool)  # wrong: a pool has no transaction
    await book.publish("count", {}, connection=engine)  # wrong: an engine has none either
    await book.publish("count", {}, connection=blocking)  # wrong: it would block the event loop
    await book.publish("count", {}, connection="postgresql://")  # wrong: no connection


def join_blocking_transactions(
    own: psycopg.Connection[Any],
    engine: Engine,
    connection: Connection,
    session: Session,
    waiting: AsyncSession,
) -> None:
    try:
        assert_type(book.publish_sync("count", {}, connection=own), UUID)
    except InvalidJobError as error:
        assert_type([problem.path for problem in error.problems], list[str])
    book.publish_sync("count", {}, connection=connection, delay=5)
    book.publish_sync("count", {}, connection=session, options=JobOptions(priority=2))
    book.publish_sync("count", {}, connection=engine)  # wrong: an engine has no transaction
    book.publish_sync("count", {}, connection=waiting)  # wrong: it has to be awaited
    book.publish_sync("count", {}, connection=own, delays=5)  # wrong: delay
    book.publish_sync("count", {})  # wrong: it has no connection of its own


def declared() -> list[str]:
    book.get("pack")  # wrong: the registry knows it
    return sorted(one.name for one in book.registry)

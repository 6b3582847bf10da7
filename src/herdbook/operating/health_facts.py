"""Gathers the facts that `health` judges; a server that hangs costs no more than the time it was given."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Iterable, Sequence
from typing import TypeVar

from herdbook.errors import HerdbookError
from herdbook.model.health import (
    HealthFacts,
    OutboxLag,
    QueueFacts,
    QueueLoss,
    RecordFacts,
    RedisFacts,
    SchemaFacts,
    Unanswered,
    WorkerFacts,
)
from herdbook.model.job import JobStatus
from herdbook.operating.queue_stats import BullState, QueueStats, QueueStatsReader
from herdbook.queue.reads import QueueReader
from herdbook.record.clock import compare_clocks
from herdbook.record.database import Database
from herdbook.record.reads import StatusCount, read_outbox_lag, read_stats
from herdbook.record.reconciliation import read_queue_loss
from herdbook.record.schema import compare_schema
from herdbook.record.workers import count_takers, read_workers

Answer = TypeVar("Answer")


async def read_readiness(database: Database, queues: QueueStatsReader, *, timeout: float) -> HealthFacts:
    """Whether both servers answer, the schema, the outbox: cheap, asked at once, and for `timeout` seconds each."""
    record, schema, redis, outbox, loss = await asyncio.gather(
        answered(_reach(database), timeout),
        answered(read_schema(database), timeout),
        answered(_ping(queues), timeout),
        answered(_read_outbox(database), timeout),
        answered(_read_loss(database, queues.prefix), timeout),
    )
    known_loss = None if isinstance(loss, Unanswered) else loss
    return HealthFacts(record=record, schema=schema, redis=redis, outbox=outbox, loss=known_loss)


async def answered(question: Awaitable[Answer], timeout: float) -> Answer | Unanswered:
    """The answer to a question, or why there was none within `timeout` seconds."""
    try:
        async with asyncio.timeout(timeout):
            return await question
    except TimeoutError:
        return Unanswered(f"no answer within {timeout:g} s")
    except HerdbookError as error:
        return Unanswered(str(error))


async def read_record(database: Database) -> RecordFacts:
    """PostgreSQL's version and clock. Raises RecordUnavailableError."""
    async with database.connection(any_schema=True) as connection:
        version: str = await connection.fetchval("SHOW server_version")
        difference = await compare_clocks(connection)
    return RecordFacts(version=version.split(maxsplit=1)[0], clock_ahead=difference.ahead)


async def read_schema(database: Database) -> SchemaFacts:
    """Whether the tables are those of this version. Raises RecordUnavailableError."""
    async with database.connection(any_schema=True) as connection:
        state = await compare_schema(connection)
    mismatch = state.mismatch()
    conflict = str(mismatch) if mismatch and mismatch.too_new else ""
    return SchemaFacts(missing=len(state.needed), contracts=len(state.contracts), conflict=conflict)


async def read_redis(reader: QueueReader) -> RedisFacts:
    """Redis' version, clock and settings. Raises QueueUnavailableError."""
    # Connects first, so that the clocks are compared within one round trip.
    await reader.ping()
    before = time.time()
    server = await reader.server()
    ahead = server.clock - (before + time.time()) / 2
    return RedisFacts(version=server.version, clock_ahead=ahead, noeviction=server.noeviction, aof=server.aof)


async def read_work(database: Database, queues: QueueStatsReader) -> HealthFacts:
    """The outbox, the queues, the workers. Raises RecordUnavailableError, QueueUnavailableError."""
    async with database.connection() as connection:
        outbox = await read_outbox_lag(connection)
        workers = await read_workers(connection)
        recorded = await read_stats(connection)
        loss = await read_queue_loss(connection, queues.prefix)
    states = await queues.states()
    return HealthFacts(outbox=outbox, queues=queue_facts(states, workers, recorded), workers=workers, loss=loss)


def queue_facts(
    states: Iterable[QueueStats], workers: Sequence[WorkerFacts], recorded: Iterable[StatusCount]
) -> list[QueueFacts]:
    """Each queue, with what heartbeats and record tell of its workers."""
    takers = count_takers(workers)
    # What workers ran that are forgotten by now is still recorded as processing. What a lost one had just begun may not
    # be, but was in its last heartbeat.
    processing = Counter[str]()
    for count in recorded:
        if count.status is JobStatus.PROCESSING:
            processing[count.queue] += count.count
    leaving = _running(one for one in workers if not one.takes_jobs)
    stopping = _running(one for one in workers if not one.takes_jobs and not one.is_silent)
    return [
        QueueFacts(
            name=one.name,
            waiting=one.counts[BullState.WAITING] + one.counts[BullState.PRIORITIZED],
            active=one.counts[BullState.ACTIVE],
            paused=one.paused,
            oldest_waiting=one.oldest_waiting,
            workers=takers[one.name],
            held=max(processing[one.name], leaving[one.name]),
            stopping=stopping[one.name],
        )
        for one in states
    ]


def _running(workers: Iterable[WorkerFacts]) -> Counter[str]:
    """The most jobs of each queue that these workers can have."""
    found = Counter[str]()
    for one in workers:
        found.update(dict.fromkeys(one.queues, one.running))
    return found


async def _reach(database: Database) -> RecordFacts:
    async with database.connection(any_schema=True) as connection:
        await connection.fetchval("SELECT 1")
    return RecordFacts()


async def _ping(queues: QueueStatsReader) -> RedisFacts:
    await queues.ping()
    return RedisFacts()


async def _read_loss(database: Database, prefix: str) -> QueueLoss | None:
    async with database.connection() as connection:
        return await read_queue_loss(connection, prefix)


async def _read_outbox(database: Database) -> OutboxLag:
    async with database.connection() as connection:
        return await read_outbox_lag(connection)

"""Queues with jobs in every state, for tests of their pages."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from html import unescape
from uuid import UUID

import httpx
import redis.asyncio

from herdbook.http.services import Services
from herdbook.operating.queue_stats import QueueStatsReader
from herdbook.queue.adds import QueuedJob, QueueWriter
from herdbook.queue.connection import connect
from herdbook.record.workers import WorkerBeat, beat_worker
from herdbook.relay import Relay

from .conftest import NOBODY, client


@asynccontextmanager
async def redis_of(services: Services) -> AsyncIterator[redis.asyncio.Redis]:
    """A client of the test's Redis."""
    assert services.settings.redis_url
    client = connect(services.settings.redis_url)
    yield client
    await client.aclose()


@asynccontextmanager
async def site_without_redis(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    """The pages while only Redis is unreachable."""
    lost = services.settings.model_copy(update={"redis_url": f"redis://:hushhush@127.0.0.1:{NOBODY}"})
    queues = QueueStatsReader.connect(lost, services.registry, services.database)
    async with client(replace(services, settings=lost, queues=queues)) as site:
        yield site
    await queues.close()


async def deliver(services: Services) -> None:
    """Deliver everything in the outbox to the queues."""
    async with redis_of(services) as client:
        relay = Relay(services.database, client, prefix=services.settings.queue_prefix)
        while await relay.round() == 0:
            pass
        await relay.stop()


async def add_external_jobs(services: Services, queue: str, ids: Sequence[str]) -> None:
    """Jobs that another BullMQ client published."""
    jobs = [
        QueuedJob(
            job_id=id,
            job_type="elsewhere",
            data="{}",
            timestamp=1_700_000_000_000,
            delay=0,
            priority=0,
            attempts=1,
            backoff=None,
        )
        for id in ids
    ]
    async with redis_of(services) as client:
        await QueueWriter(client, prefix=services.settings.queue_prefix).add(queue, jobs)


async def mark_active(services: Services, queue: str, ids: Sequence[UUID]) -> None:
    """Put jobs into the active state, as if a worker had taken them in this order."""
    async with redis_of(services) as client:
        await client.lpush(f"{services.settings.queue_prefix}:{queue}:active", *map(str, ids))


async def beat(
    services: Services,
    id: str,
    queues: Sequence[str],
    *,
    silent: int = 0,
    state: str = "running",
    running: int = 0,
    clock_ahead: float | None = None,
) -> None:
    """A worker whose last heartbeat was `silent` seconds ago."""
    sign = WorkerBeat(
        id=id,
        host="barn",
        pid=7,
        queues=list(queues),
        concurrency=10,
        running=running,
        state=state,
        clock_ahead=clock_ahead,
    )
    async with services.database.connection() as connection:
        await beat_worker(connection, sign)
        await connection.execute(
            "UPDATE herdbook.workers SET heartbeat_at = now() - make_interval(secs => $2) WHERE id = $1", id, silent
        )


async def age_requested_pauses(services: Services) -> None:
    """Make the requested pauses old, so that the pages trust the queue itself."""
    async with services.database.connection() as connection:
        await connection.execute("UPDATE herdbook.queues SET updated_at = now() - interval '1 min'")


def text_of(html: str) -> str:
    """What a reader sees, on one line."""
    line = " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())
    return re.sub(r" (?=[.,:;])", "", line)


def region(html: str, id: str, tag: str = "tr") -> str:
    """What a reader sees of the element `tag` with this id, up to its end."""
    found = re.search(rf'<{tag}\b[^>]* id="{re.escape(id)}".*?</{tag}>', html, re.DOTALL)
    assert found, f"no {tag} {id}"
    return text_of(found[0])

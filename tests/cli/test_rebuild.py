"""Filling Redis again on the command line."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import redis.asyncio

from herdbook.record.database import Database
from herdbook.relay import Relay
from herdbook.settings import Settings
from tests.states import new_jobs

from .conftest import herdbook


@pytest.fixture
async def relay(database: Database, client: "redis.asyncio.Redis", settings: Settings) -> AsyncIterator[Relay]:
    relay = Relay(database, client, prefix=settings.queue_prefix)
    yield relay
    await relay.stop()


async def test_what_redis_lost_is_counted_and_delivered_again(
    settings: Settings, database: Database, client: "redis.asyncio.Redis", relay: Relay, tmp_path: Path
) -> None:
    async def rebuild() -> str:
        variables = {
            "DATABASE_URL": settings.database_url or "",
            "REDIS_URL": settings.redis_url or "",
            "HERDBOOK_QUEUE_PREFIX": settings.queue_prefix,
        }
        done = await asyncio.to_thread(herdbook, "rebuild", cwd=tmp_path, **variables)
        assert done.returncode == 0, done.stderr
        return done.stdout

    ids = await new_jobs(database, 3)
    async with database.connection() as connection:
        await connection.execute("INSERT INTO herdbook.outbox (job) SELECT unnest(CAST($1 AS uuid[]))", ids)
    await relay.round()
    assert await rebuild() == "3 open jobs compared, 0 jobs will be delivered again\n"
    keys = [key async for key in client.scan_iter(f"{settings.queue_prefix}:*{ids[0]}*")]
    assert await client.unlink(*keys) == 1
    assert await rebuild() == "3 open jobs compared, 1 job will be delivered again\n"
    async with database.connection() as connection:
        assert [row["job"] for row in await connection.fetch("SELECT job FROM herdbook.outbox")] == [ids[0]]

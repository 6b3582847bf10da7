"""Delivering jobs from the outbox to the queues."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import redis.asyncio

from herdbook.errors import QueueUnavailableError
from herdbook.model.options import JobOptions
from herdbook.model.registry import Registry
from herdbook.publishing.publish import JobRequest, Publisher
from herdbook.queue.connection import connect
from herdbook.queue.reads import QueueReader
from herdbook.record.database import Database
from herdbook.record.reads import read_outbox_lag
from herdbook.relay import Relay
from herdbook.settings import Settings
from herdbook.testing import eventually


@pytest.fixture
def registry() -> Registry:
    registry = Registry()
    registry.declare("a", dict)
    registry.declare("b", dict, queue="other", backoff={"type": "fixed", "delay": 5, "jitter": 0.5})
    return registry


@pytest.fixture
async def client(settings: Settings) -> "redis.asyncio.Redis":
    assert settings.redis_url
    return connect(settings.redis_url)


async def publish(database: Database, registry: Registry, job_type: str, **options: object) -> UUID:
    publisher = Publisher(database, registry, max_job_bytes=10_000)
    request = JobRequest(job_type=job_type, job_data={"n": 1}, options=JobOptions.model_validate(options))
    return (await publisher.publish(request)).id


async def depth(database: Database) -> int:
    async with database.connection() as connection:
        return (await read_outbox_lag(connection)).depth


async def test_jobs_are_delivered_in_bullmqs_format(
    settings: Settings, database: Database, registry: Registry, client: "redis.asyncio.Redis"
) -> None:
    plain = await publish(database, registry, "a")
    first = await publish(database, registry, "b", priority=2, attempts=7)
    later = await publish(database, registry, "a", delay="1h")
    relay = Relay(database, client, prefix=settings.queue_prefix)
    await relay.round()
    assert await depth(database) == 0

    reader = QueueReader(client, prefix=settings.queue_prefix)
    counts = (await reader.counts("a")).counts
    assert (counts["waiting"], counts["delayed"], counts["prioritized"]) == (1, 1, 0)
    assert (await reader.counts("other")).counts["prioritized"] == 1
    job = await client.hgetall(f"{settings.queue_prefix}:a:{plain}")
    assert (job["name"], job["data"]) == ("a", '{"n": 1}')
    options = (await client.hgetall(f"{settings.queue_prefix}:other:{first}"))["opts"]
    assert '"attempts":7' in options
    assert '"jitter":0.5' in options
    score = await client.zscore(f"{settings.queue_prefix}:a:delayed", str(later))
    assert score is not None
    due = datetime.fromtimestamp(score / 4096 / 1_000, UTC) - datetime.now(UTC)
    assert timedelta(minutes=59) < due < timedelta(minutes=61)
    await relay.stop()
    await client.aclose()


async def test_a_second_delivery_of_the_same_job_changes_nothing(
    settings: Settings, database: Database, registry: Registry, client: "redis.asyncio.Redis"
) -> None:
    id = await publish(database, registry, "a")
    relay = Relay(database, client, prefix=settings.queue_prefix)
    await relay.round()
    async with database.connection() as connection:
        await connection.execute("INSERT INTO herdbook.outbox (job) VALUES ($1)", id)
    await relay.round()
    assert await depth(database) == 0
    assert (await QueueReader(client, prefix=settings.queue_prefix).counts("a")).counts["waiting"] == 1
    await relay.stop()
    await client.aclose()


async def test_without_redis_the_outbox_keeps_everything(database: Database, registry: Registry) -> None:
    await publish(database, registry, "a")
    nowhere = connect("redis://127.0.0.1:1/0")
    relay = Relay(database, nowhere, prefix="x")
    with pytest.raises(QueueUnavailableError, match="Redis is unreachable"):
        await relay.round()
    assert await depth(database) == 1
    await relay.stop()
    await nowhere.aclose()


async def test_a_job_that_the_queue_refuses_does_not_delay_others(
    settings: Settings, database: Database, registry: Registry, client: "redis.asyncio.Redis"
) -> None:
    # A key of the wrong type in place of the delayed set makes BullMQ's script fail for delayed jobs only.
    await client.set(f"{settings.queue_prefix}:a:delayed", "in the way")
    bad = await publish(database, registry, "a", delay="1h")
    await publish(database, registry, "a")
    relay = Relay(database, client, prefix=settings.queue_prefix)
    await relay.round()
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT job, tries, error_message, deliver_after > now() AS later FROM herdbook.outbox"
        )
    assert [(row["job"], row["tries"], row["later"]) for row in rows] == [(bad, 1, True)]
    assert "WRONGTYPE" in rows[0]["error_message"]

    await client.delete(f"{settings.queue_prefix}:a:delayed")
    relay.start()

    async def delivered() -> bool:
        return await depth(database) == 0

    await eventually(delivered)
    await relay.stop()
    await client.aclose()


async def test_a_commit_wakes_the_relay_and_two_relays_share_the_work(
    settings: Settings, database: Database, registry: Registry, client: "redis.asyncio.Redis"
) -> None:
    relays = [Relay(database, client, prefix=settings.queue_prefix) for _ in range(2)]
    for relay in relays:
        relay.start()
    publisher = Publisher(database, registry, max_job_bytes=10_000)
    await publisher.publish_bulk([JobRequest(job_type="a", job_data={"n": n}) for n in range(3_000)])

    async def delivered() -> bool:
        return await depth(database) == 0

    await eventually(delivered)
    assert (await QueueReader(client, prefix=settings.queue_prefix).counts("a")).counts["waiting"] == 3_000
    for relay in relays:
        await relay.stop()
    await client.aclose()

"""A BullMQ queue as a worker and as a publisher sees it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import redis.asyncio

from herdbook.queue.adds import QueuedJob, QueueWriter
from herdbook.queue.delivery import Retention
from herdbook.queue.work import StalledRule, WorkQueue
from herdbook.settings import Settings
from tests.conftest import forget_keys, settings_with


@pytest.fixture
async def settings(redis_url: str, tmp_path: Path) -> AsyncIterator[Settings]:
    """Settings with a key prefix of the test's own. These tests need no PostgreSQL, and start none."""
    settings = settings_with(redis_url, tmp_path)
    yield settings
    await forget_keys(settings)


@pytest.fixture
def writer(client: "redis.asyncio.Redis", settings: Settings) -> QueueWriter:
    return QueueWriter(client, prefix=settings.queue_prefix)


@pytest.fixture
async def queue(settings: Settings) -> AsyncIterator[WorkQueue]:
    queue = work_queue(settings, "w1")
    yield queue
    await queue.close()


def work_queue(settings: Settings, worker: str, *, queue: str = "q", lock: int = 30_000, keep: int = 10) -> WorkQueue:
    assert settings.redis_url
    return WorkQueue(
        settings.redis_url,
        queue,
        prefix=settings.queue_prefix,
        worker=worker,
        retention=Retention(completed=keep, failed=keep, seconds=3_600),
        stalled=StalledRule(lock_duration=lock, interval=1),
    )


def job(job_id: str, **more: object) -> QueuedJob:
    fields: dict[str, object] = {
        "job_id": job_id,
        "job_type": "t",
        "data": '{"n": 1}',
        "timestamp": 1_700_000_000_000,
        "delay": 0,
        "due_in": more.get("delay", 0),
        "priority": 0,
        "attempts": 3,
        "backoff": None,
        **more,
    }
    return QueuedJob(**fields)  # type: ignore[arg-type]

"""Real servers for all tests: started once in each process of a run, and a database and a key prefix for each test."""

import asyncio
import logging
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import redis.asyncio
import structlog

from herdbook.embedded import EmbeddedServers
from herdbook.queue.connection import connect
from herdbook.record.database import Database
from herdbook.settings import Settings
from herdbook.testing import eventually
from tests.databases import DatabasePool, make_log_in_cheap, without_durability

# Servers to test on instead of the embedded ones. Both have to be there for the tests alone.
DATABASE_URL = "HERDBOOK_TEST_DATABASE_URL"
REDIS_URL = "HERDBOOK_TEST_REDIS_URL"


@pytest.fixture(scope="session")
def open_folder() -> Iterator[Path]:
    """A folder that every account may enter: pytest's own is closed to the account PostgreSQL runs as."""
    folder = Path(tempfile.mkdtemp(prefix="herdbook-tests-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def redis_url(open_folder: Path) -> Iterator[str]:
    """A Redis without keys: an embedded one, or a database of the one that the environment names."""
    if given := os.environ.get(REDIS_URL):
        url = _database_of_process(given)
        asyncio.run(_expect_no_keys(url))
        yield url
    else:
        with EmbeddedServers(open_folder / "redis", postgres=False) as embedded:
            yield embedded.redis_url


@pytest.fixture(scope="session")
def databases(open_folder: Path) -> Iterator[DatabasePool]:
    """The databases of an embedded PostgreSQL, or of the one that the environment names."""
    if given := os.environ.get(DATABASE_URL):
        pool = DatabasePool(given)
        yield pool
        pool.close()
    else:
        embedded = EmbeddedServers(open_folder / "postgres", redis=False)
        with without_durability():
            embedded.start()
        try:
            make_log_in_cheap(embedded.database_url)
            pool = DatabasePool(embedded.database_url)
            yield pool
            pool.close()
        finally:
            embedded.stop()


def _database_of_process(url: str) -> str:
    """The processes `gw0`, `gw1`, … of a parallel run have the databases 0, 1, … for themselves."""
    process = os.environ.get("PYTEST_XDIST_WORKER")
    return urlsplit(url)._replace(path=f"/{process.removeprefix('gw')}").geturl() if process else url


async def _expect_no_keys(url: str) -> None:
    redis = connect(url)
    keys = await redis.dbsize()
    await redis.aclose()
    if keys:
        pytest.exit(f"{REDIS_URL} names a database with {keys} keys: the tests need an empty one", returncode=4)


@pytest.fixture
async def settings(databases: DatabasePool, redis_url: str, tmp_path: Path) -> AsyncIterator[Settings]:
    """Settings with a migrated database and a key prefix of the test's own; afterwards nothing of it may be left."""
    async with fresh_settings(databases, redis_url, tmp_path) as settings:
        yield settings


@asynccontextmanager
async def fresh_settings(databases: DatabasePool, redis_url: str, folder: Path) -> AsyncIterator[Settings]:
    """The same for fixtures that live in another event loop."""
    url = databases.lend()
    settings = settings_with(redis_url, folder).model_copy(update={"database_url": url})
    yield settings

    async def is_left() -> bool:
        return databases.is_left(url)

    await eventually(is_left)
    databases.take_back(url)
    await forget_keys(settings)


def settings_with(redis_url: str, folder: Path) -> Settings:
    """Settings with a key prefix of the test's own, and without a database."""
    return Settings(
        database_url=None,
        redis_url=redis_url,
        smtp_url=None,
        data=folder,
        queue_prefix=f"test_{uuid4().hex}",
        lock_duration=1_000,
        stalled_interval=300,
    )


async def forget_keys(settings: Settings) -> None:
    """Delete the test's keys; there may be no others."""
    assert settings.redis_url is not None
    redis = connect(settings.redis_url)
    keys = [key async for key in redis.scan_iter(f"{settings.queue_prefix}:*", count=1_000)]
    for start in range(0, len(keys), 1_000):
        await redis.unlink(*keys[start : start + 1_000])
    assert await redis.dbsize() == 0, "a key was written outside the queue prefix"
    await redis.aclose()


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    """The test's record, open."""
    assert settings.database_url is not None
    database = Database(settings.database_url, size=5)
    await database.open()
    yield database
    await database.close()


@pytest.fixture
async def client(settings: Settings) -> "AsyncIterator[redis.asyncio.Redis]":
    """A client of the test's Redis."""
    assert settings.redis_url
    client = connect(settings.redis_url)
    yield client
    await client.aclose()


@pytest.fixture
def own_logging() -> Iterator[None]:
    """Undo what a test sets up, because logging is global to the process."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level
    logging.captureWarnings(False)
    structlog.reset_defaults()

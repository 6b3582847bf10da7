"""Real servers for all tests: started once, a database and a key prefix for each test."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest
import redis.asyncio

from herdbook.embedded import EmbeddedServers
from herdbook.queue.connection import connect
from herdbook.record.database import Database
from herdbook.record.migrate import migrate
from herdbook.settings import Settings
from herdbook.testing import eventually

# Servers to test on instead of the embedded ones. Both have to be there for the tests alone.
DATABASE_URL = "HERDBOOK_TEST_DATABASE_URL"
REDIS_URL = "HERDBOOK_TEST_REDIS_URL"
# Databases of this run begin so: a server that is not ours may have those of another.
RUN = f"herdbook_{uuid4().hex[:8]}"
TEMPLATE = f"{RUN}_template"
# Databases that a test has left, without a row.
_EMPTIED: list[str] = []
# The shape of the template's schema.
_PRISTINE: list[tuple[object, ...]] = []
# What a test may have changed beside rows.
_SCHEMA = """
SELECT (SELECT count(*) FROM pg_class WHERE relnamespace = n.oid) AS relations,
       (SELECT count(*) FROM pg_constraint WHERE connamespace = n.oid) AS constraints,
       (SELECT count(*) FROM pg_proc WHERE pronamespace = n.oid) AS functions,
       (SELECT count(*) FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid WHERE relnamespace = n.oid) AS triggers
FROM (SELECT to_regnamespace('herdbook') AS oid, to_regclass('herdbook.migrations') AS migrations) AS n
WHERE n.migrations IS NOT NULL
"""
_VERSIONS = "SELECT version FROM herdbook.migrations ORDER BY version"
_EMPTY = """
DO $$
DECLARE
    one text;
    has_rows boolean;
BEGIN
    FOR one IN SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'herdbook' AND tablename <> 'migrations'
    LOOP
        EXECUTE 'SELECT EXISTS (SELECT FROM herdbook.' || one || ')' INTO has_rows;
        IF has_rows THEN
            EXECUTE 'TRUNCATE herdbook.' || one || ' RESTART IDENTITY CASCADE';
        END IF;
    END LOOP;
END $$
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """How to reach the PostgreSQL and the Redis that the tests share."""

    database_url: str
    redis_url: str


def database_url(url: str, name: str) -> str:
    """The URL of another database on the same server."""
    return urlsplit(url)._replace(path=f"/{name}").geturl()


@pytest.fixture(scope="session")
def open_folder() -> Iterator[Path]:
    """A folder that every account may enter: pytest's own is closed to the account PostgreSQL runs as."""
    folder = Path(tempfile.mkdtemp(prefix="herdbook-tests-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def servers(open_folder: Path) -> Iterator[Servers]:
    """A Redis and a PostgreSQL with a migrated template database; embedded unless the environment names others."""
    postgresql, redis = os.environ.get(DATABASE_URL), os.environ.get(REDIS_URL)
    with EmbeddedServers(open_folder / "servers", postgres=not postgresql, redis=not redis) as embedded:
        servers = Servers(database_url=postgresql or embedded.database_url, redis_url=redis or embedded.redis_url)
        asyncio.run(_expect_no_keys(servers.redis_url))
        asyncio.run(_make_template(servers.database_url, embedded=not postgresql))
        yield servers
        if postgresql:
            asyncio.run(_drop_databases(postgresql))


async def _expect_no_keys(url: str) -> None:
    redis = connect(url)
    keys = await redis.dbsize()
    await redis.aclose()
    if keys:
        pytest.exit(f"{REDIS_URL} names a database with {keys} keys: the tests need an empty one", returncode=4)


async def _make_template(url: str, *, embedded: bool) -> None:
    admin = await asyncpg.connect(url)
    if embedded:
        # Hundreds of databases are made here, and none has to outlive a power cut.
        await admin.execute("ALTER SYSTEM SET fsync = off")
        await admin.execute("SELECT pg_reload_conf()")
    await admin.execute(f"CREATE DATABASE {TEMPLATE}")
    await admin.close()
    database = Database(database_url(url, TEMPLATE), size=2)
    await database.open()
    await migrate(database)
    await database.close()
    template = await asyncpg.connect(database_url(url, TEMPLATE))
    _PRISTINE[:] = [await _shape(template)]
    await template.close()


async def _drop_databases(url: str) -> None:
    admin = await asyncpg.connect(url)
    for row in await admin.fetch("SELECT datname FROM pg_database WHERE starts_with(datname, $1)", f"{RUN}_"):
        await admin.execute(f"DROP DATABASE {row['datname']} WITH (FORCE)")
    await admin.close()


@pytest.fixture
async def settings(servers: Servers, tmp_path: Path) -> AsyncIterator[Settings]:
    """Settings with a migrated database and a key prefix of the test's own; afterwards nothing of it may be left."""
    async with fresh_settings(servers, tmp_path) as settings:
        yield settings


@asynccontextmanager
async def fresh_settings(servers: Servers, folder: Path) -> AsyncIterator[Settings]:
    """The same for fixtures that live in another event loop."""
    admin = await asyncpg.connect(servers.database_url)
    # Making and dropping a database costs more than most tests; an emptied one is as good as new.
    name = _EMPTIED.pop() if _EMPTIED else await _make_database(admin)
    settings = Settings(
        database_url=database_url(servers.database_url, name),
        redis_url=servers.redis_url,
        smtp_url=None,
        data=folder,
        queue_prefix=f"test_{uuid4().hex}",
        lock_duration=1_000,
        stalled_interval=300,
    )
    yield settings
    await eventually(lambda: _is_left(admin, name))
    await admin.close()
    if await _empty(settings.database_url or ""):
        _EMPTIED.append(name)
    await _forget_keys(settings)


async def _make_database(admin: "asyncpg.Connection[asyncpg.Record]") -> str:
    name = f"{RUN}_{uuid4().hex}"
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    return name


async def _empty(url: str) -> bool:
    """Delete all rows; whether the schema is still the one that tests begin with."""
    owner = await asyncpg.connect(url)
    try:
        if await _shape(owner) != _PRISTINE[0]:
            return False
        await owner.execute(_EMPTY)
    finally:
        await owner.close()
    return True


async def _shape(connection: "asyncpg.Connection[asyncpg.Record]") -> tuple[object, ...]:
    """What a schema looks like, and what it was migrated to; one without migrations has none."""
    schema = await connection.fetchrow(_SCHEMA)
    return schema, await connection.fetch(_VERSIONS) if schema else []


async def _is_left(admin: "asyncpg.Connection[asyncpg.Record]", name: str) -> bool:
    """Whether the test has closed its connections; the server hears of that a little later."""
    return not await admin.fetchval("SELECT count(*) FROM pg_stat_activity WHERE datname = $1", name)


async def _forget_keys(settings: Settings) -> None:
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

"""A Redis and a PostgreSQL of a scenario's own, and what can be done to them beside cutting their connections."""

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest
import redis.asyncio

from herdbook.embedded import EmbeddedServers, postgres
from herdbook.embedded import redis as embedded_redis
from herdbook.queue.connection import connect
from herdbook.record.database import Database
from herdbook.record.migrate import migrate
from herdbook.testing import eventually
from tests.databases import make_log_in_cheap, without_durability

# The account for what nobody else may: emptying and reconfiguring the server.
_OPERATOR = "laboratory"
_ALL_RIGHTS = f"user {_OPERATOR} on >{{password}} ~* &* +@all\n"


_WATCH = Path(__file__).with_name("watch.sql")


@contextmanager
def laboratory_folder(parent: Path | None) -> Iterator[Path]:
    """A new folder, which PostgreSQL's account may enter, for as long as the block lasts."""
    folder = Path(tempfile.mkdtemp(prefix="herdbook-faults-", dir=parent))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class PrivateServers:
    """Both servers, in `folder`. Nothing of them outlives a power cut, but everything their own sudden end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._redis = EmbeddedServers(folder / "redis", postgres=False)
        self._postgres = EmbeddedServers(folder / "postgres", redis=False)

    @contextmanager
    def running(self) -> Iterator[Self]:
        """Both, for as long as the block lasts; they start before there are connections."""
        with pytest.MonkeyPatch.context() as patch, without_durability():
            patch.setattr(embedded_redis, "CONFIGURATION", embedded_redis.CONFIGURATION + _ALL_RIGHTS)
            patch.setattr(postgres, "SETTINGS", (*postgres.SETTINGS, "max_connections=200"))
            with self._redis, self._postgres:
                make_log_in_cheap(self.database_url)
                yield self

    async def prepare(self) -> None:
        """Migrate the record, and have it watched."""
        database = Database(self.database_url, size=2)
        await database.open()
        await migrate(database)
        await database.close()
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute(_WATCH.read_bytes())

    @property
    def redis_url(self) -> str:
        """The direct address of Redis."""
        return self._redis.redis_url

    @property
    def database_url(self) -> str:
        """The direct address of PostgreSQL."""
        return self._postgres.database_url

    @property
    def operator_url(self) -> str:
        """Redis, for one who may do everything."""
        parts = urlsplit(self.redis_url)
        return parts._replace(netloc=f"{_OPERATOR}{parts.netloc}").geturl()

    def ask(self, statement: str) -> list[tuple[object, ...]]:
        """Run a statement in PostgreSQL, outside a transaction."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    async def tell_redis(self, *command: str) -> object:
        """Run a command in Redis."""
        client: Any = connect(self.operator_url)
        try:
            return await client.execute_command(*command)
        finally:
            await client.aclose()

    async def errors_of_redis(self, kind: str) -> int:
        """How many commands Redis has refused with this kind of error."""
        async with connect(self.operator_url) as client:
            errors = await client.info("errorstats")
        return int(errors.get(f"errorstat_{kind}", {}).get("count", 0))

    async def stop_redis(self, *, kill: bool = False) -> None:
        """End Redis, at once with `kill`."""
        if kill:
            await self._kill(await self._pid_of_redis())
        await asyncio.to_thread(self._redis.stop)

    async def start_redis(self) -> None:
        """Start Redis again, on the same port."""
        await asyncio.to_thread(self._redis.start)

    async def restart_postgres(self, *, kill: bool, away: float) -> None:
        """End PostgreSQL, at once with `kill`, and start it again after `away` seconds, on the same port."""
        if kill:
            await self._kill(self._pid_of_postgres())
        await asyncio.to_thread(self._postgres.stop)
        await asyncio.sleep(away)
        await asyncio.to_thread(self._postgres.start)

    def copy_redis(self) -> None:
        """Keep a copy of what Redis has on disk now."""
        shutil.copytree(self._folder / "redis" / "redis" / "appendonlydir", self._folder / "older")

    def put_older_redis_back(self) -> None:
        """Replace what Redis has on disk, while it is stopped, by that copy."""
        current = self._folder / "redis" / "redis" / "appendonlydir"
        shutil.rmtree(current)
        shutil.copytree(self._folder / "older", current)

    def limit_postgres_files(self, size: int | None) -> None:
        """Let PostgreSQL's processes write no file beyond `size` bytes: what a full disk does to its tables.

        PostgreSQL makes its log in files of 16 MiB, so with that much only the tables are limited.
        """
        main = psutil.Process(self._pid_of_postgres())
        # Its own account may do it, and root may not everywhere.
        user, group = (main.uids().real, main.gids().real) if os.getuid() == 0 else (None, None)
        limit = "unlimited" if size is None else str(size)
        for process in (main, *main.children(recursive=True)):
            command = ["prlimit", "--pid", str(process.pid), f"--fsize={limit}:"]
            subprocess.run(command, user=user, group=group, check=True)

    async def _pid_of_redis(self) -> int:
        client: redis.asyncio.Redis = connect(self.operator_url)
        try:
            return int((await client.info("server"))["process_id"])
        finally:
            await client.aclose()

    def _pid_of_postgres(self) -> int:
        pid_file = self._folder / "postgres" / "postgres" / "cluster" / "postmaster.pid"
        return int(pid_file.read_text().splitlines()[0])

    @staticmethod
    async def _kill(pid: int) -> None:
        process = psutil.Process(pid)
        process.kill()

        async def is_gone() -> bool:
            # A zombie is gone, too: whoever started it has not noticed yet.
            return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE

        await eventually(is_gone)

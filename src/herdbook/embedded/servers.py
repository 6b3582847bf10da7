"""Starts the embedded servers of a data folder, and tells other processes how to connect to them.

Servers never outlive the process that started them.
"""

import json
import os
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from herdbook.embedded.errors import EmbeddedError
from herdbook.embedded.folder import DataFolder, is_locked, write_private
from herdbook.embedded.launch import is_alive
from herdbook.embedded.postgres import prepare_postgres
from herdbook.embedded.redis import prepare_redis
from herdbook.embedded.server import EmbeddedServer

RUNNING = "servers.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningServers:
    """The URLs, with passwords, of the servers of a running `up`; None for one that it does not know."""

    redis_url: str | None
    database_url: str | None
    pid: int
    smtp_url: str | None = None


class EmbeddedServers:
    """Real servers as child processes, for as long as this context lasts.

    `start` blocks for a second or two, so call it before there is an event loop. It also works in
    threads other than the main one, at the cost of one more small process per server.
    """

    def __init__(self, data: Path, redis: bool = True, postgres: bool = True) -> None:
        self._folder = DataFolder(data)
        self._wants_redis = redis
        self._wants_postgres = postgres
        self._redis: EmbeddedServer | None = None
        self._postgres: EmbeddedServer | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        self.stop()

    @property
    def redis_url(self) -> str:
        """The URL of Redis."""
        return _running(self._redis, "Redis").url

    @property
    def database_url(self) -> str:
        """The URL of PostgreSQL."""
        return _running(self._postgres, "PostgreSQL").url

    def start(self) -> None:
        """Start the servers, and return once clients can connect; after an EmbeddedError, none is running."""
        if sys.platform == "win32":
            raise EmbeddedError("embedded servers need Linux or macOS: set DATABASE_URL and REDIS_URL")
        if self._folder.is_ours:
            raise EmbeddedError(f"the servers on {self._folder.path} are already running")
        try:
            self._folder.lock()
            self._start_servers()
        except OSError as error:
            self.stop()
            raise EmbeddedError(
                f"the data folder {self._folder.path} cannot be used: {error}; choose another one with --data"
            ) from error
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop both servers at the same time, and release the data folder."""
        for server in self._servers():
            server.signal_stop()
        for server in self._servers():
            server.stop()
        if self._folder.is_ours:
            (self._folder.path / RUNNING).unlink(missing_ok=True)
        self._redis = self._postgres = None
        self._folder.unlock()

    def check(self) -> None:
        """Raise EmbeddedError if a server has exited by itself."""
        for server in self._servers():
            server.check()

    def announce(
        self, *, redis_url: str | None = None, database_url: str | None = None, smtp_url: str | None = None
    ) -> None:
        """Tell other processes how to connect: to our servers, or to those given if we started none."""
        running = RunningServers(
            redis_url=self._redis.url if self._redis else redis_url,
            database_url=self._postgres.url if self._postgres else database_url,
            smtp_url=smtp_url,
            pid=os.getpid(),
        )
        write_private(self._folder.path / RUNNING, json.dumps(asdict(running), indent=2) + "\n")

    def _start_servers(self) -> None:
        data, lock = self._folder.path, self._folder.lock_descriptor
        (data / RUNNING).unlink(missing_ok=True)
        # Redis starts while PostgreSQL creates its cluster. No threads: see `process.launcher`.
        if self._wants_redis:
            self._redis = EmbeddedServer(prepare_redis(data / "redis"), lock)
        if self._wants_postgres:
            self._postgres = EmbeddedServer(prepare_postgres(data / "postgres", lock), lock)
        for server in self._servers():
            server.wait_ready()
        self.announce()

    def _servers(self) -> list[EmbeddedServer]:
        return [server for server in (self._redis, self._postgres) if server is not None]


def read_running_servers(data: Path) -> RunningServers | None:
    """The URLs of the servers that are running on this data folder; None if there are none."""
    if sys.platform == "win32":
        return None
    data = data.absolute()
    with suppress(FileNotFoundError):
        try:
            running = RunningServers(**json.loads((data / RUNNING).read_text(encoding="utf-8")))
            if is_alive(running.pid) and is_locked(data):
                return running
        except PermissionError as error:
            raise EmbeddedError(f"the servers on {data} were started by another account") from error
    return None


def _running(server: EmbeddedServer | None, name: str) -> EmbeddedServer:
    if server is None:
        raise EmbeddedError(f"the embedded {name} is not running")
    return server

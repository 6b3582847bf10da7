"""Runs the parts of Herdbook as processes, as in production, and reads their CPU time and memory."""

import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from herdbook.embedded import EmbeddedServers
from herdbook.settings import Settings

# By the names of their programs.
SERVERS = {"postgres": "postgres", "valkey-server": "redis", "redis-server": "redis"}


@contextmanager
def servers() -> Iterator[Settings]:
    """A fresh Redis and PostgreSQL with durable settings (or those that the environment names)."""
    given = Settings()
    with tempfile.TemporaryDirectory(prefix="herdbook-bench-") as folder:
        Path(folder).chmod(0o755)
        if given.redis_url and given.database_url:
            yield given.model_copy(update={"data": Path(folder)})
            return
        with EmbeddedServers(Path(folder) / "data") as embedded:
            yield Settings(redis_url=embedded.redis_url, database_url=embedded.database_url, data=Path(folder))


class Part:
    """One `herdbook` process, or one of another `module`."""

    def __init__(self, settings: Settings, *words: str, module: str = "herdbook") -> None:
        self.name = words[0]
        environment = {
            **os.environ,
            "DATABASE_URL": settings.database_url or "",
            "REDIS_URL": settings.redis_url or "",
            "HERDBOOK_DATA": str(settings.data),
            "HERDBOOK_STOP_DEADLINE": str(settings.stop_deadline),
            "HERDBOOK_LOG_LEVEL": "warning",
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *words], env=environment, stdout=subprocess.PIPE, text=True
        )
        self._info = psutil.Process(self._process.pid)

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def first_line(self) -> str:
        """The first line that it prints, such as the address it serves on."""
        assert self._process.stdout
        return self._process.stdout.readline().strip()

    def cpu_seconds(self) -> float:
        """CPU time so far, of user and system."""
        times = self._info.cpu_times()
        return float(times.user + times.system)

    def rss_mb(self) -> float:
        """Resident memory in megabytes."""
        return float(self._info.memory_info().rss / 1_000_000)

    def check(self) -> None:
        """Raise RuntimeError when it has ended by itself."""
        if self._process.poll() is not None:
            raise RuntimeError(f"{self.name} ended with exit code {self._process.returncode}")

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(30)
        if self._process.stdout:
            self._process.stdout.close()


@contextmanager
def running(settings: Settings, *words: str, module: str = "herdbook") -> Iterator[Part]:
    """A process for as long as the block lasts."""
    part = Part(settings, *words, module=module)
    try:
        yield part
    finally:
        part.stop()


def server_cpu_seconds() -> dict[str, float]:
    """CPU time so far of the servers that this process started, with that of their processes that have ended."""
    found: dict[str, float] = defaultdict(float)
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            server = SERVERS.get(process.name())
            if server:
                times = process.cpu_times()
                found[server] += times.user + times.system + times.children_user + times.children_system
    return dict(found)

"""Takes the parts of Herdbook that a measurement needs.

Gives them as processes of their own, as in real use, and what CPU time each took.
Never measures anything itself.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from herdbook.embedded import EmbeddedServers
from herdbook.settings import Settings


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
    """One `herdbook` process."""

    def __init__(self, settings: Settings, *words: str) -> None:
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
            [sys.executable, "-m", "herdbook", *words], env=environment, stdout=subprocess.PIPE, text=True
        )
        self._info = psutil.Process(self._process.pid)

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

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(30)
        if self._process.stdout:
            self._process.stdout.close()


@contextmanager
def running(settings: Settings, *words: str) -> Iterator[Part]:
    """A `herdbook` process for as long as the block lasts."""
    part = Part(settings, *words)
    try:
        yield part
    finally:
        part.stop()

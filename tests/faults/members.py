"""The processes of the system: each a real `herdbook` command, started again whenever it dies."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process, create_subprocess_exec
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import time

import psutil

from herdbook.crash_points import EXIT_CODE
from herdbook.testing import eventually

from .jobs import KILLED_BY_JOB

_ROOT = Path(__file__).parents[2]
# How a process may end here: told to, killed, at a crash point, or by a job that kills its worker.
_EXPECTED = {0, -signal.SIGKILL, EXIT_CODE, KILLED_BY_JOB}


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """The end of one process of a member; from `told_at` on it knew that it was to end, if it was told."""

    pid: int
    told_at: float
    at: float
    code: int


class Member:
    """One `herdbook` command that is to run. `deaths` are those of its processes so far, the last one first to last."""

    def __init__(
        self, words: list[str], environment: dict[str, str], log: Path, *, on_death: Callable[[Death], object]
    ) -> None:
        self.name = words[0]
        self.deaths: list[Death] = []
        self._words = words
        self._environment = {**os.environ, **environment, "PYTHONPATH": str(_ROOT)}
        self._log = log
        self._on_death = on_death
        self._crashes: deque[str] = deque()
        self._process: Process | None = None
        self._told_at: float | None = None
        self._is_over = False
        self._task: asyncio.Task[None] | None = None
        self._running = asyncio.Event()

    @property
    def pid(self) -> int:
        """The number of the process that runs now."""
        assert self._process is not None
        return self._process.pid

    @property
    def unexpected(self) -> list[Death]:
        """Deaths that nobody wanted."""
        return [death for death in self.deaths if death.code not in _EXPECTED]

    def start(self) -> None:
        """Run from now on."""
        self._task = asyncio.create_task(self._keep_running())

    async def is_running(self) -> None:
        """Return when a process runs; a web process also answers by then."""
        await self._running.wait()

    def send(self, number: signal.Signals) -> None:
        """Send the process that runs now a signal."""
        if self._process is not None and self._process.returncode is None:
            if number is signal.SIGTERM:
                self._told_at = time()
            self._process.send_signal(number)

    async def has_died(self) -> None:
        """Return when a process of it has ended."""
        await eventually(lambda: _is_true(bool(self.deaths)), timeout=60)

    async def restart(self, number: signal.Signals) -> None:
        """End the process that runs now, and return when another runs."""
        await self.is_running()
        before = len(self.deaths)
        self.send(number)
        await eventually(lambda: _is_true(len(self.deaths) > before), timeout=60)
        await self.is_running()

    async def crash(self, points: Sequence[str]) -> None:
        """Die at each of these points in turn, from a start with it on; returns when another process runs after all."""
        wanted = self.crashes + len(points)
        self._crashes.extend(points)
        await self.restart(signal.SIGTERM)
        await eventually(lambda: _is_true(self.crashes == wanted), timeout=60 * len(points))
        await self.is_running()

    @property
    def crashes(self) -> int:
        """How many of its processes died at a crash point."""
        return sum(death.code == EXIT_CODE for death in self.deaths)

    async def end(self) -> None:
        """Stop it for good."""
        self._is_over = True
        self.send(signal.SIGCONT)
        self.send(signal.SIGTERM)
        if self._task is not None:
            try:
                await asyncio.wait_for(asyncio.shield(self._task), 30)
            except TimeoutError:
                self.send(signal.SIGKILL)
                await self._task

    def resources(self) -> tuple[int, int, int]:
        """The process, its open files and connections, and its memory in bytes."""
        info = psutil.Process(self.pid)
        return self.pid, info.num_fds(), info.memory_info().rss

    async def _keep_running(self) -> None:
        while not self._is_over:
            crash_at = self._crashes.popleft() if self._crashes else ""
            environment = {**self._environment, "HERDBOOK_CRASH_AT": crash_at}
            with self._log.open("ab") as log:
                command = (sys.executable, "-m", "herdbook", *self._words)
                self._process = await create_subprocess_exec(*command, env=environment, stdout=PIPE, stderr=log)
            if self.name == "serve":
                assert self._process.stdout is not None
                await self._process.stdout.readline()
            self._told_at = None
            self._running.set()
            code = await self._process.wait()
            self._running.clear()
            now = time()
            death = Death(pid=self._process.pid, told_at=self._told_at or now, at=now, code=code)
            self.deaths.append(death)
            self._on_death(death)


async def _is_true(value: bool) -> bool:
    return value

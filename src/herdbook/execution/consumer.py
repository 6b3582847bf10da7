"""One queue of a worker: the services that fetch its jobs, take them through their steps, and find stalled ones."""

import asyncio

from herdbook.execution.executor import Executor
from herdbook.execution.server_wait import GivenUpError
from herdbook.queue.work import WorkQueue
from herdbook.service import Service, log


class Fetcher(Service):
    """Fetches jobs of one queue while there is room."""

    def __init__(self, queue: WorkQueue, executor: Executor) -> None:
        super().__init__()
        self.name = f"fetch {queue.name}"
        self._queue = queue
        self._executor = executor
        self._waiting: asyncio.Task[None] | None = None

    async def round(self) -> float:
        """Fetch what there is room for; wait where there is none, or no job."""
        await self._executor.capacity.has_room.wait()
        if self.is_quiet or not self._executor.capacity.room:
            return 0
        try:
            more, wait = await self._executor.fetch()
        except GivenUpError:
            return 0
        if not more and not self.is_quiet:
            await self._wait(wait)
        return 0

    def quiet(self) -> None:
        """Fetch no more."""
        super().quiet()
        self._executor.capacity.has_room.set()
        if self._waiting is not None:
            self._waiting.cancel()

    async def _wait(self, milliseconds: int | None) -> None:
        self._waiting = asyncio.create_task(self._queue.wait(milliseconds))
        try:
            await self._waiting
        except asyncio.CancelledError:
            if not self.is_quiet:
                raise
        finally:
            self._waiting = None


class StalledCheck(Service):
    """Moves jobs of vanished workers back to waiting."""

    def __init__(self, queue: WorkQueue, interval: int) -> None:
        super().__init__()
        self.name = f"stalled check {queue.name}"
        self._queue = queue
        self._interval = interval / 1_000

    async def round(self) -> float:
        """Look once; BullMQ's script sees to it that one worker per interval does."""
        for job_id in await self._queue.move_stalled():
            log.warning("stalled", job=job_id, queue=self._queue.name)
        return self._interval


class QueueConsumer:
    """Works on one queue; `stalled_interval` is in milliseconds."""

    def __init__(self, queue: WorkQueue, executor: Executor, *, stalled_interval: int) -> None:
        self.queue = queue
        self.executor = executor
        self._fetcher = Fetcher(queue, executor)
        self._stalled = StalledCheck(queue, stalled_interval)
        self._services = (self._fetcher, *executor.steps(), self._stalled)

    @property
    def held(self) -> int:
        """How many jobs are held: running ones, and those that are being recorded and acknowledged."""
        return self.executor.capacity.held

    @property
    def running(self) -> int:
        """How many jobs run."""
        return self.executor.capacity.running

    def start(self) -> None:
        """Start working."""
        for service in self._services:
            service.start()

    def quiet(self) -> None:
        """Take no more jobs; those that are held go on."""
        self.executor.fetches = False
        self._fetcher.quiet()
        self._stalled.quiet()

    async def idle(self) -> None:
        """Return when no job is held."""
        await self.executor.capacity.is_empty.wait()

    async def close(self) -> None:
        """End the services and the connections."""
        for service in self._services:
            await service.stop(0.0)
        await self.queue.close()

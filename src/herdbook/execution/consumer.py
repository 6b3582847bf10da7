"""Takes one queue of a worker.

Gives the services that work on it: fetch, record, acknowledge, and look after stalled jobs.
Never runs a job itself: the queue's executor does.
"""

import asyncio
from dataclasses import dataclass

from herdbook.execution.executor import Executor
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
        await self._executor.has_room.wait()
        if self.is_quiet:
            return 0
        places, turn = self._executor.reserve(), None
        if not places:
            return 0
        try:
            turn = await self._queue.ack_and_fetch([], places)
        finally:
            self._executor.accept(turn.deliveries if turn else [], places)
        if len(turn.deliveries) < places and not self.is_quiet:
            await self._wait(turn.wait)
        return 0

    def quiet(self) -> None:
        """Fetch no more."""
        super().quiet()
        self._executor.has_room.set()
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


class Recorder(Service):
    """Records the jobs of one queue as they end; goes on while the worker is quiet."""

    def __init__(self, queue: WorkQueue, executor: Executor) -> None:
        super().__init__()
        self.name = f"record {queue.name}"
        self._executor = executor

    async def round(self) -> float:
        """Record what has ended."""
        await self._executor.has_ended.wait()
        await self._executor.record()
        return 0


class Acknowledger(Service):
    """Acknowledges recorded jobs of one queue while the next are being recorded; goes on while the worker is quiet."""

    def __init__(self, queue: WorkQueue, executor: Executor) -> None:
        super().__init__()
        self.name = f"acknowledge {queue.name}"
        self._executor = executor
        self.fetch = True

    async def round(self) -> float:
        """Acknowledge what is recorded."""
        await self._executor.has_acknowledgements.wait()
        await self._executor.acknowledge(fetch=self.fetch)
        return 0


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


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueConsumer:
    """One queue of a worker, and what works on it."""

    queue: WorkQueue
    executor: Executor
    fetcher: Fetcher
    recorder: Recorder
    acknowledgers: tuple[Acknowledger, ...]
    stalled: StalledCheck

    @property
    def services(self) -> tuple[Service, ...]:
        """What works on the queue."""
        return (self.fetcher, self.recorder, *self.acknowledgers, self.stalled)

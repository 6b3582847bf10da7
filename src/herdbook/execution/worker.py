"""A process that works: a consumer for each queue, and beside them its heartbeat, reports and cancellations."""

import asyncio
import os
import socket
from contextlib import suppress
from uuid import uuid4

from herdbook.errors import ConfigurationError, HerdbookError
from herdbook.execution.cancelling import CancelWatch
from herdbook.execution.consumer import QueueConsumer
from herdbook.execution.executor import Executor
from herdbook.execution.limits import JobLimits
from herdbook.execution.processes import ProcessPool
from herdbook.model.artifacts import ArtifactStore, FolderArtifacts
from herdbook.model.health import CLOCK_TOLERANCE
from herdbook.model.registry import Registry
from herdbook.observe.events import NULL_OBSERVER, Observer
from herdbook.queue.delivery import Retention
from herdbook.queue.locks import LockKeeper
from herdbook.queue.work import StalledRule, WorkQueue
from herdbook.record.clock import compare_clocks
from herdbook.record.database import Database
from herdbook.record.workers import WorkerBeat, beat_worker, remove_worker
from herdbook.service import Service
from herdbook.settings import Settings

# Seconds between two heartbeats, and between two flushes of progress and logs.
HEARTBEAT = 5.0
_FLUSH = 0.2


class ReportFlusher(Service):
    """Records the progress and log lines of running jobs."""

    name = "reports"

    def __init__(self, executors: list[Executor]) -> None:
        super().__init__()
        self._executors = executors

    async def round(self) -> float:
        """Record what was reported since the last round."""
        for executor in self._executors:
            await executor.flush_reports()
        return _FLUSH


class Heartbeat(Service):
    """Shows in the record that this worker is alive."""

    name = "heartbeat"

    def __init__(self, worker: "Worker") -> None:
        super().__init__()
        self._worker = worker

    async def round(self) -> float:
        """Beat once."""
        await self._worker.beat()
        return HEARTBEAT


class Worker:
    """Works on the queues of `registry`'s processors, or on those named; `settings` must have a `redis_url`."""

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        database: Database,
        *,
        queues: list[str] | None = None,
        observer: Observer = NULL_OBSERVER,
    ) -> None:
        if settings.redis_url is None:
            raise ConfigurationError("a worker needs REDIS_URL")
        self.id = f"{socket.gethostname()}.{os.getpid()}.{uuid4().hex[:8]}".replace(" ", "-")
        self._settings = settings
        self._database = database
        self._state = "running"
        self._observer = observer
        self._locks = LockKeeper(
            settings.redis_url,
            prefix=settings.queue_prefix,
            lock_duration=settings.lock_duration,
            on_lost=self._lose_locks,
        )
        names = queues or registry.queues()
        artifacts = FolderArtifacts(settings.artifact_folder)
        self._processes = ProcessPool(settings.process_count, artifacts)
        self.consumers = [self._consumer(name, registry, artifacts) for name in names]
        executors = [consumer.executor for consumer in self.consumers]
        self._heartbeat = Heartbeat(self)
        self._beside = [self._heartbeat, ReportFlusher(executors), CancelWatch(database, self.id, executors)]

    def _consumer(self, name: str, registry: Registry, artifacts: ArtifactStore) -> QueueConsumer:
        settings = self._settings
        assert settings.redis_url is not None
        stalled = StalledRule(
            lock_duration=settings.lock_duration,
            interval=settings.stalled_interval,
        )
        retention = Retention(completed=settings.keep_completed, failed=settings.keep_failed, seconds=settings.keep_for)
        queue = WorkQueue(
            settings.redis_url,
            name,
            prefix=settings.queue_prefix,
            worker=self.id,
            retention=retention,
            stalled=stalled,
        )
        concurrency = settings.concurrency
        if registry.needs_processes(name):
            # More would wait here, claimed, while another worker has room for them.
            concurrency = min(concurrency, settings.process_count)
        limits = JobLimits(
            lost=settings.max_stalled, result_bytes=settings.max_result_bytes, log_lines=settings.max_log_lines
        )
        shared = (self._database, self._locks, registry, artifacts, self._processes)
        executor = Executor(queue, *shared, concurrency=concurrency, limits=limits, observer=self._observer)
        return QueueConsumer(queue, executor, stalled_interval=settings.stalled_interval)

    @property
    def held(self) -> int:
        """How many jobs this worker holds."""
        return sum(consumer.held for consumer in self.consumers)

    @property
    def queues(self) -> list[str]:
        """The queues it works on."""
        return [consumer.queue.name for consumer in self.consumers]

    def start(self) -> None:
        """Start working."""
        self._loop = asyncio.get_running_loop()
        self._locks.start()
        for beside in self._beside:
            beside.start()
        for consumer in self.consumers:
            consumer.start()

    def quiet(self) -> None:
        """Take no more jobs; those that run go on."""
        self._state = "quiet"
        self._heartbeat.wake()
        for consumer in self.consumers:
            consumer.quiet()

    async def idle(self) -> None:
        """Return when no job is held."""
        for consumer in self.consumers:
            await consumer.idle()

    async def stop(self, deadline: float) -> None:
        """End: running jobs get `deadline` seconds, then they are handed back.

        A processor in a thread cannot be ended; only the end of this process does that.
        """
        self.quiet()
        await self._drain(deadline)
        for consumer in self.consumers:
            consumer.executor.interrupt()
        await self._drain(2.0)
        for consumer in self.consumers:
            consumer.executor.give_up()
        await self._drain(1.0)
        await self._close()

    async def beat(self) -> None:
        """Write this worker's heartbeat."""
        async with self._database.connection() as connection:
            difference = await compare_clocks(connection)
            # While the event loop or the server is slow, nothing certain can be said.
            is_certain = difference.uncertainty < CLOCK_TOLERANCE
            await beat_worker(
                connection,
                WorkerBeat(
                    id=self.id,
                    host=socket.gethostname(),
                    pid=os.getpid(),
                    queues=self.queues,
                    concurrency=self._settings.concurrency,
                    running=sum(consumer.running for consumer in self.consumers),
                    state=self._state,
                    clock_ahead=-difference.ahead if is_certain else None,
                ),
            )

    async def _drain(self, seconds: float) -> None:
        """Wait until all jobs are settled, at most `seconds`."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.idle(), seconds)

    async def _close(self) -> None:
        for beside in self._beside:
            await beside.stop(1.0)
        for consumer in self.consumers:
            await consumer.close()
        await self._processes.close()
        await asyncio.to_thread(self._locks.stop)
        with suppress(HerdbookError):
            async with self._database.connection() as connection:
                await remove_worker(connection, self.id)
        for consumer in self.consumers:
            consumer.executor.close()

    def _lose_locks(self, queue: str, tokens: dict[str, str]) -> None:
        """Called by the thread that renews the locks."""
        (consumer,) = [one for one in self.consumers if one.queue.name == queue]
        with suppress(RuntimeError):  # The loop has ended.
            self._loop.call_soon_threadsafe(consumer.executor.lose_locks, tokens)

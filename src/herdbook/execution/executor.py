"""Takes deliveries of one queue.

Gives each its five steps: claim, run, decide, record, acknowledge; many jobs at a time.
Never acknowledges what is not recorded, and never runs what it could not claim.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from herdbook.errors import HerdbookError, QueueUnavailableError
from herdbook.execution.claim import Claims, claim, turn_away
from herdbook.execution.processes import ProcessPool
from herdbook.execution.record import acknowledgement, flush_reports, record_ended, save_starts
from herdbook.execution.run import Run, Runner
from herdbook.model.artifacts import ArtifactStore
from herdbook.model.registry import Registry
from herdbook.model.signals import Cancel
from herdbook.observe.events import NOBODY, Observer
from herdbook.queue.delivery import Acknowledgement, Delivery, Release
from herdbook.queue.locks import LockKeeper
from herdbook.queue.work import BATCH_LIMIT, WorkQueue
from herdbook.record.database import Database
from herdbook.service import log, pause_after

Answer = TypeVar("Answer")

# Ended runs that share one commit; their acknowledgements go in scripts of `BATCH_LIMIT`.
_PER_RECORD = 4 * BATCH_LIMIT
# Ended jobs that a worker holds beside the running ones, while they wait to be recorded and acknowledged.
_ENDED_LIMIT = 2 * _PER_RECORD
# Seconds after which it is written down that a job runs, if the last one of its type had ended by then; other jobs are
# written down at once.
_BRIEF = 0.03


class Executor:
    """Runs the jobs of one queue in one worker, at most `concurrency` at once."""

    def __init__(
        self,
        queue: WorkQueue,
        record: Database,
        locks: LockKeeper,
        registry: Registry,
        artifacts: ArtifactStore,
        processes: ProcessPool,
        *,
        concurrency: int,
        observer: Observer = NOBODY,
    ) -> None:
        self._queue = queue
        self._record = record
        self._locks = locks
        self._concurrency = concurrency
        self._observer = observer
        # The jobs whose locks are ours, those of them that have not ended yet, and places kept for fetches under way.
        self._held: set[tuple[str, int]] = set()
        self._busy: set[tuple[str, int]] = set()
        self._reserved = 0
        self._ended: list[Run] = []
        self._acks: list[Acknowledgement] = []
        # Two statements on the same jobs at once could wait for each other.
        self._writing = asyncio.Lock()
        self._runner = Runner(registry, artifacts, processes, on_end=self._note_end, trace=observer.attempts)
        self._brief: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._given_up = False
        # Set while runs wait to be recorded, while jobs wait to be acknowledged, while there is room for more, and
        # while none is held.
        self.has_ended = asyncio.Event()
        self.has_acknowledgements = asyncio.Event()
        self.has_room = asyncio.Event()
        self.is_empty = asyncio.Event()
        self.has_room.set()
        self.is_empty.set()

    @property
    def held(self) -> int:
        """How many jobs this worker holds: running ones, and those that are being recorded and acknowledged."""
        return len(self._held)

    @property
    def running(self) -> int:
        """How many jobs run."""
        return len(self._busy)

    @property
    def room(self) -> int:
        """How many more jobs may be fetched.

        A job makes room when it ends, before it is recorded and acknowledged; but when too many wait for that,
        because a server is away, there is none.
        """
        ended = len(self._held) - len(self._busy)
        return max(0, self._concurrency - len(self._busy) - self._reserved) if ended < _ENDED_LIMIT else 0

    def reserve(self) -> int:
        """Places for one fetch, to be given back by `accept` with what it brought."""
        places = min(self.room, BATCH_LIMIT)
        self._reserved += places
        self._show_room()
        return places

    def accept(self, deliveries: Sequence[Delivery], places: int) -> None:
        """Take on what was fetched for reserved places: hold the jobs' locks, claim and run them."""
        self._reserved -= places
        if deliveries:
            self._hold(deliveries)
            self._do(self._begin(deliveries))
        self._show_room()

    async def _begin(self, deliveries: Sequence[Delivery]) -> None:
        try:
            claims = await self._insist(partial(claim, self._record, deliveries, self._queue.worker))
        except Exception as error:
            await self._begin_apart(deliveries, error)
            return
        if claims is None:
            claims = Claims(won=[], turned_away=[Release(delivery=delivery) for delivery in deliveries], unmarked=0)
        self._observer.claimed(self._queue.name, len(deliveries), len(claims.won))
        runs = self._runner.start(claims.won)
        for run in runs[claims.unmarked :]:
            run.is_start_saved = True
        self._mark_in_time(runs[: claims.unmarked])
        self._tell(claims.turned_away)

    async def _begin_apart(self, deliveries: Sequence[Delivery], error: Exception) -> None:
        """After an error nobody foresaw: the bad delivery alone is let go, and so becomes stalled."""
        if len(deliveries) == 1:
            log.error("not claimed", job=deliveries[0].job_id, queue=self._queue.name, exc_info=error)
            self._let_go(deliveries)
        else:
            for delivery in deliveries:
                await self._begin([delivery])

    def _mark_in_time(self, runs: Sequence[Run]) -> None:
        later = [run for run in runs if run.delivery.job_type in self._brief]
        if later:
            asyncio.get_running_loop().call_later(_BRIEF, lambda: self._do(self._mark(later)))
        if len(later) < len(runs):
            self._do(self._mark([run for run in runs if run.delivery.job_type not in self._brief]))

    async def _mark(self, runs: Sequence[Run]) -> None:
        """Write down that these jobs run, as far as they still do; stop those that may not."""
        async with self._writing:
            running = [run for run in runs if run.outcome is None and not run.is_start_saved]
            if running:
                lost = await self._insist(partial(save_starts, self._record, running, self._queue.worker))
                for run in lost or ():
                    self._runner.stop(run, Cancel("the job was cancelled, or another worker has it"))

    async def record(self) -> None:
        """Record the runs that ended; then they wait to be acknowledged."""
        ended, self._ended = self._ended[:_PER_RECORD], self._ended[_PER_RECORD:]
        if not self._ended:
            self.has_ended.clear()
        try:
            async with self._writing:
                recorded = await self._insist(partial(record_ended, self._record, ended, self._queue.worker))
            if recorded is None:
                self._let_go([run.delivery for run in ended])
                return
            if len(recorded) < len(ended):
                winners = {id(run) for run in recorded}
                await self._lose([run for run in ended if id(run) not in winners])
        except Exception:
            # A fault of ours. Without their locks the jobs become stalled and are delivered again.
            self._let_go([run.delivery for run in ended])
            raise
        self._observer.recorded(self._queue.name, recorded)
        self._tell([acknowledgement(run) for run in recorded])

    async def acknowledge(self, *, fetch: bool) -> None:
        """Acknowledge what is recorded, and with `fetch` take as many new jobs as there is room for."""
        part, self._acks = self._acks[:BATCH_LIMIT], self._acks[BATCH_LIMIT:]
        if not self._acks:
            self.has_acknowledgements.clear()
        if not part:  # Somebody else took them.
            return
        places = self.reserve() if fetch else 0
        # From here on their locks may be gone, and that is no loss.
        self._locks.drop([ack.delivery for ack in part])
        turn = await self._insist(partial(self._queue.ack_and_fetch, part, places))
        if turn is not None:
            self._report(turn.refused)
            self._observer.acknowledged(self._queue.name, len(part))
        self.accept(turn.deliveries if turn else [], places)
        self._let_go([ack.delivery for ack in part])

    async def flush_reports(self) -> None:
        """Record what running jobs reported, and show their progress to other clients of the queue."""
        # A run's end must not be recorded between its notes being taken and written: they would come too late.
        async with self._writing:
            noted = await flush_reports(self._record, self._runner.runs, self._queue.worker)
        for run, notes in noted:
            if notes.progress is not None:
                with suppress(QueueUnavailableError):
                    await self._queue.report_progress(run.delivery.job_id, notes.progress)

    def cancel(self, unwanted: Mapping[tuple[UUID, int], str]) -> None:
        """Stop the runs of jobs, by id and generation, that are not wanted any more, for these reasons."""
        for run in self._runner.runs if unwanted else ():
            reason = unwanted.get((run.key.job, run.key.generation))
            if reason is not None:
                self._runner.stop(run, Cancel(reason))

    def interrupt(self) -> None:
        """End the running jobs, to be handed back."""
        self._runner.interrupt()

    def give_up(self) -> None:
        """Insist no longer on a record or a queue that is away."""
        self._given_up = True

    def close(self) -> None:
        """Free what is left."""
        self._runner.close()

    def _note_end(self, run: Run) -> None:
        if run.job_type is not None:
            (self._brief.add if run.took < _BRIEF else self._brief.discard)(run.job_type.name)
        self._busy.discard((run.delivery.job_id, run.delivery.attempt))
        if not self.has_room.is_set():
            self._show_room()
        self._ended.append(run)
        self.has_ended.set()

    def _show_room(self) -> None:
        if self.room:
            self.has_room.set()
        else:
            self.has_room.clear()

    def _tell(self, acks: Sequence[Acknowledgement]) -> None:
        if acks:
            self._acks += acks
            self.has_acknowledgements.set()

    def _do(self, step: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(step)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("step failed", queue=self._queue.name, exc_info=error)

    async def _insist(self, step: Callable[[], Awaitable[Answer]]) -> Answer | None:
        """Try until the servers are there. The jobs keep their locks meanwhile, and their places, so fetching stops."""
        failures = 0
        while True:
            try:
                return await step()
            except HerdbookError as error:
                failures += 1
                if failures == 1:
                    log.warning("worker waits", queue=self._queue.name, error=str(error))
                if self._given_up:
                    return None
            await asyncio.sleep(pause_after(failures))

    def _report(self, refused: Sequence[tuple[str, str]]) -> None:
        for job_id, error in refused:
            # The record has the result; the queue will deliver the job once more and be told.
            log.info("not acknowledged", job=job_id, queue=self._queue.name, error=error)

    async def _lose(self, runs: Sequence[Run]) -> None:
        """The record wants no result of these: tell the queue what the record says instead."""
        for run in runs:
            log.warning("overtaken", job=run.delivery.job_id, queue=self._queue.name, attempt=run.key.number)
        keyed = [(run.key, run.delivery) for run in runs]
        acks = await self._insist(partial(turn_away, self._record, keyed))
        if acks is None:
            self._let_go([run.delivery for run in runs])
        else:
            self._tell(acks)

    def _hold(self, deliveries: Sequence[Delivery]) -> None:
        keys = [(delivery.job_id, delivery.attempt) for delivery in deliveries]
        self._held.update(keys)
        self._busy.update(keys)
        self._locks.hold(deliveries)
        self.is_empty.clear()

    def _let_go(self, deliveries: Sequence[Delivery]) -> None:
        keys = [(delivery.job_id, delivery.attempt) for delivery in deliveries]
        self._held.difference_update(keys)
        self._busy.difference_update(keys)
        self._locks.drop(deliveries)
        self._show_room()
        if not self._held:
            self.is_empty.set()

"""Takes each job of one queue through its five steps: claim, run, decide, record, acknowledge.

What is not recorded must never be acknowledged, and what could not be claimed must never run.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any
from uuid import UUID

from herdbook.errors import QueueUnavailableError
from herdbook.execution.capacity import Capacity
from herdbook.execution.claim import ClaimedAndRejected, claim_deliveries, claim_suspects, count_losses
from herdbook.execution.claimed_job import ClaimedJob, LockLost
from herdbook.execution.decide import decide_outcome
from herdbook.execution.inbox import Inbox, Step
from herdbook.execution.limits import JobLimits
from herdbook.execution.probation import Probation
from herdbook.execution.processes import ProcessPool
from herdbook.execution.record import flush_reports, record_ended
from herdbook.execution.replies import reject_stale, reply_to_recorded
from herdbook.execution.run import Runner
from herdbook.execution.server_wait import GivenUpError, ServerWait
from herdbook.execution.start_saver import StartSaver
from herdbook.model.artifacts import ArtifactStore
from herdbook.model.outcome import Ended, Released
from herdbook.model.registry import Registry
from herdbook.model.signals import Cancel
from herdbook.observe.events import NULL_OBSERVER, Observer
from herdbook.queue.delivery import Acknowledgement, Delivery
from herdbook.queue.locks import LockKeeper
from herdbook.queue.work import BATCH_LIMIT, AckAndFetch, WorkQueue
from herdbook.record.database import Database
from herdbook.service import Service, log

# Jobs that share one commit; their acknowledgements go in scripts of `BATCH_LIMIT`.
RECORD_LIMIT = 4 * BATCH_LIMIT
# Ended jobs that a worker holds beside the running ones, while they wait to be recorded and acknowledged.
WAITING_LIMIT = 2 * RECORD_LIMIT
# A claim of deliveries, with all that follows from it.
Claim = Callable[[Sequence[Delivery]], Awaitable[None]]


class Executor:
    """Works on the jobs of one queue in one worker, at most `concurrency` at once."""

    def __init__(
        self,
        queue: WorkQueue,
        database: Database,
        locks: LockKeeper,
        registry: Registry,
        artifacts: ArtifactStore,
        processes: ProcessPool,
        *,
        concurrency: int,
        limits: JobLimits,
        observer: Observer = NULL_OBSERVER,
    ) -> None:
        self._queue = queue
        self._database = database
        self._locks = locks
        self._runner = Runner(registry, artifacts, processes, limits, on_end=self.decide, trace=observer.attempts)
        self._observer = observer
        self._limits = limits
        self._probation = Probation(limits.lost)
        self.capacity = Capacity(concurrency, waiting_limit=WAITING_LIMIT)
        # What each step hands to the next.
        self._fetched: Inbox[Delivery] = Inbox()
        self._suspects: Inbox[Delivery] = Inbox()
        self._ended: Inbox[ClaimedJob] = Inbox()
        self._settled: Inbox[Acknowledgement] = Inbox()
        # Two statements on the same jobs at once could wait for each other.
        self._writing = asyncio.Lock()
        self._servers = ServerWait(queue.name)
        self._tasks: set[asyncio.Task[None]] = set()
        self._starts = StartSaver(
            database, queue.worker, self._writing, self._servers, on_lost=self._lose, run_beside=self._run_beside
        )
        # Whether an acknowledgement fetches new jobs along.
        self.fetches = True
        self._is_interrupted = False

    def steps(self) -> tuple[Service, ...]:
        """A job's path through this worker: each step takes what has gathered, while the others work on other jobs.

        Between claim and record, each job is run and its outcome decided by itself.
        """
        acknowledge = partial(Step, f"acknowledge {self._queue.name}", self._settled, self.acknowledge)
        return (
            Step(f"claim {self._queue.name}", self._fetched, self.claim, limit=RECORD_LIMIT),
            Step(f"claim suspects {self._queue.name}", self._suspects, self.claim_suspects, limit=RECORD_LIMIT),
            Step(f"record {self._queue.name}", self._ended, self.record, limit=RECORD_LIMIT),
            # Two, so that Redis has the next batch at hand when it is done with one.
            acknowledge(limit=BATCH_LIMIT),
            acknowledge(limit=BATCH_LIMIT),
        )

    async def fetch(self) -> tuple[bool, int | None]:
        """Fetch what there is room for; whether more may be there, and for how many milliseconds there is nothing."""
        places = self.capacity.reserve(BATCH_LIMIT)
        fetched = await self._ack_and_fetch([], places)
        return len(fetched.deliveries) >= places, fetched.wait

    async def claim(self, deliveries: Sequence[Delivery]) -> None:
        """Claim deliveries in the record, and run those that won."""
        database, worker = self._database, self._queue.worker
        try:
            await self._claim(
                deliveries, lambda repeat: claim_deliveries(database, deliveries, worker, is_repeat=repeat)
            )
        except Exception as error:
            await self._claim_apart(deliveries, error, self.claim)

    async def claim_suspects(self, deliveries: Sequence[Delivery]) -> None:
        """Claim and run jobs that were held by a worker when that died, as soon as they may begin."""
        losses: Mapping[str, int] = {}
        with suppress(GivenUpError):
            losses = await self._servers.until_there(lambda _: count_losses(self._database, deliveries))
        for group in self._probation.groups(deliveries, losses):
            await self._probation.admit(group)
            await self._claim_group(group.members)

    async def _claim_group(self, suspects: Sequence[Delivery]) -> None:
        def step(is_repeat: bool) -> Awaitable[ClaimedAndRejected]:
            return claim_suspects(
                self._database, suspects, self._queue.worker, max_lost=self._limits.lost, is_repeat=is_repeat
            )

        try:
            jobs = await self._claim(suspects, step)
        except Exception as error:
            await self._claim_apart(suspects, error, self._claim_group)
        else:
            self._probation.watch(job.task for job in jobs if job.task is not None)

    async def _claim(
        self, deliveries: Sequence[Delivery], step: Callable[[bool], Awaitable[ClaimedAndRejected]]
    ) -> Sequence[ClaimedJob]:
        jobs: list[ClaimedJob] = []
        rejected = [Acknowledgement(delivery=one, outcome=Released()) for one in deliveries]
        if not self._is_interrupted:
            with suppress(GivenUpError):
                jobs, rejected = await self._servers.until_there(step)
        self._observer.claimed(self._queue.name, len(deliveries), len(jobs))
        self.run(jobs)
        self._settled.put(rejected)
        return jobs

    def run(self, jobs: Sequence[ClaimedJob]) -> None:
        """Call the jobs' processors in the background; `decide` is called as each ends."""
        self._runner.start(jobs)
        self._starts.began(jobs)

    def decide(self, job: ClaimedJob, ended: Ended) -> None:
        """Decide what the job came to, when it has ended; it makes room for another."""
        job.outcome = decide_outcome(job, ended, self._limits.result_bytes)
        if job.end_trace is not None:
            job.end_trace()
        self._starts.ended(job)
        self.capacity.end(job.delivery)
        self._ended.put([job])

    async def record(self, jobs: Sequence[ClaimedJob], *, is_repeat: bool = False) -> None:
        """Record what the jobs came to. In a repeat, some may be recorded already."""
        write = partial(record_ended, self._database, jobs, self._queue.worker)
        try:
            async with self._writing:
                recorded = await self._servers.until_there(lambda is_again: write(is_repeat=is_repeat or is_again))
        except GivenUpError:
            self._let_go([job.delivery for job in jobs])
            return
        except Exception as error:
            await self._record_apart(jobs, error)
            return
        self._observer.recorded(self._queue.name, recorded)
        self._settled.put([reply_to_recorded(job) for job in recorded])
        if len(recorded) < len(jobs):
            await self._reject_stale([job for job in jobs if job not in recorded])

    async def acknowledge(self, acks: Sequence[Acknowledgement]) -> None:
        """Acknowledge what is recorded, and fetch as many new jobs as there is room for."""
        deliveries = [ack.delivery for ack in acks]
        places = self.capacity.reserve(BATCH_LIMIT) if self.fetches else 0
        # From here on their locks may be gone, and that is no loss.
        self._locks.drop(deliveries)
        try:
            reply = await self._ack_and_fetch(acks, places)
        except GivenUpError:
            return
        finally:
            self.capacity.let_go(deliveries)
        for job_id, error in reply.refused:
            # The record has the result; the queue will deliver the job once more and be told.
            log.info("not acknowledged", job=job_id, queue=self._queue.name, error=error)
        self._observer.acknowledged(self._queue.name, len(acks))

    async def flush_reports(self) -> None:
        """Record what running jobs reported, and show their progress to other clients of the queue."""
        # A job's end must not be recorded between its report being taken and written: that would come too late.
        async with self._writing:
            reported = await flush_reports(self._database, self._runner.running, self._queue.worker)
        for job, report in reported:
            if report.progress is not None:
                with suppress(QueueUnavailableError):
                    await self._queue.report_progress(job.job_id, report.progress)

    def cancel(self, unwanted: Mapping[tuple[UUID, int], str]) -> None:
        """Stop jobs, by id and generation, that are not wanted any more, for these reasons."""
        for job in self._runner.running if unwanted else ():
            reason = unwanted.get((job.key.job, job.key.generation))
            if reason is not None:
                self._runner.stop(job, Cancel(reason))

    def lose_locks(self, tokens: Mapping[str, str]) -> None:
        """Stop jobs, by their id in the queue, whose lock of this token is gone: another worker may have them."""
        for job in self._runner.running:
            if tokens.get(job.job_id) == job.delivery.token:
                log.warning("lock lost", job=job.job_id, queue=self._queue.name)
                self._runner.stop(job, LockLost())

    def interrupt(self) -> None:
        """End the running jobs, to be handed back; those that wait for their claim go back, too."""
        self._is_interrupted = True
        self._runner.interrupt()

    def give_up(self) -> None:
        """Wait no longer for a server that is unreachable."""
        self._servers.give_up()

    def close(self) -> None:
        """Free what is left."""
        self._runner.close()

    async def _ack_and_fetch(self, acks: Sequence[Acknowledgement], places: int) -> AckAndFetch:
        """Acknowledge, and take what the queue has for the reserved places; they are given back in any case."""
        token = self._queue.new_token()
        try:
            reply = await self._servers.until_there(
                lambda is_repeat: self._queue.ack_and_fetch(acks, places, token=token, is_repeat=is_repeat),
                is_wanted=lambda: bool(acks) or self.fetches,
            )
            if reply.deliveries:
                self.capacity.hold(reply.deliveries)
                self._locks.hold(reply.deliveries)
                self._fetched.put([one for one in reply.deliveries if not one.stalls])
                self._suspects.put([one for one in reply.deliveries if one.stalls])
        finally:
            self.capacity.free(places)
        return reply

    async def _claim_apart(self, deliveries: Sequence[Delivery], error: Exception, claim: Claim) -> None:
        """After an error nobody foresaw: the bad delivery alone is let go, and so becomes stalled."""
        if len(deliveries) == 1:
            log.error("not claimed", job=deliveries[0].job_id, queue=self._queue.name, exc_info=error)
            self._let_go(deliveries)
        else:
            for delivery in deliveries:
                await claim([delivery])

    async def _record_apart(self, jobs: Sequence[ClaimedJob], error: Exception) -> None:
        """After an error nobody foresaw: the bad job alone is let go; without its lock it is delivered again."""
        if len(jobs) == 1:
            log.error("not recorded", job=jobs[0].job_id, queue=self._queue.name, exc_info=error)
            self._let_go([jobs[0].delivery])
        else:
            for job in jobs:
                await self.record([job], is_repeat=True)

    async def _reject_stale(self, jobs: Sequence[ClaimedJob]) -> None:
        """The record wants no result of these: tell the queue what the record says instead."""
        for job in jobs:
            log.warning("overtaken", job=job.job_id, queue=self._queue.name, attempt=job.key.number)
        keyed = [(job.key, job.delivery) for job in jobs]
        try:
            self._settled.put(await self._servers.until_there(lambda _: reject_stale(self._database, keyed)))
        except Exception as error:
            log.warning("not rejected", queue=self._queue.name, error=str(error))
            self._let_go([job.delivery for job in jobs])

    def _lose(self, job: ClaimedJob) -> None:
        self._runner.stop(job, Cancel("the job was cancelled, or another worker has it"))

    def _let_go(self, deliveries: Sequence[Delivery]) -> None:
        self._locks.drop(deliveries)
        self.capacity.let_go(deliveries)

    def _run_beside(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, GivenUpError):
            log.error("step failed", queue=self._queue.name, exc_info=error)

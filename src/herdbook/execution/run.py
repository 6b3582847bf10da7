"""The second step: calls a job's processor where it is to run, and ends it when its time is up."""

import asyncio
import contextvars
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import orjson

from herdbook.crash_points import crash_point
from herdbook.errors import ConfigurationError
from herdbook.execution.claimed_job import ClaimedJob, LockLost, StopReason
from herdbook.execution.error_report import report_error, stack_text
from herdbook.execution.limits import JobLimits
from herdbook.execution.processes import Call, ProcessPool
from herdbook.execution.processes.process import JobProcess
from herdbook.model.artifacts import ArtifactStore
from herdbook.model.context import JobContext, running_job
from herdbook.model.outcome import Ended, Interrupted, Raised, Returned
from herdbook.model.processor import ExecutorKind
from herdbook.model.registry import JobType, Registry
from herdbook.model.signals import TimedOut, Unrecoverable
from herdbook.observe.events import AttemptTrace
from herdbook.service import log

# Seconds that a job which was told to end gets to do so by itself, before it is killed or given up.
GRACE = 1.0
# What is told of a job that ended. It sets the job's outcome.
OnEnd = Callable[[ClaimedJob, Ended], None]


class Runner:
    """Calls the processors of one queue's jobs; `on_end` is told in the event loop of each that ended, and how."""

    def __init__(
        self,
        registry: Registry,
        artifacts: ArtifactStore,
        processes: ProcessPool,
        limits: JobLimits,
        *,
        on_end: OnEnd,
        trace: AttemptTrace | None = None,
    ) -> None:
        self._registry = registry
        self._artifacts = artifacts
        self._processes = processes
        self._max_log_lines = limits.log_lines
        self._on_end = on_end
        self._trace = trace
        # Bounded by the jobs that the executor lets run. A thread that was given up is not counted there any more,
        # and goes on; so it must not take the place of another.
        self._threads = ThreadPoolExecutor(max_workers=sys.maxsize, thread_name_prefix="herdbook-job")
        self._jobs: dict[asyncio.Task[None], ClaimedJob] = {}
        self._interrupting = False

    @property
    def running(self) -> list[ClaimedJob]:
        """The jobs that run."""
        return [job for job in self._jobs.values() if job.outcome is None]

    def start(self, jobs: Sequence[ClaimedJob]) -> None:
        """Run jobs in the background."""
        if jobs:
            crash_point("claimed")
        # To ask for it is a call of the kernel.
        loop = asyncio.get_running_loop()
        for job in jobs:
            self._prepare(job)
            job.task = loop.create_task(self._execute(job))
            self._jobs[job.task] = job
            job.task.add_done_callback(self._forget)

    def _prepare(self, job: ClaimedJob) -> None:
        delivery, row = job.delivery, job.row
        job.job_type = self._registry.find(delivery.job_type)
        job.limit = row.timeout_ms / 1_000 if row.timeout_ms else job.job_type.timeout if job.job_type else None
        job.context = JobContext(
            id=job.key.job,
            job_type=delivery.job_type,
            queue=delivery.queue,
            attempt=delivery.attempt,
            reported=orjson.loads(row.progress) if row.progress else None,
            artifacts=self._artifacts,
            started_at=row.started_at,
            began=job.began,
            max_log_lines=self._max_log_lines,
        )

    def stop(self, job: ClaimedJob, reason: StopReason) -> bool:
        """Stop one job because of `reason`, which becomes its error; False when it has ended or is being stopped.

        An `async def` is cancelled, and given up when it does not end within `GRACE` seconds. A process
        is told, and killed after as long. A thread cannot be stopped: its job ends now, and it goes on.
        """
        if job.outcome is not None or job.stop_reason is not None:
            return False
        job.stop_reason = reason
        self._tell(job)
        return True

    def interrupt(self) -> None:
        """End all jobs; each becomes `Released`, unless it ends by itself. Threads are given up, as in `stop`."""
        self._interrupting = True
        for job in self.running:
            self._tell(job)

    def close(self) -> None:
        """Let the threads go; one that runs a processor lives on until that ends."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _tell(self, job: ClaimedJob) -> None:
        assert job.task is not None
        job.context.mark_cancelled()
        loop = asyncio.get_running_loop()
        if job.process is not None and job.process.tell_to_stop():
            loop.call_later(GRACE, job.task.cancel)
            return
        job.task.cancel()
        loop.call_later(GRACE, self._give_up, job)

    def _give_up(self, job: ClaimedJob) -> None:
        """End a job whose function does not end. What it returns later is ignored."""
        if job.outcome is None:
            log.warning("given up", job=job.delivery.job_id, job_type=job.delivery.job_type)
            self._end(job, Interrupted())

    def _forget(self, task: "asyncio.Task[None]") -> None:
        # A task that was cancelled before its first step never ran `_execute`, which lets GeneratorExit through.
        job = self._jobs.pop(task)
        if job.outcome is None:
            error = None if task.cancelled() else task.exception()
            self._end(job, Raised(error=error, report=report_error(error)) if error else Interrupted())

    async def _execute(self, job: ClaimedJob) -> None:
        ended: Ended
        running_job.set(job.context)
        if self._trace is not None:
            job.end_trace = self._trace(job)
        try:
            ended = await self._call(job)
        except GeneratorExit:
            raise
        except BaseException as error:
            ended = Raised(error=error, report=report_error(error))
        if job.outcome is None:
            self._end(job, ended)

    async def _call(self, job: ClaimedJob) -> Ended:
        delivery, job_type = job.delivery, job.job_type
        if delivery.deferred_failure is not None:
            raise Unrecoverable(delivery.deferred_failure)
        if job_type is None or job_type.function is None:
            raise ConfigurationError(f"this worker has no processor for job type {delivery.job_type!r}")
        if job_type.executor is ExecutorKind.PROCESS:
            return await self._call_in_process(job, job_type.function)
        payload = job_type.checked(delivery.data)
        self._begin(job)
        if job_type.executor is ExecutorKind.ASYNC:
            return Returned(value=await job_type.call(payload, job.context))
        call = partial(contextvars.copy_context().run, _call_in_thread, job, job_type, payload)
        return Returned(value=await asyncio.get_running_loop().run_in_executor(self._threads, call))

    async def _call_in_process(self, job: ClaimedJob, function: Callable[..., Any]) -> Ended:
        call = Call(
            module=function.__module__,
            function=function.__qualname__,
            id=job.key.job,
            job_type=job.delivery.job_type,
            queue=job.delivery.queue,
            attempt=job.delivery.attempt,
            reported=job.context.reported,
            data=job.delivery.data,
            limit=job.limit,
            started_at=job.row.started_at,
            began=job.began,
        )
        return await self._processes.run(call, job.context, partial(self._begin, job))

    def _begin(self, job: ClaimedJob, process: JobProcess | None = None) -> None:
        """The function is about to be called: its time runs from now."""
        job.process = process
        if job.limit is not None:
            job.context.deadline = datetime.now(UTC) + timedelta(seconds=job.limit)
            job.timer = asyncio.get_running_loop().call_later(job.limit, self._time_out, job, job.limit)

    def _time_out(self, job: ClaimedJob, limit: float) -> None:
        message = f"it took longer than its limit of {limit:g} s"
        if job.job_type is not None and job.job_type.executor is ExecutorKind.THREAD:
            message += "; a thread cannot be stopped, so it goes on, and what it returns is ignored"
        self.stop(job, TimedOut(message))

    def _end(self, job: ClaimedJob, ended: Ended) -> None:
        if job.timer is not None:
            job.timer.cancel()
        if isinstance(job.stop_reason, LockLost):
            # Work that is done is worth recording; the record knows whether another attempt came first.
            ended = ended if isinstance(ended, Returned) else Interrupted()
        elif job.stop_reason is not None:
            # Whatever the function made of being stopped: it was.
            ended = Raised(error=job.stop_reason, report=report_error(job.stop_reason, trace=_where(job, ended)))
        elif self._interrupting and isinstance(ended, Raised) and isinstance(ended.error, asyncio.CancelledError):
            # Without us having told it, a cancellation is the function's own failure.
            ended = Interrupted()
        job.took = time.monotonic() - job.began
        self._on_end(job, ended)


def _call_in_thread(job: ClaimedJob, job_type: JobType, payload: Any) -> Any:
    job.thread = threading.get_ident()
    return job_type.call(payload, job.context)


def _where(job: ClaimedJob, ended: Ended) -> str | None:
    """The stack of a function that was stopped, as far as it can be known."""
    if job.process is not None:
        return job.process.where()
    if job.thread is not None:
        return stack_text(sys._current_frames().get(job.thread))
    return ended.report.stack_trace if isinstance(ended, Raised) else None

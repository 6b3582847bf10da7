"""Takes claimed jobs.

Gives what each came to: its processor is called where it is to run, within its time, and the outcome decided.
Never touches the record or the queue.
"""

import asyncio
import contextvars
import random
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from herdbook.errors import ConfigurationError
from herdbook.execution.claim import Claimed
from herdbook.execution.error_report import report_error, stack_text
from herdbook.execution.processes import Call, ProcessPool
from herdbook.execution.processes.process import JobProcess
from herdbook.model.artifacts import ArtifactStore
from herdbook.model.context import JobContext, running_job
from herdbook.model.job import AttemptKey
from herdbook.model.options import Backoff
from herdbook.model.outcome import BackoffFunction, Ended, Interrupted, Outcome, Raised, Returned, decide
from herdbook.model.processor import ExecutorKind
from herdbook.model.registry import JobType, Registry
from herdbook.model.signals import Cancel, TimedOut, Unrecoverable
from herdbook.observe.events import AttemptTrace
from herdbook.queue.delivery import Delivery
from herdbook.service import log

# Seconds that a job which was told to end gets to do so by itself, before it is killed or given up.
GRACE = 1.0
# Why a job is stopped; it is recorded as though the processor had raised it.
Cause = TimedOut | Cancel


@dataclass(slots=True, kw_only=True)
class Run:
    """One attempt under way. `outcome` is set when it has ended, `cause` when it is being stopped.

    `is_start_saved` is whether the record shows it as running.

    It was claimed at `started_at`, by the record's clock. `waited` and `took` are seconds: until the attempt
    began, and from there to its end.
    """

    delivery: Delivery
    key: AttemptKey
    context: JobContext
    job_type: JobType | None
    limit: float | None
    started_at: datetime
    waited: float
    began: float = field(default_factory=time.monotonic)
    took: float = 0.0
    outcome: Outcome | None = None
    is_start_saved: bool = False
    cause: Cause | None = None
    task: "asyncio.Task[None] | None" = None
    timer: asyncio.TimerHandle | None = None
    thread: int | None = None
    process: JobProcess | None = None
    end_trace: Callable[[], None] | None = None

    @property
    def queue(self) -> str:
        """The queue it was delivered from."""
        return self.delivery.queue

    @property
    def job_id(self) -> str:
        """The job's id in that queue."""
        return self.delivery.job_id

    @property
    def type_name(self) -> str | None:
        """The job type, if this worker knows it."""
        return self.job_type.name if self.job_type else None

    @property
    def trace_context(self) -> str | None:
        """Where the job's trace goes on."""
        return self.delivery.trace_context


class Runner:
    """Calls the processors of one queue; `on_end` is called in the event loop for each run that ended."""

    def __init__(
        self,
        registry: Registry,
        artifacts: ArtifactStore,
        processes: ProcessPool,
        *,
        on_end: Callable[[Run], None],
        trace: AttemptTrace | None = None,
    ) -> None:
        self._registry = registry
        self._artifacts = artifacts
        self._processes = processes
        self._on_end = on_end
        self._trace = trace
        # Bounded by the jobs that the executor lets run. A thread that was given up is not counted there any more,
        # and goes on; so it must not take the place of another.
        self._threads = ThreadPoolExecutor(max_workers=sys.maxsize, thread_name_prefix="herdbook-job")
        self._runs: dict[asyncio.Task[None], Run] = {}
        self._interrupting = False

    @property
    def runs(self) -> list[Run]:
        """The runs under way."""
        return [run for run in self._runs.values() if run.outcome is None]

    def start(self, claims: Sequence[Claimed]) -> list[Run]:
        """Run claimed jobs in the background."""
        # To ask for it is a call of the kernel.
        loop = asyncio.get_running_loop()
        return [self._start(claimed, loop) for claimed in claims]

    def _start(self, claimed: Claimed, loop: asyncio.AbstractEventLoop) -> Run:
        delivery = claimed.delivery
        job_type = self._registry.find(delivery.job_type)
        context = JobContext(
            id=claimed.key.job,
            job_type=delivery.job_type,
            queue=delivery.queue,
            attempt=delivery.attempt,
            reported=claimed.reported,
            artifacts=self._artifacts,
        )
        limit = claimed.timeout_ms / 1_000 if claimed.timeout_ms else job_type.timeout if job_type else None
        run = Run(
            delivery=delivery,
            key=claimed.key,
            context=context,
            job_type=job_type,
            limit=limit,
            started_at=claimed.started_at,
            waited=claimed.waited_ms / 1_000,
        )
        run.task = loop.create_task(self._execute(run))
        self._runs[run.task] = run
        run.task.add_done_callback(self._forget)
        return run

    def stop(self, run: Run, cause: Cause) -> bool:
        """Stop one run because of `cause`, which becomes its error; False when it has ended or is being stopped.

        An `async def` is cancelled, and given up when it does not end within `GRACE` seconds. A process
        is told, and killed after as long. A thread cannot be stopped: its run ends now, and it goes on.
        """
        if run.outcome is not None or run.cause is not None:
            return False
        run.cause = cause
        self._tell(run)
        return True

    def interrupt(self) -> None:
        """End all runs; each becomes `Released`, unless it ends by itself. Threads are given up, as in `stop`."""
        self._interrupting = True
        for run in self.runs:
            self._tell(run)

    def close(self) -> None:
        """Let the threads go; one that runs a processor lives on until that ends."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _tell(self, run: Run) -> None:
        assert run.task is not None
        run.context.mark_cancelled()
        loop = asyncio.get_running_loop()
        if run.process is not None and run.process.tell_to_stop():
            loop.call_later(GRACE, run.task.cancel)
            return
        run.task.cancel()
        loop.call_later(GRACE, self._give_up, run)

    def _give_up(self, run: Run) -> None:
        """End a run whose function does not end. What it returns later is ignored."""
        if run.outcome is None:
            log.warning("given up", job=run.delivery.job_id, job_type=run.delivery.job_type)
            self._end(run, Interrupted())

    def _forget(self, task: "asyncio.Task[None]") -> None:
        # A task that was cancelled before its first step never ran `_execute`.
        run = self._runs.pop(task)
        if run.outcome is None:
            self._end(run, Interrupted())

    async def _execute(self, run: Run) -> None:
        ended: Ended
        running_job.set(run.context)
        if self._trace is not None:
            run.end_trace = self._trace(run)
        try:
            ended = await self._call(run)
        except GeneratorExit:
            raise
        except BaseException as error:
            ended = Raised(error=error, report=report_error(error))
        if run.outcome is None:
            self._end(run, ended)

    async def _call(self, run: Run) -> Ended:
        delivery, job_type = run.delivery, run.job_type
        if delivery.deferred_failure is not None:
            raise Unrecoverable(delivery.deferred_failure)
        if job_type is None or job_type.function is None:
            raise ConfigurationError(f"this worker has no processor for job type {delivery.job_type!r}")
        if job_type.executor is ExecutorKind.PROCESS:
            return await self._call_in_process(run, job_type.function)
        payload = job_type.checked(delivery.data)
        self._begin(run)
        if job_type.executor is ExecutorKind.ASYNC:
            return Returned(value=await job_type.call(payload, run.context))
        call = partial(contextvars.copy_context().run, _call_in_thread, run, job_type, payload)
        return Returned(value=await asyncio.get_running_loop().run_in_executor(self._threads, call))

    async def _call_in_process(self, run: Run, function: Callable[..., Any]) -> Ended:
        call = Call(
            module=function.__module__,
            function=function.__qualname__,
            id=run.key.job,
            job_type=run.delivery.job_type,
            queue=run.delivery.queue,
            attempt=run.delivery.attempt,
            reported=run.context.reported,
            data=run.delivery.data,
            limit=run.limit,
        )
        return await self._processes.run(call, run.context, partial(self._begin, run))

    def _begin(self, run: Run, process: JobProcess | None = None) -> None:
        """The function is about to be called: its time runs from now."""
        run.process = process
        if run.limit is not None:
            run.context.deadline = datetime.now(UTC) + timedelta(seconds=run.limit)
            run.timer = asyncio.get_running_loop().call_later(run.limit, self._time_out, run, run.limit)

    def _time_out(self, run: Run, limit: float) -> None:
        message = f"it took longer than its limit of {limit:g} s"
        if run.job_type is not None and run.job_type.executor is ExecutorKind.THREAD:
            message += "; a thread cannot be stopped, so it goes on, and what it returns is ignored"
        self.stop(run, TimedOut(message))

    def _end(self, run: Run, ended: Ended) -> None:
        if run.timer is not None:
            run.timer.cancel()
        if run.cause is not None:
            # Whatever the function made of being stopped: it was.
            ended = Raised(error=run.cause, report=report_error(run.cause, trace=_where(run, ended)))
        elif self._interrupting and isinstance(ended, Raised) and isinstance(ended.error, asyncio.CancelledError):
            # Without us having told it, a cancellation is the function's own failure.
            ended = Interrupted()
        run.took = time.monotonic() - run.began
        run.outcome = decide(
            ended,
            attempts_made=run.delivery.attempts_made + 1,
            max_attempts=run.delivery.max_attempts,
            backoff=_backoff(run) if isinstance(ended, Raised) else None,
            random=random.random(),
        )
        if run.end_trace is not None:
            run.end_trace()
        self._on_end(run)


def _call_in_thread(run: Run, job_type: JobType, payload: Any) -> Any:
    run.thread = threading.get_ident()
    return job_type.call(payload, run.context)


def _backoff(run: Run) -> Backoff | BackoffFunction | None:
    return run.delivery.backoff or (run.job_type.own_backoff if run.job_type else None)


def _where(run: Run, ended: Ended) -> str | None:
    """The stack of a function that was stopped, as far as it can be known."""
    if run.process is not None:
        return run.process.where()
    if run.thread is not None:
        return stack_text(sys._current_frames().get(run.thread))
    return ended.report.stack_trace if isinstance(ended, Raised) else None

"""Takes claimed jobs.

Gives what each came to: its processor is called, and the outcome decided.
Never touches the record or the queue.
"""

import asyncio
import contextvars
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from herdbook.artifacts import ArtifactStore
from herdbook.claiming import Claimed
from herdbook.context import JobContext
from herdbook.errors import ConfigurationError, Unrecoverable
from herdbook.outcome import Interrupted, Outcome, Raised, Returned, decide, report_error
from herdbook.queue.delivery import Delivery
from herdbook.registry import Registry
from herdbook.store.attempts import AttemptKey


@dataclass(slots=True, kw_only=True)
class Run:
    """One attempt under way. `outcome` is set when it has ended."""

    delivery: Delivery
    key: AttemptKey
    context: JobContext
    outcome: Outcome | None = None


class Runner:
    """Calls the processors of one queue; `on_end` is called in the event loop for each run that ended."""

    def __init__(
        self, registry: Registry, artifacts: ArtifactStore, *, threads: int, on_end: Callable[[Run], None]
    ) -> None:
        self._registry = registry
        self._artifacts = artifacts
        self._on_end = on_end
        self._threads = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="herdbook-job")
        self._tasks: dict[asyncio.Task[None], Run] = {}
        self._interrupting = False

    @property
    def runs(self) -> list[Run]:
        """The runs under way."""
        return list(self._tasks.values())

    def start(self, claimed: Claimed) -> None:
        """Run a claimed job in the background."""
        delivery = claimed.delivery
        context = JobContext(
            id=claimed.key.job,
            job_type=delivery.job_type,
            queue=delivery.queue,
            attempt=delivery.attempt,
            reported=claimed.reported,
            artifacts=self._artifacts,
        )
        run = Run(delivery=delivery, key=claimed.key, context=context)
        task = asyncio.create_task(self._execute(run), name=delivery.job_id)
        self._tasks[task] = run
        task.add_done_callback(self._forget)

    def interrupt(self) -> None:
        """End all runs; each becomes `Released`. A thread cannot be ended: its run is given up."""
        self._interrupting = True
        for task in self._tasks:
            task.cancel()

    def close(self) -> None:
        """Let the threads go; one that runs a processor lives on until that ends."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _forget(self, task: "asyncio.Task[None]") -> None:
        # A task that was cancelled before its first step never ran `_execute`.
        run = self._tasks.pop(task)
        if run.outcome is None:
            self._end(run, Interrupted())

    async def _execute(self, run: Run) -> None:
        try:
            ended: Returned | Raised | Interrupted = Returned(value=await self._call(run))
        except asyncio.CancelledError as error:
            if self._interrupting:
                ended = Interrupted()
            else:
                # The processor cancelled itself, or something of its own; that is its failure, not ours.
                ended = Raised(error=error, report=report_error(error, skip=__file__))
        except (Exception, SystemExit) as error:
            ended = Raised(error=error, report=report_error(error, skip=__file__))
        self._end(run, ended)

    async def _call(self, run: Run) -> Any:
        delivery = run.delivery
        if delivery.deferred_failure is not None:
            raise Unrecoverable(delivery.deferred_failure)
        job_type = self._registry.find(delivery.job_type)
        if job_type is None or job_type.function is None:
            raise ConfigurationError(f"this worker has no processor for job type {delivery.job_type!r}")
        try:
            payload = job_type.validate(delivery.data)
        except Exception as error:
            raise Unrecoverable(str(error)) from None
        if job_type.is_async:
            return await job_type.call(payload, run.context)
        call = contextvars.copy_context().run
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, call, job_type.call, payload, run.context
        )

    def _end(self, run: Run, ended: Returned | Raised | Interrupted) -> None:
        run.outcome = decide(
            ended,
            attempts_made=run.delivery.attempts_made + 1,
            max_attempts=run.delivery.max_attempts,
            backoff=run.delivery.backoff,
            random=random.random(),
        )
        self._on_end(run)

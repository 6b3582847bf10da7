"""A delivered job that this worker may run, from its claim until it has been acknowledged."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from herdbook.errors import HerdbookError
from herdbook.execution.processes.process import JobProcess
from herdbook.model.context import JobContext
from herdbook.model.job import AttemptKey
from herdbook.model.outcome import Outcome
from herdbook.model.registry import JobType
from herdbook.model.signals import Cancel, TimedOut
from herdbook.queue.delivery import Delivery
from herdbook.record.attempts import ClaimedRow


class LockLost(HerdbookError):
    """The job's lock is gone, so another worker may have it: this attempt ends without counting."""


# Why a job is stopped. It is recorded as though the processor had raised it; a lost lock hands the job back.
StopReason = TimedOut | Cancel | LockLost


@dataclass(slots=True, kw_only=True, eq=False)
class ClaimedJob:
    """One attempt. `row` is what the record says of the job; `is_start_saved` whether it shows it as running.

    `context` and `job_type` are set when it begins to run, `stop_reason` when it is being stopped, `outcome` when it
    has ended, and `took` with it: the seconds from its beginning. `limit` is its time limit in seconds.
    """

    delivery: Delivery
    key: AttemptKey
    row: ClaimedRow
    is_start_saved: bool
    context: JobContext = field(init=False)
    job_type: JobType | None = None
    limit: float | None = None
    began: float = field(default_factory=time.monotonic)
    took: float = 0.0
    outcome: Outcome | None = None
    stop_reason: StopReason | None = None
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

    @property
    def attempts_made(self) -> int:
        """How many earlier attempts counted; a Redis that lost its newest writes knows of fewer than the record."""
        return max(self.delivery.attempts_made, self.row.attempts_made)

    @property
    def waited(self) -> float:
        """Seconds for which the job could have run already when it was claimed."""
        return self.row.waited_ms / 1_000

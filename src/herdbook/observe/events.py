"""Events at the edges of the steps in a job's path, one per batch, for metrics and traces to observe."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from herdbook.model.job import AttemptKey
from herdbook.model.outcome import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolUse:
    """How many connections of a pool are open, how many of those are idle, and how many may be opened."""

    open: int
    idle: int
    limit: int


class ObservedAttempt(Protocol):
    """An attempt, from its claim to its end. `outcome` is None until then; `took` and `waited` are in seconds."""

    @property
    def key(self) -> AttemptKey: ...
    @property
    def queue(self) -> str: ...
    @property
    def job_id(self) -> str: ...
    @property
    def type_name(self) -> str | None: ...
    @property
    def trace_context(self) -> str | None: ...
    @property
    def outcome(self) -> Outcome | None: ...
    @property
    def took(self) -> float: ...
    @property
    def waited(self) -> float: ...


# Called at the first step of an attempt, in the attempt's own task, whose context it may change; returns a function
# to call once the outcome is decided.
AttemptTrace = Callable[[ObservedAttempt], Callable[[], None]]


class Observer:
    """Receives the event of every batch and ignores it; subclasses override the events they need.

    The methods are called in the event loop, after the step, and must not raise. `attempts` traces every single
    attempt; None costs nothing.
    """

    def __init__(self, attempts: AttemptTrace | None = None) -> None:
        self.attempts = attempts

    def claimed(self, queue: str, deliveries: int, won: int) -> None:
        """A batch of deliveries was claimed, and `won` of them run."""

    def recorded(self, queue: str, runs: Sequence[ObservedAttempt]) -> None:
        """The outcomes of these attempts were recorded in one commit."""

    def acknowledged(self, queue: str, jobs: int) -> None:
        """So many jobs were acknowledged in one call."""

    def relayed(self, entries: int) -> None:
        """A batch of outbox entries was delivered to the queues."""

    def watch_held(self, held: Callable[[], dict[str, int]]) -> None:
        """A worker has started in this process; `held` returns how many jobs of each queue it currently holds."""


NULL_OBSERVER = Observer()

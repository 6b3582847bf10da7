"""Takes what the stations of a job's path tell at the edges of their steps: one event for each batch.

Gives it to whoever observes this process.
Never costs more than an empty call for each batch where nobody does.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from herdbook.model.job import AttemptKey
from herdbook.model.outcome import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolUse:
    """How many connections are open, how many of them idle, and how many there may be."""

    open: int
    idle: int
    limit: int


class ObservedAttempt(Protocol):
    """An attempt, from its claim to its end. `outcome` is None until it has ended; `took` and `waited` are seconds."""

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


# Follows an attempt from its first step, in its own task, whose context it may change; gives what is to be called
# once the outcome is decided.
AttemptTrace = Callable[[ObservedAttempt], Callable[[], None]]


class Observer:
    """One who hears of every batch, and does nothing about it; others override what they want to hear.

    The calls are made in the event loop, after the step, and must not raise. `attempts` follows every single attempt;
    None costs nothing.
    """

    def __init__(self, attempts: AttemptTrace | None = None) -> None:
        self.attempts = attempts

    def claimed(self, queue: str, deliveries: int, won: int) -> None:
        """A batch of deliveries was claimed in the record, and `won` of them run."""

    def recorded(self, queue: str, runs: Sequence[ObservedAttempt]) -> None:
        """The outcomes of these runs were recorded in one commit."""

    def acknowledged(self, queue: str, jobs: int) -> None:
        """The queue was told of so many jobs in one turn."""

    def relayed(self, entries: int) -> None:
        """A batch of the outbox was carried to the queues."""

    def watch_held(self, held: Callable[[], dict[str, int]]) -> None:
        """A worker works here; `held` tells how many jobs of each queue it holds at the moment."""


NOBODY = Observer()

"""Evaluates alert rules against the facts of a running system."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from herdbook.alerting.rules import (
    FailureRate,
    JobFailed,
    NoWorker,
    OldestWaiting,
    OutboxLagging,
    Rule,
    WorkerLost,
    format_seconds,
)

# More alerts would not help if alerts fail.
_NOT_WATCHED = frozenset({"alert"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeFacts:
    """How many jobs of a type completed, and how many failed for good."""

    completed: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueAlertFacts:
    """A queue: for how many seconds its next job has been due (None if none is), and how many live workers it has."""

    name: str
    oldest_waiting: float | None
    paused: bool
    workers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerFacts:
    """A worker whose heartbeat has been missing for `seconds_silent`, and how many jobs it was running."""

    id: str
    seconds_silent: float
    running: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertFacts:
    """The state of the system at one moment.

    `ended` has the jobs that ended within each window (seconds) that a rule uses, by type. `queues`
    is None while Redis is unreachable. `outbox_age` is in seconds.
    """

    ended: Mapping[float, Mapping[str, TypeFacts]]
    queues: Sequence[QueueAlertFacts] | None
    lost_workers: Sequence[WorkerFacts]
    outbox_age: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """A violation of a rule; `subject` distinguishes incidents of the same rule."""

    subject: str
    message: str


def evaluate(rule: Rule, facts: AlertFacts) -> list[Firing] | None:
    """The violations of this rule; None if the facts it needs are unknown."""
    match rule:
        case JobFailed():
            return list(_failed(rule, facts))
        case FailureRate():
            return list(_failure_rate(rule, facts))
        case OldestWaiting():
            return None if facts.queues is None else list(_waiting(rule, facts.queues))
        case NoWorker():
            return None if facts.queues is None else list(_unserved(rule, facts.queues))
        case OutboxLagging():
            return list(_lagging(rule, facts))
        case WorkerLost():
            return list(_lost(rule, facts))


def windows(rules: Sequence[Rule]) -> set[float]:
    """The time windows, in seconds, for which the rules need the ended jobs."""
    return {rule.over for rule in rules if isinstance(rule, JobFailed | FailureRate)}


def _failed(rule: JobFailed, facts: AlertFacts) -> Iterator[Firing]:
    for name, jobs in sorted(facts.ended[rule.over].items()):
        if jobs.failed and name not in _NOT_WATCHED and name in (rule.job_types or [name]):
            count = "1 job" if jobs.failed == 1 else f"{jobs.failed:,} jobs"
            yield Firing(subject=name, message=f"{count} of type {name} failed for good.")


def _failure_rate(rule: FailureRate, facts: AlertFacts) -> Iterator[Firing]:
    for name, jobs in sorted(facts.ended[rule.over].items()):
        ended = jobs.completed + jobs.failed
        if name in _NOT_WATCHED or name not in (rule.job_types or [name]) or ended < rule.at_least:
            continue
        if jobs.failed > rule.above * ended:
            yield Firing(
                subject=name,
                message=f"{jobs.failed / ended:.0%} of the jobs of type {name} failed for good: "
                f"{jobs.failed:,} of {ended:,} within {format_seconds(rule.over)}.",
            )


def _waiting(rule: OldestWaiting, queues: Sequence[QueueAlertFacts]) -> Iterator[Firing]:
    for queue in queues:
        oldest = queue.oldest_waiting
        if oldest is not None and oldest > rule.longer_than and queue.name in (rule.queues or [queue.name]):
            paused = "; the queue is paused" if queue.paused else ""
            waited = format_seconds(round(oldest))
            message = f"The next job of queue {queue.name} has been waiting for {waited}{paused}."
            yield Firing(subject=queue.name, message=message)


def _unserved(rule: NoWorker, queues: Sequence[QueueAlertFacts]) -> Iterator[Firing]:
    for queue in queues:
        waits = queue.oldest_waiting is not None and queue.oldest_waiting >= rule.longer_than
        if waits and not queue.workers and not queue.paused and queue.name in (rule.queues or [queue.name]):
            message = f"Jobs of queue {queue.name} are waiting, but no live worker takes them."
            yield Firing(subject=queue.name, message=message)


def _lagging(rule: OutboxLagging, facts: AlertFacts) -> Iterator[Firing]:
    if facts.outbox_age > rule.longer_than:
        waited = format_seconds(round(facts.outbox_age))
        yield Firing(subject="outbox", message=f"The oldest recorded job has been waiting for a relay for {waited}.")


def _lost(rule: WorkerLost, facts: AlertFacts) -> Iterator[Firing]:
    for worker in facts.lost_workers:
        if worker.seconds_silent <= rule.over:
            held = f" while running {worker.running:,} jobs" if worker.running else ""
            yield Firing(subject=worker.id, message=f"Worker {worker.id} was lost{held}.")

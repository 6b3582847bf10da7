"""Evaluates the operator's rules: facts in, a subject and a sentence for each incident out.

The facts, and what counts as a live worker, as waiting and as lag, are those of `model.health`; the limits are the
rule's own.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from herdbook.alerting.rules import (
    FailureRate,
    JobFailed,
    NoWorker,
    OldestWaiting,
    OutboxLagging,
    RedisLoss,
    Rule,
    WorkerLost,
)
from herdbook.model.duration import in_words
from herdbook.model.health import (
    OutboxLag,
    QueueFacts,
    QueueLoss,
    WorkerFacts,
    count_jobs,
    no_heartbeat,
    no_live_worker,
    not_yet_queued,
    redis_lost_writes,
)

# More alerts would not help if alerts fail.
_NOT_WATCHED = frozenset({"alert"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeFacts:
    """How many jobs of a type completed, and how many failed for good."""

    completed: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertFacts:
    """The state of the system at one moment.

    `ended` has the jobs that ended within each window (seconds) that a rule asks for, by type. `queues`
    is None while Redis is unreachable. `loss` is the last loss of Redis, if it was within the last hour.
    """

    ended: Mapping[float, Mapping[str, TypeFacts]]
    queues: Sequence[QueueFacts] | None
    workers: Sequence[WorkerFacts]
    outbox: OutboxLag
    loss: QueueLoss | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """A violation of a rule; `subject` distinguishes incidents of the same rule."""

    subject: str
    message: str


def evaluate(rule: Rule, facts: AlertFacts) -> list[Firing] | None:
    """The violations of this rule; None if the facts it needs are unknown."""
    if isinstance(rule, OldestWaiting | NoWorker) and facts.queues is None:
        return None
    return list(_violations(rule, facts))


def _violations(rule: Rule, facts: AlertFacts) -> Iterator[Firing]:
    match rule:
        case JobFailed():
            yield from _failed(rule, facts)
        case FailureRate():
            yield from _failure_rate(rule, facts)
        case OldestWaiting():
            yield from _waiting(rule, facts.queues or ())
        case NoWorker():
            yield from _unserved(rule, facts.queues or ())
        case OutboxLagging():
            yield from _lagging(rule, facts)
        case WorkerLost():
            yield from _lost(rule, facts)
        case RedisLoss():
            yield from _redis_lost(rule, facts)


def windows(rules: Sequence[Rule]) -> set[float]:
    """The time windows, in seconds, for which the rules need the ended jobs."""
    return {rule.over for rule in rules if isinstance(rule, JobFailed | FailureRate)}


def _failed(rule: JobFailed, facts: AlertFacts) -> Iterator[Firing]:
    for name, jobs in sorted(facts.ended[rule.over].items()):
        if jobs.failed and name not in _NOT_WATCHED and name in (rule.job_types or [name]):
            yield Firing(subject=name, message=f"{count_jobs(jobs.failed)} of type {name} failed for good.")


def _failure_rate(rule: FailureRate, facts: AlertFacts) -> Iterator[Firing]:
    for name, jobs in sorted(facts.ended[rule.over].items()):
        ended = jobs.completed + jobs.failed
        if name in _NOT_WATCHED or name not in (rule.job_types or [name]) or ended < rule.at_least:
            continue
        if jobs.failed > rule.above * ended:
            yield Firing(
                subject=name,
                message=f"{jobs.failed / ended:.0%} of the jobs of type {name} failed for good: "
                f"{jobs.failed:,} of {ended:,} within {in_words(rule.over)}.",
            )


def _waiting(rule: OldestWaiting, queues: Sequence[QueueFacts]) -> Iterator[Firing]:
    for queue in queues:
        oldest = queue.oldest_waiting
        if oldest is not None and oldest > rule.longer_than and queue.name in (rule.queues or [queue.name]):
            paused = "; the queue is paused" if queue.paused else ""
            message = f"The oldest job of queue {queue.name} has been waiting for {in_words(round(oldest))}{paused}."
            yield Firing(subject=queue.name, message=message)


def _unserved(rule: NoWorker, queues: Sequence[QueueFacts]) -> Iterator[Firing]:
    for queue in queues:
        waits = queue.oldest_waiting is not None and queue.oldest_waiting >= rule.longer_than
        if waits and not queue.is_served and not queue.paused and queue.name in (rule.queues or [queue.name]):
            yield Firing(
                subject=queue.name, message=f"{no_live_worker(queue.name)}: {count_jobs(queue.waiting)} waiting."
            )


def _lagging(rule: OutboxLagging, facts: AlertFacts) -> Iterator[Firing]:
    if facts.outbox.age > rule.longer_than:
        yield Firing(subject="outbox", message=f"{not_yet_queued(facts.outbox)}.")


def _lost(rule: WorkerLost, facts: AlertFacts) -> Iterator[Firing]:
    for worker in facts.workers:
        if worker.is_silent and worker.seconds_silent <= rule.over:
            yield Firing(subject=worker.id, message=f"{no_heartbeat(worker)}.")


def _redis_lost(rule: RedisLoss, facts: AlertFacts) -> Iterator[Firing]:
    if facts.loss is not None and facts.loss.seconds <= rule.over:
        yield Firing(subject="redis", message=f"{redis_lost_writes(facts.loss)}.")

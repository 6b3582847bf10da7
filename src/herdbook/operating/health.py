"""Judges how a system is, for the pages, `/readyz`, `doctor` and whoever asks next: facts in, findings out.

It never asks a server. A new kind of finding is one function here and one row in the table of `findings`.
"""

from collections.abc import Callable, Iterable, Iterator

from herdbook.model.duration import in_words
from herdbook.model.health import (
    CLOCK_TOLERANCE,
    LATE_AFTER,
    OLDEST_REDIS,
    HealthFacts,
    QueueFacts,
    Unanswered,
    count_jobs,
    missing_migrations,
    no_heartbeat,
    no_live_worker,
    not_yet_queued,
    redis_lost_writes,
    unreachable,
)
from herdbook.model.masking import mask_passwords
from herdbook.operating.findings import Area, Finding, FindingKind, healthy, wrong


def judge(facts: HealthFacts, *, outbox_lag_limit: float) -> list[Finding]:
    """What there is to say of a system, good and bad; the outbox may lag by `outbox_lag_limit` seconds."""
    return [found for judge_one in _JUDGES for found in judge_one(facts, outbox_lag_limit)]


def _postgresql(facts: HealthFacts, _: float) -> Iterator[Finding]:
    record = facts.record
    if isinstance(record, Unanswered):
        yield wrong(FindingKind.POSTGRESQL_UNREACHABLE, unreachable("PostgreSQL", _reason(record)))
    elif record is not None:
        yield healthy(Area.POSTGRESQL, _is_reachable("PostgreSQL", record.version))


def _schema(facts: HealthFacts, _: float) -> Iterator[Finding]:
    schema = facts.schema
    if isinstance(schema, Unanswered):
        yield wrong(FindingKind.SCHEMA_UNKNOWN, f"The schema version could not be read: {_reason(schema)}.")
    elif schema is None:
        return
    elif schema.conflict:
        yield wrong(FindingKind.SCHEMA_TOO_NEW, f"{schema.conflict[0].upper()}{schema.conflict[1:]}.")
    elif schema.missing:
        yield wrong(FindingKind.SCHEMA_OUTDATED, f"{missing_migrations(schema.missing)}.", count=schema.missing)
    elif schema.contracts:
        wait = "once no older version is running, run `herdbook migrate --contract`"
        yield healthy(Area.SCHEMA, f"The tables are up to date; {wait}.")
    else:
        yield healthy(Area.SCHEMA, "The tables are up to date.")


def _redis(facts: HealthFacts, _: float) -> Iterator[Finding]:
    redis = facts.redis
    if isinstance(redis, Unanswered):
        message = f"{unreachable('Redis', _reason(redis))} Jobs are recorded and will be queued once it is back."
        yield wrong(FindingKind.REDIS_UNREACHABLE, message)
    elif redis is not None:
        if redis.version is not None and _numbers(redis.version) < OLDEST_REDIS:
            yield wrong(FindingKind.REDIS_TOO_OLD, f"Redis {redis.version} is too old.")
        else:
            yield healthy(Area.REDIS, _is_reachable("Redis", redis.version))
        if redis.noeviction is False:
            message = "Redis may evict keys of the queues when its memory is full."
            yield wrong(FindingKind.REDIS_EVICTS, message)
        if redis.aof is False:
            yield wrong(FindingKind.REDIS_NOT_DURABLE, "A restart of Redis may lose the queues' newest jobs.")


def _loss(facts: HealthFacts, _: float) -> Iterator[Finding]:
    loss = facts.loss
    if loss is not None:
        message = f"{redis_lost_writes(loss)}."
        yield wrong(FindingKind.REDIS_LOST_JOBS, message, count=loss.redelivered, seconds=loss.seconds)


def _clocks(facts: HealthFacts, _: float) -> Iterator[Finding]:
    """By how much each server's clock differs from ours."""
    for server, area, off in (
        (facts.record, Area.POSTGRESQL_CLOCK, FindingKind.POSTGRESQL_CLOCK_OFF),
        (facts.redis, Area.REDIS_CLOCK, FindingKind.REDIS_CLOCK_OFF),
    ):
        if server is None or isinstance(server, Unanswered) or server.clock_ahead is None:
            continue
        ahead = server.clock_ahead
        if abs(ahead) < CLOCK_TOLERANCE:
            yield healthy(area, f"The {area} agrees with this machine's.", seconds=ahead)
        else:
            way = "ahead of" if ahead > 0 else "behind"
            message = f"The {area} is {abs(ahead):,.1f} seconds {way} this machine's."
            yield wrong(off, message, seconds=ahead)


def _outbox(facts: HealthFacts, limit: float) -> Iterator[Finding]:
    lag = facts.outbox
    if isinstance(lag, Unanswered):
        yield wrong(FindingKind.OUTBOX_UNKNOWN, f"The outbox could not be read: {_reason(lag)}.")
        return
    if lag is None:
        return
    is_late = lag.age > limit
    if not lag.depth:
        yield healthy(Area.RELAY, "Every recorded job has been queued.", count=0, seconds=0.0)
    elif lag.error_message:
        kind = FindingKind.OUTBOX_BLOCKED if is_late else FindingKind.OUTBOX_REFUSED
        message = f"A queue refused a job: {lag.error_message.rstrip('.')}. {not_yet_queued(lag)}."
        yield wrong(kind, message, count=lag.depth, seconds=lag.age)
    elif is_late:
        # No relay can do anything while Redis is unreachable.
        question = "" if isinstance(facts.redis, Unanswered) else " Is a relay running?"
        message = f"{not_yet_queued(lag)}.{question}"
        yield wrong(FindingKind.OUTBOX_LAGS, message, count=lag.depth, seconds=lag.age)
    else:
        yield healthy(Area.RELAY, f"{not_yet_queued(lag)}.", count=lag.depth, seconds=lag.age)


def _queues(facts: HealthFacts, _: float) -> Iterator[Finding]:
    queues = facts.queues
    if isinstance(queues, Unanswered):
        yield wrong(FindingKind.QUEUES_UNKNOWN, f"The queues could not be read: {_reason(queues)}.")
    elif queues is not None and not queues:
        yield wrong(FindingKind.NO_JOB_TYPES, "No program has declared a job type.")
    else:
        yield from map(_queue, queues or ())


def _queue(queue: QueueFacts) -> Finding:
    name, oldest = queue.name, queue.oldest_waiting
    waiting = f"{count_jobs(queue.waiting) if queue.waiting else 'no job'} waiting"
    if queue.paused:
        kind = FindingKind.QUEUE_PAUSED if queue.waiting else FindingKind.QUEUE_PAUSED_EMPTY
        message = f"Queue {name} is paused with {waiting}."
    elif not queue.is_served:
        kind = FindingKind.QUEUE_UNSERVED if queue.lacks_worker else FindingKind.QUEUE_UNSERVED_EMPTY
        stuck = f", {count_jobs(queue.stuck)} left by lost workers" if queue.stuck else ""
        message = f"{no_live_worker(name)}: {waiting}{stuck}."
    elif oldest is not None and oldest > LATE_AFTER:
        kind = FindingKind.QUEUE_LATE
        message = f"Queue {name} has {waiting}, the oldest for {in_words(round(oldest))}."
    else:
        workers = "1 live worker" if queue.workers == 1 else f"{queue.workers} live workers"
        who = workers if queue.workers else f"{count_jobs(queue.active_elsewhere)} running on other programs' workers"
        message = f"Queue {name} has {waiting} and {who}."
        return healthy(Area.QUEUE, message, name=name, count=queue.waiting, seconds=oldest)
    return wrong(kind, message, name=name, count=queue.waiting, seconds=oldest)


def _workers(facts: HealthFacts, _: float) -> Iterator[Finding]:
    for one in facts.workers:
        if one.is_silent:
            message = f"{no_heartbeat(one)}."
            yield wrong(FindingKind.WORKER_LOST, message, name=one.id, count=one.running, seconds=one.seconds_silent)
        elif one.wrong_clock:
            message = f"Worker {one.id}: its clock is {one.wrong_clock}."
            yield wrong(FindingKind.WORKER_CLOCK_WRONG, message, name=one.id, seconds=one.clock_ahead)


def _extensions(facts: HealthFacts, _: float) -> Iterator[Finding]:
    missing = facts.missing_job_types
    if isinstance(missing, Unanswered):
        yield wrong(FindingKind.JOB_TYPES_BROKEN, f"The job types of a package cannot be used: {_reason(missing)}.")
        return
    for name, remedy in missing.items():
        yield wrong(FindingKind.JOB_TYPE_MISSING, f"Job type {name} is not installed: {remedy}.", name=name)


def _mail(facts: HealthFacts, _: float) -> Iterator[Finding]:
    mail = facts.mail
    if isinstance(mail, Unanswered):
        yield wrong(FindingKind.MAIL_UNREACHABLE, unreachable("The mail server", _reason(mail)))
    elif mail is not None and mail.host is None:
        yield wrong(FindingKind.MAIL_NOT_SET, "No mail server is set, so email jobs fail.")
    elif mail is not None:
        yield healthy(Area.MAIL, f"The mail server {mail.host} is reachable.")


# In the order of a job's way.
_JUDGES: tuple[Callable[[HealthFacts, float], Iterable[Finding]], ...] = (
    _postgresql,
    _schema,
    _redis,
    _loss,
    _clocks,
    _outbox,
    _queues,
    _workers,
    _extensions,
    _mail,
)


def _reason(unanswered: Unanswered) -> str:
    """Why there was no answer, on one line, without passwords."""
    return mask_passwords(" ".join(unanswered.why.split())).rstrip(".")


def _is_reachable(server: str, version: str | None) -> str:
    return f"{server} is reachable." if version is None else f"{server} {version} is reachable."


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())

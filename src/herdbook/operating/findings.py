"""What may be found of a system: each kind with its severity, what it is about, and what to do."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """Whether somebody has to act: a problem cannot wait, a warning can."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


class Area(StrEnum):
    """What a finding is about."""

    POSTGRESQL = "PostgreSQL"
    POSTGRESQL_CLOCK = "PostgreSQL clock"
    SCHEMA = "tables"
    REDIS = "Redis"
    REDIS_MEMORY = "Redis memory"
    REDIS_DISK = "Redis disk"
    REDIS_CLOCK = "Redis clock"
    RELAY = "relay"
    JOB_TYPES = "job types"
    JOB_TYPE = "job type"
    QUEUE = "queue"
    WORKER = "worker"
    MAIL = "mail"


class FindingKind(StrEnum):
    """What was found."""

    HEALTHY = "healthy"
    POSTGRESQL_UNREACHABLE = "postgresql-unreachable"
    POSTGRESQL_CLOCK_OFF = "postgresql-clock-off"
    SCHEMA_UNKNOWN = "schema-unknown"
    SCHEMA_OUTDATED = "schema-outdated"
    SCHEMA_TOO_NEW = "schema-too-new"
    REDIS_UNREACHABLE = "redis-unreachable"
    REDIS_TOO_OLD = "redis-too-old"
    REDIS_EVICTS = "redis-evicts"
    REDIS_NOT_DURABLE = "redis-not-durable"
    REDIS_CLOCK_OFF = "redis-clock-off"
    REDIS_LOST_JOBS = "redis-lost-jobs"
    OUTBOX_UNKNOWN = "outbox-unknown"
    OUTBOX_REFUSED = "outbox-refused"
    OUTBOX_BLOCKED = "outbox-blocked"
    OUTBOX_LAGS = "outbox-lags"
    NO_JOB_TYPES = "no-job-types"
    JOB_TYPE_MISSING = "job-type-missing"
    JOB_TYPES_BROKEN = "job-types-broken"
    QUEUES_UNKNOWN = "queues-unknown"
    QUEUE_PAUSED = "queue-paused"
    QUEUE_PAUSED_EMPTY = "queue-paused-empty"
    QUEUE_UNSERVED = "queue-unserved"
    QUEUE_UNSERVED_EMPTY = "queue-unserved-empty"
    QUEUE_LATE = "queue-late"
    WORKER_LOST = "worker-lost"
    WORKER_CLOCK_WRONG = "worker-clock-wrong"
    MAIL_NOT_SET = "mail-not-set"
    MAIL_UNREACHABLE = "mail-unreachable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found: `message` says it in sentences, `advice` says what to do where something can be done.

    `name` is the queue or worker that it is about. `count` (of jobs or migrations) and `seconds` are the figures in
    the message.
    """

    kind: FindingKind
    severity: Severity
    area: Area
    message: str
    advice: str = ""
    name: str = ""
    count: int | None = None
    seconds: float | None = None

    @property
    def subject(self) -> str:
        """What it is about, such as `Redis` or `queue mails`."""
        return f"{self.area} {self.name}".rstrip()


_CLOCKS = "Jobs run on time, but some times that are shown are wrong. Synchronize the clocks, for example with NTP."
_START_WORKER = "Start `herdbook worker --queue {name}` with the app that declares it."
_WARNING, _PROBLEM = Severity.WARNING, Severity.PROBLEM
_KINDS: dict[FindingKind, tuple[Severity, Area, str]] = {
    FindingKind.POSTGRESQL_UNREACHABLE: (
        _PROBLEM,
        Area.POSTGRESQL,
        "Check DATABASE_URL and the server it names, or start `herdbook up`.",
    ),
    FindingKind.POSTGRESQL_CLOCK_OFF: (_WARNING, Area.POSTGRESQL_CLOCK, _CLOCKS),
    FindingKind.SCHEMA_UNKNOWN: (_PROBLEM, Area.SCHEMA, "Try again once PostgreSQL is reachable."),
    FindingKind.SCHEMA_OUTDATED: (_PROBLEM, Area.SCHEMA, "Run `herdbook migrate`."),
    FindingKind.SCHEMA_TOO_NEW: (
        _PROBLEM,
        Area.SCHEMA,
        "Use a Herdbook at least as new as the one that migrated this database.",
    ),
    FindingKind.REDIS_UNREACHABLE: (
        _PROBLEM,
        Area.REDIS,
        "Check REDIS_URL and the server it names, or start `herdbook up`.",
    ),
    FindingKind.REDIS_TOO_OLD: (_PROBLEM, Area.REDIS, "Herdbook needs Redis 6.2 or newer, or Valkey."),
    FindingKind.REDIS_EVICTS: (_PROBLEM, Area.REDIS_MEMORY, "Set maxmemory-policy to noeviction."),
    FindingKind.REDIS_NOT_DURABLE: (
        _WARNING,
        Area.REDIS_DISK,
        "Set appendonly to yes. (Accepted jobs are safe in PostgreSQL either way.)",
    ),
    FindingKind.REDIS_CLOCK_OFF: (_WARNING, Area.REDIS_CLOCK, _CLOCKS),
    FindingKind.REDIS_LOST_JOBS: (
        _WARNING,
        Area.REDIS,
        "Check the log of Redis: was it flushed, replaced, or restarted without an append-only file?",
    ),
    FindingKind.OUTBOX_UNKNOWN: (_PROBLEM, Area.RELAY, "Try again once PostgreSQL is reachable."),
    # The relay tries again, and other jobs pass a refused one by.
    FindingKind.OUTBOX_REFUSED: (_WARNING, Area.RELAY, "The relay keeps trying; its log names the job."),
    FindingKind.OUTBOX_BLOCKED: (_PROBLEM, Area.RELAY, "Remove the cause in Redis; the relay's log names the job."),
    FindingKind.OUTBOX_LAGS: (_PROBLEM, Area.RELAY, "Start `herdbook relay`, or look at its log."),
    FindingKind.NO_JOB_TYPES: (_WARNING, Area.JOB_TYPES, "Start `herdbook worker`."),
    FindingKind.JOB_TYPE_MISSING: (_WARNING, Area.JOB_TYPE, "Its jobs are neither published nor run here without it."),
    FindingKind.JOB_TYPES_BROKEN: (_PROBLEM, Area.JOB_TYPES, "Repair or remove that package."),
    FindingKind.QUEUES_UNKNOWN: (_PROBLEM, Area.QUEUE, "Try again once PostgreSQL and Redis are reachable."),
    FindingKind.QUEUE_PAUSED: (_WARNING, Area.QUEUE, "Resume it when its jobs should run."),
    FindingKind.QUEUE_PAUSED_EMPTY: (_WARNING, Area.QUEUE, "Resume it when its jobs should run."),
    FindingKind.QUEUE_UNSERVED: (_PROBLEM, Area.QUEUE, _START_WORKER),
    FindingKind.QUEUE_UNSERVED_EMPTY: (_WARNING, Area.QUEUE, _START_WORKER),
    FindingKind.QUEUE_LATE: (
        _WARNING,
        Area.QUEUE,
        "If it does not catch up, start more workers or raise their concurrency.",
    ),
    # Whatever it held: where nobody takes its jobs over, that is a problem of their queue.
    FindingKind.WORKER_LOST: (_WARNING, Area.WORKER, "If it should still run, look at its machine."),
    FindingKind.WORKER_CLOCK_WRONG: (_WARNING, Area.WORKER, _CLOCKS),
    FindingKind.MAIL_NOT_SET: (_WARNING, Area.MAIL, "Set SMTP_URL, like smtp://user:password@host:587."),
    FindingKind.MAIL_UNREACHABLE: (
        _PROBLEM,
        Area.MAIL,
        "Check SMTP_URL and the server it names; email jobs are retried meanwhile.",
    ),
}
# Worth knowing before the next job comes, but nothing waits because of them.
_HARMLESS_NOW = frozenset({FindingKind.NO_JOB_TYPES, FindingKind.QUEUE_PAUSED_EMPTY, FindingKind.QUEUE_UNSERVED_EMPTY})


def healthy(
    area: Area, message: str, *, name: str = "", count: int | None = None, seconds: float | None = None
) -> Finding:
    """A finding that something is as it should be."""
    kind, severity = FindingKind.HEALTHY, Severity.OK
    return Finding(kind=kind, severity=severity, area=area, message=message, name=name, count=count, seconds=seconds)


def wrong(
    kind: FindingKind, message: str, *, name: str = "", count: int | None = None, seconds: float | None = None
) -> Finding:
    """A finding of a kind that is wrong, with its severity and advice."""
    severity, area, advice = _KINDS[kind]
    return Finding(
        kind=kind,
        severity=severity,
        area=area,
        message=message,
        advice=advice.format(name=name),
        name=name,
        count=count,
        seconds=seconds,
    )


def wrong_now(findings: Iterable[Finding]) -> list[Finding]:
    """The warnings and problems that matter to a system while it runs, problems first."""
    found = [one for one in findings if one.severity is not Severity.OK and one.kind not in _HARMLESS_NOW]
    return sorted(found, key=lambda one: one.severity is not Severity.PROBLEM)

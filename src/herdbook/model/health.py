"""The facts that say how a system is, the thresholds they are judged by, and the wording that all judges share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from herdbook.model.duration import in_words

# Seconds without a heartbeat after which a worker counts as lost: three of its heartbeats.
SILENT_AFTER = 15.0
# Seconds after which the oldest waiting job of a queue that has workers counts as late.
LATE_AFTER = 60.0
# Seconds after which one job that somebody looks at should be in its queue. How long the outbox as a whole may lag is
# the setting `outbox_lag_limit`: a burst fills it for longer than this, and nothing is wrong.
DELIVERY_GRACE = 5.0
# Seconds by which a server's clock may differ from ours.
CLOCK_TOLERANCE = 1.0
# Seconds by which a worker's clock may differ from PostgreSQL's.
WORKER_CLOCK_TOLERANCE = 5.0
OLDEST_REDIS = (6, 2)


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A question that got no answer, and why."""

    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFacts:
    """A PostgreSQL that answers; `clock_ahead` is by how many seconds. None is what was not asked."""

    version: str | None = None
    clock_ahead: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaFacts:
    """How many migrations are missing, and how many contracts wait until no older version is running.

    `conflict` says why this version of Herdbook cannot use the schema at all.
    """

    missing: int = 0
    contracts: int = 0
    conflict: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisFacts:
    """A Redis that answers; None is what was not asked, or what the server does not tell."""

    version: str | None = None
    clock_ahead: float | None = None
    noeviction: bool | None = None
    aof: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxLag:
    """What waits for the relay: how many jobs, the oldest one's age in seconds, what the queue refused last."""

    depth: int
    age: float
    error_message: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerFacts:
    """A worker as its last heartbeat left it. `state` is running or quiet, `running` how many jobs it runs.

    `clock_ahead` is by how many seconds its clock is ahead of PostgreSQL's, None if that is unknown.
    """

    id: str
    queues: Sequence[str]
    running: int
    state: str
    seconds_silent: float
    clock_ahead: float | None = None

    @property
    def wrong_clock(self) -> str | None:
        """How its clock differs from PostgreSQL's, such as `1 h ahead`; None if that is little or unknown."""
        if self.clock_ahead is None or abs(self.clock_ahead) <= WORKER_CLOCK_TOLERANCE:
            return None
        return f"{in_words(round(abs(self.clock_ahead)))} {'ahead' if self.clock_ahead > 0 else 'behind'}"

    @property
    def is_silent(self) -> bool:
        """Whether it missed so many heartbeats that it counts as lost."""
        return self.seconds_silent >= SILENT_AFTER

    @property
    def takes_jobs(self) -> bool:
        """Whether it is a live worker that was not told to take no more."""
        return not self.is_silent and self.state == "running"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFacts:
    """A queue and its workers.

    `waiting` jobs could run now, the oldest of them for `oldest_waiting` seconds (None: none waits). `workers` are
    the live ones that take its jobs. Where there are none, up to `held` of the `active` jobs are with stopping or
    lost workers of ours, up to `stopping` of them with stopping ones: those live, and take no more.
    """

    name: str
    waiting: int
    active: int
    paused: bool
    oldest_waiting: float | None
    workers: int
    held: int = 0
    stopping: int = 0

    @property
    def active_elsewhere(self) -> int:
        """The active jobs that only other programs' workers can have, which send no heartbeats.

        While workers of ours take jobs, this cannot be told.
        """
        return 0 if self.workers else max(0, self.active - self.held)

    @property
    def is_served(self) -> bool:
        """Whether a live worker takes its jobs, ours or another program's."""
        return self.workers > 0 or self.active_elsewhere > 0

    @property
    def stuck(self) -> int:
        """The jobs of lost workers that nobody is there to take over."""
        return 0 if self.is_served or self.stopping else self.active

    @property
    def lacks_worker(self) -> bool:
        """Whether it has something to do, and no live worker takes it."""
        return not self.is_served and self.waiting + self.stuck > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MailFacts:
    """The mail server that answers; None when none is configured."""

    host: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLoss:
    """A Redis that lost writes `seconds` ago; so far `redelivered` jobs have been delivered again.

    `is_swept` is whether all open jobs have been compared with it since.
    """

    seconds: float
    redelivered: int
    is_swept: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthFacts:
    """A system at one moment. What was not asked is None, what gave no answer `Unanswered`.

    `missing_job_types` are those that could be here, with what to install to have them.
    """

    record: RecordFacts | Unanswered | None = None
    schema: SchemaFacts | Unanswered | None = None
    redis: RedisFacts | Unanswered | None = None
    outbox: OutboxLag | Unanswered | None = None
    queues: Sequence[QueueFacts] | Unanswered | None = None
    workers: Sequence[WorkerFacts] = ()
    missing_job_types: Mapping[str, str] | Unanswered = field(default_factory=dict)
    loss: QueueLoss | None = None
    mail: MailFacts | Unanswered | None = None


def count_jobs(count: int, noun: str = "job") -> str:
    """A number of jobs, such as `1 job` or `2 jobs`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def unreachable(server: str, why: str = "") -> str:
    """The sentence that a server is unreachable, with the reason where there is one."""
    sentence = f"{server} is unreachable"
    reason = why.removeprefix(sentence).lstrip(": ")
    return f"{sentence}: {reason}." if reason else f"{sentence}."


def missing_migrations(count: int) -> str:
    """That so many migrations are missing; a sentence without its full stop."""
    return "1 migration is missing" if count == 1 else f"{count} migrations are missing"


def no_live_worker(queue: str) -> str:
    """Of a queue that nobody serves; the start of a sentence."""
    return f"No live worker takes queue {queue}"


def not_yet_queued(lag: OutboxLag) -> str:
    """Of jobs that wait for the relay; the start of a sentence."""
    jobs = f"{count_jobs(lag.depth, 'recorded job')} {'is' if lag.depth == 1 else 'are'}"
    return f"{jobs} not yet queued, the oldest for {in_words(round(lag.age))}"


def redis_lost_writes(loss: QueueLoss) -> str:
    """Of a Redis that lost jobs, and of what became of them; a sentence without its full stop."""
    were = "was" if loss.redelivered == 1 else "were"
    so_far = "" if loss.is_swept else " so far"
    return (
        f"Redis lost writes {in_words(round(loss.seconds))} ago; "
        f"{count_jobs(loss.redelivered)} {were} delivered again{so_far}"
    )


def no_heartbeat(worker: WorkerFacts) -> str:
    """Of a lost worker, and of what becomes of its jobs; a sentence without its full stop."""
    jobs = "jobs reassigned" if worker.running else "it held no job"
    return f"Worker {worker.id}: no heartbeat for {in_words(round(worker.seconds_silent))}; {jobs}"

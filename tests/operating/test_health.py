"""What is found of a system: facts in, findings out."""

from dataclasses import replace

import pytest

from herdbook.model.health import (
    HealthFacts,
    MailFacts,
    OutboxLag,
    QueueFacts,
    RecordFacts,
    RedisFacts,
    SchemaFacts,
    Unanswered,
    WorkerFacts,
)
from herdbook.operating.findings import Area, Finding, FindingKind, Severity, healthy, wrong, wrong_now
from herdbook.operating.health import judge

LIMIT = 60.0
GONE = Unanswered("no answer within 3 s")
SECRET = Unanswered("Redis is unreachable: redis://:hush@there\nrefused.")


def lag(depth: int, age: float, error: str | None = None) -> OutboxLag:
    return OutboxLag(depth=depth, age=age, error_message=error)


def worker(
    *, silent: float = 1.0, running: int = 0, state: str = "running", clock_ahead: float | None = None
) -> WorkerFacts:
    return WorkerFacts(
        id="w1", queues=["q"], running=running, state=state, seconds_silent=silent, clock_ahead=clock_ahead
    )


def queue(
    waiting: int = 0,
    *,
    oldest: float | None = None,
    active: int = 0,
    workers: int = 0,
    held: int = 0,
    stopping: int = 0,
    paused: bool = False,
) -> HealthFacts:
    facts = QueueFacts(
        name="q",
        waiting=waiting,
        active=active,
        paused=paused,
        oldest_waiting=oldest,
        workers=workers,
        held=held,
        stopping=stopping,
    )
    return HealthFacts(queues=[facts])


def redis(version: str = "7.2.4", *, noeviction: bool | None = True, aof: bool | None = True) -> HealthFacts:
    return HealthFacts(redis=RedisFacts(version=version, noeviction=noeviction, aof=aof))


NO_WORKER = "No live worker takes queue q"


@pytest.mark.parametrize(
    ("facts", "kind", "level", "message"),
    [
        (HealthFacts(record=RecordFacts()), "healthy", "ok", "PostgreSQL is reachable."),
        (HealthFacts(record=RecordFacts(version="18.1")), "healthy", "ok", "PostgreSQL 18.1 is reachable."),
        (HealthFacts(record=GONE), "postgresql-unreachable", "problem", f"PostgreSQL is unreachable: {GONE.why}."),
        (HealthFacts(schema=SchemaFacts()), "healthy", "ok", "The tables are up to date."),
        (HealthFacts(schema=SchemaFacts(missing=1)), "schema-outdated", "problem", "1 migration is missing."),
        (HealthFacts(schema=SchemaFacts(missing=3)), "schema-outdated", "problem", "3 migrations are missing."),
        (
            HealthFacts(schema=SchemaFacts(contracts=1)),
            "healthy",
            "ok",
            "The tables are up to date; once no older version is running, run `herdbook migrate --contract`.",
        ),
        (HealthFacts(schema=SchemaFacts(conflict="it is newer")), "schema-too-new", "problem", "It is newer."),
        (HealthFacts(schema=GONE), "schema-unknown", "problem", f"The schema version could not be read: {GONE.why}."),
        (HealthFacts(redis=RedisFacts()), "healthy", "ok", "Redis is reachable."),
        (redis(), "healthy", "ok", "Redis 7.2.4 is reachable."),
        (redis("6.2.0"), "healthy", "ok", "Redis 6.2.0 is reachable."),
        (redis("10.0.1", noeviction=None, aof=None), "healthy", "ok", "Redis 10.0.1 is reachable."),
        (redis("6.0.16"), "redis-too-old", "problem", "Redis 6.0.16 is too old."),
        (
            HealthFacts(redis=SECRET),
            "redis-unreachable",
            "problem",
            "Redis is unreachable: redis://:***@there refused. Jobs are recorded and will be queued once it is back.",
        ),
        (HealthFacts(outbox=lag(0, 0)), "healthy", "ok", "Every recorded job has been queued."),
        (HealthFacts(outbox=lag(3, 60)), "healthy", "ok", "3 recorded jobs are not yet queued, the oldest for 1 min."),
        (
            HealthFacts(outbox=lag(1, 61)),
            "outbox-lags",
            "problem",
            "1 recorded job is not yet queued, the oldest for 1 min 1 s. Is a relay running?",
        ),
        (
            HealthFacts(outbox=lag(1, 2, "OOM.")),
            "outbox-refused",
            "warning",
            "A queue refused a job: OOM. 1 recorded job is not yet queued, the oldest for 2 s.",
        ),
        (
            HealthFacts(outbox=lag(2, 61, "OOM")),
            "outbox-blocked",
            "problem",
            "A queue refused a job: OOM. 2 recorded jobs are not yet queued, the oldest for 1 min 1 s.",
        ),
        (HealthFacts(outbox=GONE), "outbox-unknown", "problem", f"The outbox could not be read: {GONE.why}."),
        (HealthFacts(queues=GONE), "queues-unknown", "problem", f"The queues could not be read: {GONE.why}."),
        (HealthFacts(queues=[]), "no-job-types", "warning", "No program has declared a job type."),
        (queue(workers=1), "healthy", "ok", "Queue q has no job waiting and 1 live worker."),
        (queue(4, oldest=60, workers=2), "healthy", "ok", "Queue q has 4 jobs waiting and 2 live workers."),
        (
            queue(4, oldest=200, workers=1),
            "queue-late",
            "warning",
            "Queue q has 4 jobs waiting, the oldest for 3 min 20 s.",
        ),
        (queue(paused=True, workers=1), "queue-paused-empty", "warning", "Queue q is paused with no job waiting."),
        (queue(1, oldest=99, paused=True), "queue-paused", "warning", "Queue q is paused with 1 job waiting."),
        (queue(), "queue-unserved-empty", "warning", f"{NO_WORKER}: no job waiting."),
        (queue(4, oldest=1), "queue-unserved", "problem", f"{NO_WORKER}: 4 jobs waiting."),
        # Other programs' workers send no heartbeats, but jobs are active that no worker of ours can have.
        (
            queue(4, oldest=1, active=3, held=2),
            "healthy",
            "ok",
            "Queue q has 4 jobs waiting and 1 job running on other programs' workers.",
        ),
        # What a lost worker had is active too, and nobody is there to take it over.
        (
            queue(active=2, held=2),
            "queue-unserved",
            "problem",
            f"{NO_WORKER}: no job waiting, 2 jobs left by lost workers.",
        ),
        # A stopping worker finishes what it has.
        (queue(active=2, held=2, stopping=2), "queue-unserved-empty", "warning", f"{NO_WORKER}: no job waiting."),
        (queue(1, oldest=1, active=2, held=2, stopping=2), "queue-unserved", "problem", f"{NO_WORKER}: 1 job waiting."),
        (
            HealthFacts(workers=[worker(silent=15, running=2)]),
            "worker-lost",
            "warning",
            "Worker w1: no heartbeat for 15 s; jobs reassigned.",
        ),
        (
            HealthFacts(workers=[worker(), worker(silent=3_600)]),
            "worker-lost",
            "warning",
            "Worker w1: no heartbeat for 1 h; it held no job.",
        ),
        (HealthFacts(mail=MailFacts(host="there")), "healthy", "ok", "The mail server there is reachable."),
        (
            HealthFacts(mail=MailFacts(host=None)),
            "mail-not-set",
            "warning",
            "No mail server is set, so email jobs fail.",
        ),
        (HealthFacts(mail=GONE), "mail-unreachable", "problem", f"The mail server is unreachable: {GONE.why}."),
    ],
)
def test_each_fact_is_judged(facts: HealthFacts, kind: str, level: str, message: str) -> None:
    (found,) = judge(facts, outbox_lag_limit=LIMIT)
    assert (found.kind, found.severity, found.message) == (kind, level, message)
    assert (found.advice == "") == (level == "ok")


@pytest.mark.parametrize(
    ("ahead", "level", "message"),
    [
        (0.4, "ok", "agrees with this machine's."),
        (-0.9, "ok", "agrees with this machine's."),
        (90, "warning", "is 90.0 seconds ahead of this machine's."),
        (-1_000, "warning", "is 1,000.0 seconds behind this machine's."),
    ],
)
def test_clocks_are_judged(ahead: float, level: str, message: str) -> None:
    facts = HealthFacts(record=RecordFacts(clock_ahead=ahead), redis=RedisFacts(clock_ahead=ahead))
    found = [one for one in judge(facts, outbox_lag_limit=LIMIT) if "clock" in one.subject]
    assert [(one.severity, one.message, one.seconds) for one in found] == [
        (level, f"The {server} clock {message}", ahead) for server in ("PostgreSQL", "Redis")
    ]


@pytest.mark.parametrize(
    ("facts", "messages"),
    [
        (worker(clock_ahead=None), []),
        (worker(clock_ahead=-5), []),
        (worker(clock_ahead=5.1), ["Worker w1: its clock is 5 s ahead."]),
        (worker(clock_ahead=-86_399.7), ["Worker w1: its clock is 24 h behind."]),
        (worker(clock_ahead=3_600, silent=20), ["Worker w1: no heartbeat for 20 s; it held no job."]),
    ],
)
def test_workers_clocks_are_judged(facts: WorkerFacts, messages: list[str]) -> None:
    found = judge(HealthFacts(workers=[facts]), outbox_lag_limit=LIMIT)
    assert [one.message for one in found if one.severity is not Severity.OK] == messages


@pytest.mark.parametrize(
    ("facts", "kinds"),
    [
        (redis(noeviction=False), ["healthy", "redis-evicts"]),
        (redis(aof=False), ["healthy", "redis-not-durable"]),
        (redis("5.0", noeviction=False, aof=False), ["redis-too-old", "redis-evicts", "redis-not-durable"]),
    ],
)
def test_the_settings_of_redis_are_judged(facts: HealthFacts, kinds: list[str]) -> None:
    assert [one.kind for one in judge(facts, outbox_lag_limit=LIMIT)] == kinds


def test_what_was_not_asked_is_not_judged() -> None:
    assert judge(HealthFacts(), outbox_lag_limit=LIMIT) == []


def test_nobody_is_told_to_look_for_a_relay_while_redis_is_unreachable() -> None:
    found = judge(HealthFacts(redis=GONE, outbox=lag(1, 61)), outbox_lag_limit=LIMIT)
    assert [one.kind for one in found] == ["redis-unreachable", "outbox-lags"]
    assert "relay running" not in found[1].message


def test_the_limit_of_the_outbox_is_the_callers() -> None:
    facts = HealthFacts(outbox=lag(1, 61))
    assert [one.severity for one in judge(facts, outbox_lag_limit=62)] == ["ok"]


def test_figures_and_names_are_fields() -> None:
    (found,) = judge(queue(4, oldest=7.5), outbox_lag_limit=LIMIT)
    assert (found.area, found.name, found.subject) == (Area.QUEUE, "q", "queue q")
    assert (found.count, found.seconds) == (4, 7.5)
    assert found.advice == "Start `herdbook worker --queue q` with the app that declares it."


@pytest.mark.parametrize("kind", [one for one in FindingKind if one is not FindingKind.HEALTHY])
def test_every_kind_has_a_severity_and_advice(kind: FindingKind) -> None:
    found = wrong(kind, "x", name="{q}")
    assert found.severity is not Severity.OK
    assert found.advice


def test_what_is_wrong_now_begins_with_the_worst() -> None:
    found: list[Finding] = [
        healthy(Area.REDIS, "Redis is reachable."),
        wrong(FindingKind.QUEUE_PAUSED, "paused"),
        # Nothing waits because of these.
        wrong(FindingKind.QUEUE_PAUSED_EMPTY, "paused"),
        wrong(FindingKind.QUEUE_UNSERVED_EMPTY, "unserved"),
        wrong(FindingKind.NO_JOB_TYPES, "none"),
        wrong(FindingKind.QUEUE_UNSERVED, "unserved"),
    ]
    assert [one.kind for one in wrong_now(found)] == ["queue-unserved", "queue-paused"]


@pytest.mark.parametrize(
    ("worker", "is_silent", "takes_jobs"),
    [
        (worker(silent=14.9), False, True),
        (worker(silent=15.0), True, False),
        (worker(state="quiet"), False, False),
        (replace(worker(silent=15.0), state="quiet"), True, False),
    ],
)
def test_a_live_worker_is_one_that_beats_and_takes_jobs(worker: WorkerFacts, is_silent: bool, takes_jobs: bool) -> None:
    assert (worker.is_silent, worker.takes_jobs) == (is_silent, takes_jobs)


def test_a_job_type_that_is_not_installed_is_found() -> None:
    (found,) = judge(HealthFacts(missing_job_types={"email": "install herdbook[builtin]"}), outbox_lag_limit=LIMIT)
    assert (found.kind, found.severity, found.subject) == (
        FindingKind.JOB_TYPE_MISSING,
        Severity.WARNING,
        "job type email",
    )
    assert found.message == "Job type email is not installed: install herdbook[builtin]."
    (broken,) = judge(HealthFacts(missing_job_types=Unanswered("entry point 'x'")), outbox_lag_limit=LIMIT)
    assert (broken.kind, broken.severity) == (FindingKind.JOB_TYPES_BROKEN, Severity.PROBLEM)

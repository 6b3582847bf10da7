"""Which rules fire: rules and facts in, incidents out."""

from dataclasses import replace
from typing import Any

import pytest
from pydantic import TypeAdapter

from herdbook.alerting import AlertFacts, Rule, TypeFacts, evaluate
from herdbook.alerting.evaluating import windows
from herdbook.model.health import OutboxLag, QueueFacts, QueueLoss, WorkerFacts

RULE: TypeAdapter[Any] = TypeAdapter(Rule)


def queue(
    oldest: float | None, *, name: str = "mails", paused: bool = False, workers: int = 1, active: int = 0, held: int = 0
) -> QueueFacts:
    waiting = 0 if oldest is None else 2
    return QueueFacts(
        name=name,
        waiting=waiting,
        active=active,
        paused=paused,
        oldest_waiting=oldest,
        workers=workers,
        held=held,
    )


def lag(age: float) -> OutboxLag:
    return OutboxLag(depth=3, age=age, error_message=None)


def ended(**types: tuple[int, int]) -> AlertFacts:
    found = {name: TypeFacts(completed=completed, failed=failed) for name, (completed, failed) in types.items()}
    return replace(HEALTHY, ended={600.0: found})


HEALTHY = AlertFacts(ended={600.0: {}}, queues=[], workers=[], outbox=lag(0.0))
FAILED = {"kind": "job-failed"}
RATE = {"kind": "failure-rate", "above": 0.2, "over": "10m", "at_least": 10}
WAITING = {"kind": "oldest-waiting", "longer_than": "1m"}
NO_WORKER = {"kind": "no-worker", "longer_than": "30s"}
LAG = {"kind": "outbox-lag", "longer_than": "1m"}
LOST = {"kind": "worker-lost", "over": "1h"}
REDIS = {"kind": "redis-loss", "over": "10m"}
LOSS = QueueLoss(seconds=3.2, redelivered=12, is_swept=False)
GONE = WorkerFacts(id="w1", queues=["mails"], state="running", seconds_silent=20, running=3)


@pytest.mark.parametrize(
    ("rule", "facts", "subjects"),
    [
        (FAILED, HEALTHY, []),
        (FAILED, ended(mail=(5, 0)), []),
        (FAILED, ended(mail=(5, 1), report=(0, 2)), ["mail", "report"]),
        ({**FAILED, "job_types": ["report"]}, ended(mail=(5, 1), report=(0, 2)), ["report"]),
        # A failed alert does not raise another one.
        (FAILED, ended(alert=(0, 1)), []),
        (RATE, ended(mail=(8, 2)), []),
        (RATE, ended(mail=(7, 3)), ["mail"]),
        (RATE, ended(mail=(0, 9)), []),
        ({**RATE, "job_types": ["report"]}, ended(mail=(0, 10)), []),
        ({**RATE, "above": 0, "at_least": 1}, ended(mail=(99, 1)), ["mail"]),
        (WAITING, replace(HEALTHY, queues=[queue(None), queue(60)]), []),
        (WAITING, replace(HEALTHY, queues=[queue(61), queue(61, name="b", paused=True)]), ["mails", "b"]),
        ({**WAITING, "queues": ["b"]}, replace(HEALTHY, queues=[queue(61)]), []),
        (NO_WORKER, replace(HEALTHY, queues=[queue(30)]), []),
        (NO_WORKER, replace(HEALTHY, queues=[queue(30, workers=0)]), ["mails"]),
        (NO_WORKER, replace(HEALTHY, queues=[queue(29, workers=0)]), []),
        (NO_WORKER, replace(HEALTHY, queues=[queue(None, workers=0)]), []),
        (NO_WORKER, replace(HEALTHY, queues=[queue(99, workers=0, paused=True)]), []),
        # Jobs that no worker of ours can have are with another program's.
        (NO_WORKER, replace(HEALTHY, queues=[queue(99, workers=0, active=2, held=1)]), []),
        (NO_WORKER, replace(HEALTHY, queues=[queue(99, workers=0, active=2, held=2)]), ["mails"]),
        ({**NO_WORKER, "queues": ["b"]}, replace(HEALTHY, queues=[queue(99, workers=0)]), []),
        (LAG, replace(HEALTHY, outbox=lag(60.0)), []),
        (LAG, replace(HEALTHY, outbox=lag(61.0)), ["outbox"]),
        (LOST, replace(HEALTHY, workers=[GONE]), ["w1"]),
        (LOST, replace(HEALTHY, workers=[replace(GONE, seconds_silent=3_601)]), []),
        (LOST, replace(HEALTHY, workers=[replace(GONE, seconds_silent=14)]), []),
        (REDIS, HEALTHY, []),
        (REDIS, replace(HEALTHY, loss=LOSS), ["redis"]),
        (REDIS, replace(HEALTHY, queues=None, loss=LOSS), ["redis"]),
        (REDIS, replace(HEALTHY, loss=replace(LOSS, seconds=601)), []),
        # While Redis is unreachable nobody knows how its queues are.
        (WAITING, replace(HEALTHY, queues=None), None),
        (NO_WORKER, replace(HEALTHY, queues=None), None),
        (LAG, replace(HEALTHY, queues=None, outbox=lag(61.0)), ["outbox"]),
    ],
)
def test_a_rule_fires_according_to_the_facts(
    rule: dict[str, Any], facts: AlertFacts, subjects: list[str] | None
) -> None:
    found = evaluate(RULE.validate_python(rule), facts)
    assert (found if found is None else [one.subject for one in found]) == subjects


@pytest.mark.parametrize(
    ("rule", "facts", "message"),
    [
        (FAILED, ended(mail=(5, 1)), "1 job of type mail failed for good."),
        (FAILED, ended(mail=(5, 2_000)), "2,000 jobs of type mail failed for good."),
        (RATE, ended(mail=(7, 3)), "30% of the jobs of type mail failed for good: 3 of 10 within 10 min."),
        (
            WAITING,
            replace(HEALTHY, queues=[queue(90.4)]),
            "The oldest job of queue mails has been waiting for 1 min 30 s.",
        ),
        (
            NO_WORKER,
            replace(HEALTHY, queues=[queue(30, workers=0)]),
            "No live worker takes queue mails: 2 jobs waiting.",
        ),
        (LAG, replace(HEALTHY, outbox=lag(61.0)), "3 recorded jobs are not yet queued, the oldest for 1 min 1 s."),
        (REDIS, replace(HEALTHY, loss=LOSS), "Redis lost writes 3 s ago; 12 jobs were delivered again so far."),
        (LOST, replace(HEALTHY, workers=[GONE]), "Worker w1: no heartbeat for 20 s; jobs reassigned."),
    ],
)
def test_an_incident_is_described_in_a_sentence(rule: dict[str, Any], facts: AlertFacts, message: str) -> None:
    found = evaluate(RULE.validate_python(rule), facts)
    assert found
    assert found[0].message == message


def test_only_rules_about_ended_jobs_need_windows() -> None:
    rules = [RULE.validate_python(one) for one in (FAILED, {**RATE, "over": "1h"}, LAG, LOST, WAITING)]
    assert windows(rules) == {600.0, 3_600.0}


@pytest.mark.parametrize("rule", [FAILED, RATE, WAITING, NO_WORKER, LAG, LOST, REDIS])
def test_every_rule_says_when_it_fires(rule: dict[str, Any]) -> None:
    assert RULE.validate_python(rule).words

"""The checker finds what it is for: each promise is broken once here, in evidence that is otherwise in order."""

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest

from .checker import Findings, check
from .evidence import AttemptRow, Evidence, Fault, JobRow, QueueLeft
from .executions import Execution
from .ledger import Accepted

_GOOD, _BAD = UUID(int=1), UUID(int=2)


def evidence() -> Evidence:
    """A job that failed once and then succeeded, and one that failed as it was to."""
    good = Accepted(job_type="brief", data={"n": 7}, attempts=3, wait=0.4, delay=1.0, asked_at=100.0, answered_at=100.1)
    return Evidence(
        ledger={_GOOD: good, _BAD: replace(good, data={"n": 8, "fails": 99}, attempts=1)},
        executions={
            _GOOD: [Execution(_GOOD, 1, 10, 101.0, 101.1, "raised"), Execution(_GOOD, 2, 10, 101.5, 101.6, "returned")],
            _BAD: [Execution(_BAD, 1, 11, 101.0, 101.1, "raised")],
        },
        faults=[],
        jobs={
            _GOOD: JobRow(_GOOD, "a", "brief", "brief", "completed", {"n": 7}, 7, None, 0, 2, 101.7),
            _BAD: JobRow(_BAD, "b", "brief", "brief", "failed", {"n": 8, "fails": 99}, None, "no", 0, 1, 101.2),
        },
        attempts={
            _GOOD: [AttemptRow(_GOOD, 0, 1, "retry", "E", 101.2), AttemptRow(_GOOD, 0, 2, "completed", None, 101.7)],
            _BAD: [AttemptRow(_BAD, 0, 1, "failed", "E", 101.2)],
        },
        backward=[],
        outbox=0,
        queues={"brief": QueueLeft(open={}, locks=[], completed={"a"}, failed={"b"})},
    )


def test_nothing_is_found_where_all_is_well() -> None:
    assert list(check(evidence())) == []


def _job(id: UUID, **changes: object) -> Callable[[Evidence], None]:
    def change(evidence: Evidence) -> None:
        evidence.jobs[id] = replace(evidence.jobs[id], **changes)  # type: ignore[arg-type]

    return change


def _execution(id: UUID, number: int, **changes: object) -> Callable[[Evidence], None]:
    def change(evidence: Evidence) -> None:
        evidence.executions[id][number] = replace(evidence.executions[id][number], **changes)  # type: ignore[arg-type]

    return change


def _again(pid: int, start: float) -> Callable[[Evidence], None]:
    return lambda evidence: evidence.executions[_BAD].append(Execution(_BAD, 2, pid, start, start, "raised"))


@pytest.mark.parametrize(
    ("kind", "change", "sentence"),
    [
        ("lost", lambda one: one.jobs.pop(_GOOD), "was accepted and is not in the record"),
        ("lost", _job(_GOOD, status="pending"), "is still pending"),
        ("lost", _job(_GOOD, data={"n": 9}), "is recorded as {'n': 9}"),
        ("backward", lambda one: one.backward.append("went backwards"), "went backwards"),
        ("wrongly_failed", _job(_GOOD, status="failed"), "should have succeeded"),
        ("wrongly_failed", lambda one: one.executions.pop(_BAD), "never ran"),
        (
            "wrongly_failed",
            lambda one: one.ledger.update({_BAD: replace(one.ledger[_BAD], attempts=2)}),
            "after 1 of 2",
        ),
        ("unexplained", _again(11, 101.15), "ran again without a fault"),
        ("unexplained", _again(11, 105.0), "after its end was recorded"),
        ("inconsistent", _job(_GOOD, result=8), "has the result 8"),
        ("inconsistent", _job(_GOOD, attempt=3), "its attempts are 1 retry, 2 completed"),
        ("inconsistent", _execution(_GOOD, 1, how="raised"), "which never returned"),
        ("inconsistent", _execution(_GOOD, 1, start=101.2), "ran again 0.100 s after it failed"),
        ("inconsistent", _execution(_GOOD, 0, start=100.5), "ran 0.500 s after it was published"),
        (
            "inconsistent",
            lambda one: one.ledger.update({_GOOD: replace(one.ledger[_GOOD], attempts=1)}),
            "1 were allowed",
        ),
        ("inconsistent", lambda one: one.ledger.pop(_BAD), "nobody published it"),
        ("inconsistent", lambda one: setattr(one, "outbox", 1), "left in the outbox"),
        ("inconsistent", lambda one: one.queues["brief"].open.update(wait=1), "queue brief has {'wait': 1}"),
        ("inconsistent", lambda one: one.queues["brief"].locks.append("lock"), "the locks ['lock']"),
        ("inconsistent", lambda one: one.queues["brief"].failed.add("a"), "completed"),
    ],
)
def test_a_broken_promise_is_found(kind: str, change: Callable[[Evidence], object], sentence: str) -> None:
    broken = evidence()
    if sentence == "completed":
        broken.queues["brief"].completed.clear()
    change(broken)
    findings: Findings = check(broken)
    assert any(sentence in found for found in getattr(findings, kind)), list(findings)


@pytest.mark.parametrize(
    ("fault", "is_explained"),
    [
        (Fault(what="died", begin=101.05, end=101.05, settling=7.0, pid=11), True),
        (Fault(what="died", begin=101.05, end=101.05, settling=7.0, pid=12), False),
        (Fault(what="flush", begin=101.05, end=101.05, settling=7.0), True),
        (Fault(what="flush", begin=90.0, end=91.0, settling=7.0), False),
    ],
)
def test_an_execution_too_many_needs_a_fault_that_explains_it(fault: Fault, is_explained: bool) -> None:
    twice = evidence()
    _again(13, 101.15)(twice)
    twice.faults.append(fault)
    assert (not check(twice).unexplained) == is_explained

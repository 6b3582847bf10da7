"""The timelines of jobs with every kind of history."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from herdbook.model.ids import new_job_id, queue_job_id
from herdbook.model.job import Attempt, AttemptOutcome, Job, JobStatus
from herdbook.web.timeline import TimelineEntry, build_timeline

START = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def job(status: JobStatus = JobStatus.PENDING, **fields: Any) -> Job:
    id = new_job_id()
    values: dict[str, Any] = {
        **dict.fromkeys(Job.__slots__),
        "id": id,
        "job_id": queue_job_id(id, fields.get("generation", 0)),
        "queue": "q",
        "job_type": "t",
        "job_data": {},
        "priority": 0,
        "max_attempts": 3,
        "attempt": 0,
        "generation": 0,
        "created_at": START,
        "updated_at": START,
    }
    return Job(status=status, **{name: value for name, value in {**values, **fields}.items() if name != "status"})


def attempt(
    number: int,
    start: float,
    end: float | None,
    outcome: AttemptOutcome | None = AttemptOutcome.RETRY,
    *,
    waited: float | None = 0,
    generation: int = 0,
) -> Attempt:
    return Attempt(
        generation=generation,
        number=number,
        worker="w",
        started_at=at(start),
        ended_at=None if end is None else at(end),
        outcome=outcome,
        waited_ms=None if waited is None else round(waited * 1_000),
    )


def summarised(entries: list[TimelineEntry]) -> list[tuple[str, float | None, float | None]]:
    """Each entry's kind, time and duration, in seconds."""
    return [
        (
            one.kind.value if one.attempt is None else f"attempt {one.attempt.number}",
            None if one.at is None else (one.at - START).total_seconds(),
            None if one.duration_ms is None else one.duration_ms / 1_000,
        )
        for one in entries
    ]


DONE, FAILED, RETRY = AttemptOutcome.COMPLETED, AttemptOutcome.FAILED, AttemptOutcome.RETRY
LIVES = {
    "accepted": (job(), [], [("created", 0, None)]),
    "scheduled": (job(run_at=at(60)), [], [("created", 0, None), ("scheduled", 0, 60)]),
    "running": (
        job(JobStatus.PROCESSING, attempt=1, started_at=at(2)),
        [attempt(1, 2, None, None, waited=2)],
        [("created", 0, None), ("attempt 1", 2, None)],
    ),
    "completed": (
        job(JobStatus.COMPLETED, attempt=1, completed_at=at(5)),
        [attempt(1, 2, 5, DONE, waited=2)],
        [("created", 0, None), ("attempt 1", 2, 3), ("finished", 5, 5)],
    ),
    "was scheduled": (
        job(JobStatus.COMPLETED, attempt=1, completed_at=at(62)),
        [attempt(1, 61, 62, DONE, waited=1)],
        [("created", 0, None), ("scheduled", 0, 60), ("attempt 1", 61, 1), ("finished", 62, 62)],
    ),
    "waits between two attempts": (
        job(attempt=1, run_at=at(13)),
        [attempt(1, 1, 3, waited=1)],
        [("created", 0, None), ("attempt 1", 1, 2), ("wait", 3, 10)],
    ),
    "failed in the end": (
        job(JobStatus.FAILED, attempt=2, completed_at=at(16)),
        [attempt(1, 1, 3, waited=1), attempt(2, 15, 16, FAILED, waited=2)],
        [("created", 0, None), ("attempt 1", 1, 2), ("wait", 3, 10), ("attempt 2", 15, 1), ("finished", 16, 16)],
    ),
    "lost and taken over at once": (
        job(JobStatus.COMPLETED, attempt=2, completed_at=at(31)),
        [attempt(1, 1, 30, AttemptOutcome.LOST, waited=1), attempt(2, 30, 31, DONE, waited=29)],
        [("created", 0, None), ("attempt 1", 1, 29), ("attempt 2", 30, 1), ("finished", 31, 31)],
    ),
    "recorded before waits were": (
        job(JobStatus.COMPLETED, attempt=2, completed_at=at(9)),
        [attempt(1, 1, 3, waited=None), attempt(2, 8, 9, DONE, waited=None)],
        [
            ("created", 0, None),
            ("scheduled", 0, 1),
            ("attempt 1", 1, 2),
            ("wait", 3, 5),
            ("attempt 2", 8, 1),
            ("finished", 9, 9),
        ],
    ),
    "retried by an operator": (
        job(generation=1, updated_at=at(100)),
        [attempt(1, 1, 3, FAILED, waited=1)],
        [("created", 0, None), ("attempt 1", 1, 2), ("retried", 100, None)],
    ),
    "retried and completed": (
        job(JobStatus.COMPLETED, generation=1, attempt=1, completed_at=at(105)),
        [attempt(1, 1, 3, FAILED, waited=1), attempt(1, 102, 105, DONE, waited=2, generation=1)],
        [
            ("created", 0, None),
            ("attempt 1", 1, 2),
            ("retried", 100, None),
            ("attempt 1", 102, 3),
            ("finished", 105, 5),
        ],
    ),
    "retried, and cancelled before it ran": (
        job(JobStatus.CANCELLED, generation=2, updated_at=at(110), completed_at=at(110)),
        [attempt(1, 1, 3, FAILED, waited=1)],
        [
            ("created", 0, None),
            ("attempt 1", 1, 2),
            ("retried", None, None),
            ("retried", None, None),
            ("finished", 110, None),
        ],
    ),
    "retried on its queue": (
        job(JobStatus.PROCESSING, attempt=2, started_at=at(50)),
        [attempt(1, 1, 3, FAILED, waited=1), attempt(2, 50, None, None, waited=47)],
        [("created", 0, None), ("attempt 1", 1, 2), ("reopened", None, None), ("attempt 2", 50, None)],
    ),
    "never started": (
        job(JobStatus.FAILED, completed_at=at(4)),
        [Attempt(generation=0, number=1, worker=None, started_at=None, ended_at=at(4), outcome=FAILED)],
        [("created", 0, None), ("attempt 1", None, None), ("finished", 4, 4)],
    ),
}


@pytest.mark.parametrize("life", LIVES)
def test_the_timeline_of_a_job(life: str) -> None:
    of, attempts, expected = LIVES[life]
    assert summarised(build_timeline(of, attempts)) == expected


def test_earlier_attempts_may_be_omitted() -> None:
    failed = job(JobStatus.FAILED, generation=2, attempt=8, completed_at=at(205))
    attempts = [
        attempt(7, 100, 101, generation=1),
        attempt(8, 102, 103, FAILED, generation=1),
        attempt(1, 200, 205, FAILED, generation=2),
    ]
    assert summarised(build_timeline(failed, attempts, is_truncated=True)) == [
        ("created", 0, None),
        ("omitted", None, None),
        ("attempt 7", 100, 1),
        ("wait", 101, 1),
        ("attempt 8", 102, 1),
        ("retried", 200, None),
        ("attempt 1", 200, 5),
        ("finished", 205, 5),
    ]
    cut = job(JobStatus.FAILED, generation=1, attempt=8, completed_at=at(103))
    assert summarised(build_timeline(cut, attempts[1:2], is_truncated=True))[-1] == ("finished", 103, None)


def test_a_wait_knows_its_end() -> None:
    (_, scheduled) = build_timeline(job(run_at=at(60)), [])
    assert scheduled.until == at(60)
    (created,) = build_timeline(job(), [])
    assert created.until is None

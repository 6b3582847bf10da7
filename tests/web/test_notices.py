"""What is wrong with a system, in words."""

from datetime import UTC, datetime

import pytest

from herdbook.operating.queue_stats import BullState
from herdbook.record.reads import OutboxLag
from herdbook.record.workers import WorkerRow
from herdbook.web.notices import notices
from herdbook.web.queue_view import QueueRow, QueueViews

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
WELL = OutboxLag(depth=0, age=0.0, error_message=None)


def worker(*, silent: float = 0.0, running: int = 0) -> WorkerRow:
    return WorkerRow(
        id="host-1",
        host="host",
        pid=1,
        queues=["email"],
        concurrency=10,
        running=running,
        state="running",
        started_at=NOW,
        heartbeat_at=NOW,
        seconds_silent=silent,
    )


def queues(
    *, waiting: int = 3, paused: bool = False, oldest: float | None = 1.0, workers: int = 1, away: bool = False
) -> QueueViews:
    queue = QueueRow(
        name="email",
        counts=None if away else {BullState.WAITING: waiting, BullState.PRIORITIZED: 0},
        recorded={},
        is_paused=paused,
        oldest=oldest,
        rate=0.0,
        minutes=(),
        workers=workers,
    )
    return QueueViews(queues={"email": queue}, workers=[], is_away=away)


@pytest.mark.parametrize(
    ("lag", "queues", "workers", "said"),
    [
        (WELL, queues(), [worker()], None),
        (WELL, queues(waiting=0, oldest=None, paused=True), [], None),
        (WELL, queues(away=True), [worker()], "Redis is away"),
        (OutboxLag(depth=2, age=9.0, error_message=None), queues(), [worker()], None),
        (OutboxLag(depth=2, age=61.0, error_message=None), queues(), [], "2 recorded jobs wait for the relay"),
        (OutboxLag(depth=1, age=3.0, error_message="no memory"), queues(), [], "refuses 1 job: no memory"),
        (WELL, queues(workers=0), [], "3 jobs wait, and no worker takes them"),
        (WELL, queues(paused=True), [worker()], "is paused while 3 jobs wait"),
        (WELL, queues(oldest=200.0), [worker()], "the next one for 3 min 20 s"),
        (WELL, queues(), [worker(silent=20.0)], "Worker host-1 was not heard of for 20 s"),
    ],
)
def test_what_is_wrong_is_said(lag: OutboxLag, queues: QueueViews, workers: list[WorkerRow], said: str | None) -> None:
    found = notices(lag=lag, lag_limit=60.0, queues=queues, workers=workers)
    assert len(found) == (said is not None)
    assert said is None or said in found[0].text


def test_the_worst_comes_first() -> None:
    found = notices(lag=WELL, lag_limit=60.0, queues=queues(paused=True), workers=[worker(silent=99.0, running=2)])
    assert [one.is_bad for one in found] == [True, False]

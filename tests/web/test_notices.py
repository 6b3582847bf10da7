"""The notices of the overview."""

from herdbook.operating.findings import Area, FindingKind, healthy, wrong
from herdbook.web.notices import Notice, notices


def test_what_is_wrong_is_shown_with_the_page_where_it_can_be_solved() -> None:
    found = [
        healthy(Area.REDIS, "Redis is reachable."),
        wrong(FindingKind.WORKER_LOST, "No heartbeat.", name="w1"),
        wrong(FindingKind.QUEUE_UNSERVED, "No live worker.", name="a/b"),
        wrong(FindingKind.OUTBOX_LAGS, "Not yet queued."),
    ]
    assert notices(found) == [
        Notice(text="No live worker.", address="/queues/a%2Fb", is_bad=True),
        Notice(text="Not yet queued.", address="", is_bad=True),
        Notice(text="No heartbeat.", address="/workers", is_bad=False),
    ]


def queues(
    *, waiting: int = 3, paused: bool = False, oldest: float | None = 1.0, workers: int = 1, away: bool = False
) -> QueueSummaries:
    queue = QueueSummary(
        name="email",
        state_counts=None if away else {BullState.WAITING: waiting, BullState.PRIORITIZED: 0},
        status_counts={},
        is_paused=paused,
        oldest_seconds=oldest,
        finished_per_minute=0.0,
        minutes=(),
        workers=workers,
    )
    return QueueSummaries(queues={"email": queue}, workers=[], is_redis_unreachable=away)


@pytest.mark.parametrize(
    ("lag", "queues", "workers", "said"),
    [
        (WELL, queues(), [worker()], None),
        (WELL, queues(waiting=0, oldest=None, paused=True), [], None),
        (WELL, queues(away=True), [worker()], "Redis is unreachable"),
        (OutboxLag(depth=2, age=9.0, error_message=None), queues(), [worker()], None),
        (OutboxLag(depth=2, age=61.0, error_message=None), queues(), [], "2 recorded jobs are not yet queued"),
        (OutboxLag(depth=1, age=3.0, error_message="no memory"), queues(), [], "1 job could not be queued: no memory"),
        (WELL, queues(workers=0), [], "has 3 jobs waiting but no worker"),
        (WELL, queues(paused=True), [worker()], "is paused with 3 jobs waiting"),
        (WELL, queues(oldest=200.0), [worker()], "the oldest for 3 min 20 s"),
        (WELL, queues(), [worker(silent=20.0)], "Worker host-1: No heartbeat for 20 s; jobs reassigned."),
    ],
)
def test_each_problem_has_a_notice(
    lag: OutboxLag, queues: QueueSummaries, workers: list[WorkerRow], said: str | None
) -> None:
    found = notices(lag=lag, lag_limit=60.0, queues=queues, workers=workers)
    assert len(found) == (said is not None)
    assert said is None or said in found[0].text


def test_the_worst_comes_first() -> None:
    found = notices(lag=WELL, lag_limit=60.0, queues=queues(paused=True), workers=[worker(silent=99.0, running=2)])
    assert [one.is_bad for one in found] == [True, False]

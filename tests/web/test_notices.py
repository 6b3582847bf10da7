"""What the overview shows of what was found."""

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


def test_a_healthy_system_has_no_notices() -> None:
    assert notices([healthy(Area.REDIS, "Redis is reachable.")]) == []

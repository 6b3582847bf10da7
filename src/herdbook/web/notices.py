"""Takes the facts of a running system.

Gives what is wrong with it, in words, the worst first.
Never asks for the facts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from herdbook.record.reads import OutboxLag
from herdbook.record.workers import WorkerRow
from herdbook.web import humanize
from herdbook.web.queue_view import QueueRow, QueueViews

# Seconds after which a waiting job of a queue that is worked on counts as late.
_LATE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing that is wrong; `address` leads to where something can be done, or is empty."""

    text: str
    address: str = ""
    is_bad: bool = True


def notices(*, lag: OutboxLag, lag_limit: float, queues: QueueViews, workers: Sequence[WorkerRow]) -> list[Notice]:
    """What is wrong; jobs may wait `lag_limit` seconds for the relay."""
    found = [*_of_delivery(lag, lag_limit, queues.is_away), *_of_workers(workers)]
    for queue in queues.queues.values():
        found += _of_queue(queue)
    return sorted(found, key=lambda one: not one.is_bad)


def _of_delivery(lag: OutboxLag, limit: float, is_redis_away: bool) -> list[Notice]:
    found = []
    if is_redis_away:
        found.append(Notice(text="Redis is away: jobs are recorded, and delivered when it is back."))
    if lag.error_message:
        found.append(Notice(text=f"A queue refuses {humanize.plural(lag.depth, 'job')}: {lag.error_message}"))
    elif lag.age > limit:
        waits = humanize.plural(lag.depth, "recorded job waits", "recorded jobs wait")
        found.append(Notice(text=f"{waits} for the relay, the oldest for {humanize.seconds(lag.age)}: does it run?"))
    return found


def _of_workers(workers: Sequence[WorkerRow]) -> list[Notice]:
    return [
        Notice(
            text=f"Worker {one.id} was not heard of for {humanize.seconds(one.seconds_silent)}; its jobs go to others.",
            address="/workers",
            is_bad=bool(one.running),
        )
        for one in workers
        if one.is_silent
    ]


def _of_queue(queue: QueueRow) -> list[Notice]:
    if not queue.waiting:
        return []
    waiting = humanize.plural(queue.waiting, "job waits", "jobs wait")
    address = f"/queues/{queue.address}"
    if queue.is_paused:
        return [Notice(text=f"Queue {queue.name} is paused while {waiting}.", address=address, is_bad=False)]
    if queue.lacks_worker:
        return [Notice(text=f"In queue {queue.name} {waiting}, and no worker takes them.", address=address)]
    if queue.oldest is not None and queue.oldest > _LATE:
        text = f"In queue {queue.name} {waiting}, the next one for {humanize.seconds(queue.oldest)}."
        return [Notice(text=text, address=address, is_bad=False)]
    return []

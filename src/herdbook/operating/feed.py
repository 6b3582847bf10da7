"""Publishes changes in the record to all subscribers: the changed jobs, and which parts of pages became stale.

It reads once for all subscribers and not at all without any; a subscriber that falls behind is dropped.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote

from herdbook.record.database import Database
from herdbook.record.feed import ChangeReader, JobChange, Marks, Position
from herdbook.service import Service

# Seconds between two reads, so pages are notified at most four times a second.
_POLL_INTERVAL = 0.25
# A sleep that a new subscriber ends.
_IDLE_INTERVAL = 3_600.0
# Seconds after which a subscriber without changes gets None.
_KEEPALIVE_INTERVAL = 5.0
# Batches that may wait for a subscriber: about ten seconds' worth.
_BACKLOG = 40
# Names in one message; if there are more, "all" stands for them.
_MAX_NAMES = 200
# The topic that makes everything stale.
EVERYTHING = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The changes of one read.

    `topics` names what became stale, separated by spaces: `jobs`, `job:<id>` or `jobs:all`,
    `queue:<name>` (percent-encoded) or `queues:all`, `queues`, `workers`, `operations`; or `all`.
    A subscriber that has handled all `changes` is at `position`.
    """

    changes: list[JobChange]
    topics: str
    position: Position
    is_gap: bool = False


class Subscription:
    """Iterates over batches until the feed ends, and yields None every few seconds without any.

    The first batch tells the feed's position; its changes can be ignored.
    """

    def __init__(self) -> None:
        self._waiting = asyncio.Queue[Batch | None](_BACKLOG)
        self._ended = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Batch | None:
        batch = None
        if not self._ended:
            with suppress(TimeoutError):
                async with asyncio.timeout(_KEEPALIVE_INTERVAL):
                    batch = await self._waiting.get()
        if self._ended:
            raise StopAsyncIteration
        return batch

    def offer(self, batch: Batch) -> None:
        """Add a batch; ends the subscription if too many are waiting."""
        if self._waiting.full():
            self.end()
        elif not self._ended:
            self._waiting.put_nowait(batch)

    def end(self) -> None:
        """End the subscription and discard waiting batches."""
        self._ended = True
        while not self._waiting.empty():
            self._waiting.get_nowait()
        self._waiting.put_nowait(None)


class _Stale:
    """The names of what became stale and was not announced yet."""

    def __init__(self) -> None:
        self._jobs: set[str] = set()
        self._queues: set[str] = set()
        self._others: set[str] = set()

    def add_jobs(self, changes: list[JobChange]) -> None:
        """Add the changed jobs and their queues."""
        if changes:
            self._others.add("jobs")
        for change in changes:
            if len(self._jobs) <= _MAX_NAMES:
                self._jobs.add(str(change.id))
            if len(self._queues) <= _MAX_NAMES:
                self._queues.add(quote(change.queue))

    def add_differences(self, before: Marks, now: Marks) -> None:
        """Add what differs between two reads, apart from jobs."""
        if before.workers != now.workers:
            self._others.add("workers")
        if before.operations != now.operations:
            self._others.add("operations")
        paused = {name for name, paused in now.pauses.items() if before.pauses.get(name, False) != paused}
        if paused:
            self._others.add("queues")
            self._queues.update(map(quote, paused))

    def take(self) -> str:
        """The names as a message lists them; clears them."""
        names = sorted(self._others) + _topics("queue", self._queues) + _topics("job", self._jobs)
        for announced in (self._others, self._queues, self._jobs):
            announced.clear()
        return " ".join(names)


def _topics(kind: str, names: set[str]) -> list[str]:
    return [f"{kind}s:all"] if len(names) > _MAX_NAMES else [f"{kind}:{name}" for name in sorted(names)]


class ChangeFeed(Service):
    """Reads the record four times a second while there are subscribers; resumes where it was after an outage."""

    name = "change feed"

    def __init__(self, database: Database) -> None:
        super().__init__()
        self._database = database
        self._subscriptions: set[Subscription] = set()
        self._reader = ChangeReader()
        self._stale = _Stale()
        # Those of the last complete read; None before the first.
        self._marks: Marks | None = None

    @contextmanager
    def subscription(self) -> Iterator[Subscription]:
        """A subscription for the length of the block."""
        subscription = Subscription()
        if self.is_quiet:
            subscription.end()
        elif self._marks is not None:
            subscription.offer(Batch(changes=[], topics="", position=self._marks.position))
        if not self._subscriptions:
            self.wake()
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    def quiet(self) -> None:
        """Stop reading, and end every subscription at once."""
        super().quiet()
        for subscription in self._subscriptions:
            subscription.end()

    async def round(self) -> float:
        """Send the subscribers what changed since the last read."""
        if not self._subscriptions:
            # A new subscriber starts at the current position.
            self._reader, self._stale, self._marks = ChangeReader(), _Stale(), None
            return _IDLE_INTERVAL
        async with self._database.connection() as connection:
            while not (found := await self._reader.next_batch(connection)).is_last:
                self._stale.add_jobs(found.changes)
                self._send(Batch(changes=found.changes, topics="", position=found.position))
        self._stale.add_jobs(found.changes)
        if self._marks is not None:
            self._stale.add_differences(self._marks, found.marks)
        self._marks = found.marks
        topics = self._stale.take()
        if found.is_gap or topics:
            topics = EVERYTHING if found.is_gap else topics
            self._send(Batch(changes=found.changes, topics=topics, position=found.position, is_gap=found.is_gap))
        return _POLL_INTERVAL

    def _send(self, batch: Batch) -> None:
        for subscription in list(self._subscriptions):
            subscription.offer(batch)

"""Takes the record.

Gives everyone who listens what changed in it: the jobs, and the names of what went stale on pages.
Never reads while no one listens, and reads once however many do; a listener that falls behind is dropped.
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

# Seconds between two looks, so pages hear at most four times a second.
_PAUSE = 0.25
# A sleep that a subscriber ends.
_REST = 3_600.0
# Seconds after which a listener hears that there is nothing to hear.
_SILENCE = 5.0
# Batches that may wait for a listener: about ten seconds' worth.
_BACKLOG = 40
# Names in one message; more are told as "any".
_MOST_NAMES = 200
# The topic that makes everything stale.
EVERYTHING = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one look found.

    `topics` are the names of what went stale, apart by spaces: `jobs`, `job:<id>` or `jobs:all`,
    `queue:<name>` (percent-encoded) or `queues:all`, `queues`, `workers`, `operations`; or `all`.
    A listener that handled all `changes` is at `position`.
    """

    changes: list[JobChange]
    topics: str
    position: Position
    is_gap: bool = False


class Subscription:
    """What one listener has still to hear: batches until the feed ends, and None now and then while there are none.

    The first batch says where the feed is, and has no changes that matter.
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
                async with asyncio.timeout(_SILENCE):
                    batch = await self._waiting.get()
        if self._ended:
            raise StopAsyncIteration
        return batch

    def offer(self, batch: Batch) -> None:
        """Add a batch; a listener that has too many of them is at its end."""
        if self._waiting.full():
            self.end()
        elif not self._ended:
            self._waiting.put_nowait(batch)

    def end(self) -> None:
        """No more batches, nor those that still wait."""
        self._ended = True
        while not self._waiting.empty():
            self._waiting.get_nowait()
        self._waiting.put_nowait(None)


class _Stale:
    """The names of what went stale and was not told yet."""

    def __init__(self) -> None:
        self._jobs: set[str] = set()
        self._queues: set[str] = set()
        self._others: set[str] = set()

    def add_jobs(self, changes: list[JobChange]) -> None:
        """The jobs that changed, and their queues."""
        if changes:
            self._others.add("jobs")
        for change in changes:
            if len(self._jobs) <= _MOST_NAMES:
                self._jobs.add(str(change.id))
            if len(self._queues) <= _MOST_NAMES:
                self._queues.add(quote(change.queue))

    def add_differences(self, before: Marks, now: Marks) -> None:
        """What differs between two looks, besides jobs."""
        if before.workers != now.workers:
            self._others.add("workers")
        if before.operations != now.operations:
            self._others.add("operations")
        paused = {name for name, paused in now.pauses.items() if before.pauses.get(name, False) != paused}
        if paused:
            self._others.add("queues")
            self._queues.update(map(quote, paused))

    def take(self) -> str:
        """The names as a message has them; from now on they are told."""
        names = sorted(self._others) + _some("queue", self._queues) + _some("job", self._jobs)
        for told in (self._others, self._queues, self._jobs):
            told.clear()
        return " ".join(names)


def _some(kind: str, names: set[str]) -> list[str]:
    return [f"{kind}s:all"] if len(names) > _MOST_NAMES else [f"{kind}:{name}" for name in sorted(names)]


class ChangeFeed(Service):
    """Looks at the record four times a second while someone listens; goes on where it was after an outage."""

    name = "change feed"

    def __init__(self, database: Database) -> None:
        super().__init__()
        self._database = database
        self._subscriptions: set[Subscription] = set()
        self._reader = ChangeReader()
        self._stale = _Stale()
        # Those of the last whole look; None before the first.
        self._marks: Marks | None = None

    @contextmanager
    def subscription(self) -> Iterator[Subscription]:
        """A subscription, as long as the block lasts."""
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
        """Look no more, and end every subscription at once."""
        super().quiet()
        for subscription in self._subscriptions:
            subscription.end()

    async def round(self) -> float:
        """Tell the listeners what changed since the last look."""
        if not self._subscriptions:
            # What happens while no one listens is no one's business.
            self._reader, self._stale, self._marks = ChangeReader(), _Stale(), None
            return _REST
        async with self._database.connection() as connection:
            while not (look := await self._reader.next_batch(connection)).is_last:
                self._stale.add_jobs(look.changes)
                self._tell(Batch(changes=look.changes, topics="", position=look.position))
        self._stale.add_jobs(look.changes)
        if self._marks is not None:
            self._stale.add_differences(self._marks, look.marks)
        self._marks = look.marks
        topics = self._stale.take()
        if look.is_gap or topics:
            topics = EVERYTHING if look.is_gap else topics
            self._tell(Batch(changes=look.changes, topics=topics, position=look.position, is_gap=look.is_gap))
        return _PAUSE

    def _tell(self, batch: Batch) -> None:
        for subscription in list(self._subscriptions):
            subscription.offer(batch)

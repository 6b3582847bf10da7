"""How many jobs of one queue a worker holds, and how many more it may fetch."""

import asyncio
from collections.abc import Iterable

from herdbook.queue.delivery import Delivery

Held = set[tuple[str, int]]


class Capacity:
    """Room for `concurrency` running jobs, and for as many as `waiting_limit` that wait to be recorded or acknowledged.

    A job makes room when it has ended, before it is recorded and acknowledged; but when too many wait for that,
    because a server is unreachable, there is none. A fetch reserves its places before it asks for jobs, and until it
    gives them back the worker is not empty.
    """

    def __init__(self, concurrency: int, *, waiting_limit: int) -> None:
        self._concurrency = concurrency
        self._waiting_limit = waiting_limit
        # The deliveries whose locks are ours, and those of them that have not ended yet.
        self._held: Held = set()
        self._running: Held = set()
        self._reserved = 0
        self.has_room = asyncio.Event()
        self.is_empty = asyncio.Event()
        self.has_room.set()
        self.is_empty.set()

    @property
    def held(self) -> int:
        """How many jobs are held: running ones, and those that are being recorded and acknowledged."""
        return len(self._held)

    @property
    def running(self) -> int:
        """How many jobs run."""
        return len(self._running)

    @property
    def room(self) -> int:
        """How many more jobs may be fetched."""
        if len(self._held) - len(self._running) >= self._waiting_limit:
            return 0
        return max(0, self._concurrency - len(self._running) - self._reserved)

    def reserve(self, limit: int) -> int:
        """Places for one fetch, at most `limit`, to be given back by `free`."""
        places = min(self.room, limit)
        self._reserved += places
        self._show()
        return places

    def free(self, places: int) -> None:
        """Give reserved places back; what the fetch brought is held by now."""
        self._reserved -= places
        self._show()

    def hold(self, deliveries: Iterable[Delivery]) -> None:
        """These were fetched."""
        keys = [(delivery.job_id, delivery.attempt) for delivery in deliveries]
        self._held.update(keys)
        self._running.update(keys)
        self._show()

    def end(self, delivery: Delivery) -> None:
        """This one has ended; it is still held."""
        self._running.discard((delivery.job_id, delivery.attempt))
        if not self.has_room.is_set():
            self._show()

    def let_go(self, deliveries: Iterable[Delivery]) -> None:
        """These are held no longer."""
        keys = [(delivery.job_id, delivery.attempt) for delivery in deliveries]
        self._held.difference_update(keys)
        self._running.difference_update(keys)
        self._show()

    def _show(self) -> None:
        _set(self.has_room, bool(self.room))
        _set(self.is_empty, not self._held and not self._reserved)


def _set(event: asyncio.Event, is_set: bool) -> None:
    if is_set:
        event.set()
    else:
        event.clear()

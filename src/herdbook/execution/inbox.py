"""What one step of a job's path hands to the next, and the loop that takes it on batch by batch."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from herdbook.service import Service

Item = TypeVar("Item")


class Inbox(Generic[Item]):
    """Items in the order in which they came."""

    def __init__(self) -> None:
        self._items: list[Item] = []
        self._filled = asyncio.Event()

    def put(self, items: Sequence[Item]) -> None:
        """Add items."""
        if items:
            self._items += items
            self._filled.set()

    async def take(self, limit: int) -> list[Item]:
        """Wait until something is there, and take up to `limit` of it."""
        while not self._items:
            self._filled.clear()
            await self._filled.wait()
        taken, self._items = self._items[:limit], self._items[limit:]
        return taken


class Step(Service, Generic[Item]):
    """Takes what has gathered in `inbox`, up to `limit` items at once; goes on while the worker is quiet."""

    def __init__(
        self, name: str, inbox: Inbox[Item], work: Callable[[list[Item]], Awaitable[None]], *, limit: int
    ) -> None:
        super().__init__()
        self.name = name
        self._inbox = inbox
        self._work = work
        self._limit = limit

    async def round(self) -> float:
        """Work on one batch."""
        await self._work(await self._inbox.take(self._limit))
        return 0

"""Batches items from concurrent callers: those that arrive while one batch is in progress form the next.

It never waits for a batch to fill, so that a single item is not delayed.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Batcher(Generic[Item, Result]):
    """Combines concurrent calls of `put` into calls of `flush`, which returns a result or an exception per item."""

    def __init__(self, flush: Callable[[list[Item]], Awaitable[list[Result | Exception]]], *, limit: int) -> None:
        self._flush = flush
        self._limit = limit
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._task: asyncio.Task[None] | None = None

    async def put(self, item: Item) -> Result:
        """The result for this item; raises the exception that `flush` returned or raised."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        return await future

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[: self._limit], self._waiting[self._limit :]
                try:
                    results = await self._flush([item for item, _ in batch])
                except Exception as error:
                    results = [error] * len(batch)
                for (_, future), result in zip(batch, results, strict=True):
                    _resolve(future, result)
        finally:
            self._task = None


def _resolve(future: "asyncio.Future[Result]", result: Result | Exception) -> None:
    if future.done():  # Its caller was cancelled in the meantime.
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)

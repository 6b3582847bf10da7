"""Takes single items from many callers at once.

Gives them to one function in batches: what gathers while a batch is under way goes with the next.
Never waits for a batch to fill, so a lone item is not held up.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Batcher(Generic[Item, Result]):
    """Joins concurrent calls of `put` into calls of `flush`, which answers each item, with an exception if need be."""

    def __init__(self, flush: Callable[[list[Item]], Awaitable[list[Result | Exception]]], *, limit: int) -> None:
        self._flush = flush
        self._limit = limit
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._task: asyncio.Task[None] | None = None

    async def put(self, item: Item) -> Result:
        """The answer to this item; raises what `flush` answered or raised."""
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
                    answers = await self._flush([item for item, _ in batch])
                except Exception as error:
                    answers = [error] * len(batch)
                for (_, future), answer in zip(batch, answers, strict=True):
                    _settle(future, answer)
        finally:
            self._task = None


def _settle(future: "asyncio.Future[Result]", answer: Result | Exception) -> None:
    if future.done():  # Its caller was cancelled meanwhile.
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)

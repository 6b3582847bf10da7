"""Batching concurrent calls."""

import asyncio

import pytest

from herdbook.publishing.batcher import Batcher


async def test_items_that_arrive_during_a_batch_form_the_next() -> None:
    batches: list[list[int]] = []
    gate = asyncio.Event()

    async def flush(items: list[int]) -> list[int | Exception]:
        batches.append(items)
        await gate.wait()
        return [item * 10 for item in items]

    batcher: Batcher[int, int] = Batcher(flush, limit=3)
    calls = [asyncio.create_task(batcher.put(n)) for n in range(6)]
    while not batches:
        await asyncio.sleep(0)
    gate.set()
    assert await asyncio.gather(*calls) == [0, 10, 20, 30, 40, 50]
    assert [len(batch) for batch in batches] == [3, 3]


async def test_each_caller_gets_its_own_error() -> None:
    async def flush(items: list[int]) -> list[int | Exception]:
        return [ValueError(str(item)) if item % 2 else item for item in items]

    batcher: Batcher[int, int] = Batcher(flush, limit=10)
    answers = await asyncio.gather(*[batcher.put(n) for n in range(4)], return_exceptions=True)
    assert [str(answer) for answer in answers] == ["0", "1", "2", "3"]
    assert isinstance(answers[1], ValueError)


async def test_a_failed_batch_fails_its_callers_but_not_the_next_batch() -> None:
    outcomes = iter([OSError("unreachable"), None])

    async def flush(items: list[int]) -> list[int | Exception]:
        if error := next(outcomes):
            raise error
        return list(items)

    batcher: Batcher[int, int] = Batcher(flush, limit=10)
    with pytest.raises(OSError, match="unreachable"):
        await batcher.put(1)
    assert await batcher.put(2) == 2


async def test_a_cancelled_caller_does_not_disturb_the_others() -> None:
    started, gate = asyncio.Event(), asyncio.Event()

    async def flush(items: list[int]) -> list[int | Exception]:
        started.set()
        await gate.wait()
        return list(items)

    batcher: Batcher[int, int] = Batcher(flush, limit=10)
    first, second = asyncio.create_task(batcher.put(1)), asyncio.create_task(batcher.put(2))
    await started.wait()
    first.cancel()
    gate.set()
    assert await second == 2
    assert first.cancelled() or await asyncio.gather(first, return_exceptions=True)

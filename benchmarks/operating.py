"""Measures how long it takes to retry all failed jobs by a filter: until recorded as pending, and until queued."""

import time

from benchmarks import jobs as makes
from benchmarks.stand import UNDONE, Figures, Stand, load, standing, until, working
from herdbook.model.job import JobStatus
from herdbook.operating.control import OperationAction
from herdbook.record.search import JobFilter
from herdbook.settings import Settings


async def measure(settings: Settings, *, jobs: int, rounds: int) -> list[Figures]:
    """Each round has the same jobs fail, and retries them."""
    async with standing(settings) as stand:
        await stand.publish(makes.fail, jobs)
        return [await measure_once(stand) for _ in range(rounds)]


async def measure_once(stand: Stand) -> Figures:
    """One round."""
    await _failed(stand)
    start = time.perf_counter()
    begun = await stand.control.begin(OperationAction.RETRY, JobFilter(status=JobStatus.FAILED))

    async def done() -> bool:
        return (await stand.control.operation(begun.id)).finished_at is not None

    await until(done)
    recorded = time.perf_counter() - start
    await stand.relayed()
    return load() | {"retry_recorded_s": recorded, "retry_in_queue_s": time.perf_counter() - start}


async def _failed(stand: Stand) -> None:
    async def none_left() -> bool:
        return await stand.count("fail", *UNDONE) == 0

    async with working(stand, "fail") as crew:
        await crew.begin()
        await until(none_left)

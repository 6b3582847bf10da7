"""Measures a job's cost with many jobs waiting or recorded, the gain of a second worker, and memory in Redis.

Filling and measuring must not overlap: what is filled has settled when the measurement begins.
"""

import statistics
import time
from collections.abc import Sequence

from benchmarks import memory
from benchmarks.chart import line_chart
from benchmarks.jobs import noop
from benchmarks.pages import fill
from benchmarks.processes import servers
from benchmarks.report import Measured, gathered, tell
from benchmarks.stand import BULK, UNDONE, Drained, Figures, Stand, load, standing, working
from herdbook.cli.event_loop import run_on_fast_loop
from herdbook.record.database import Database
from herdbook.settings import Settings


def measure(*, queued: Sequence[int], recorded: Sequence[int], jobs: int, rounds: int) -> Measured:
    """Everything, each on fresh servers; `jobs` are worked off for one figure."""
    with servers() as settings:
        figures = run_on_fast_loop(in_queue(settings, queued, jobs, rounds))
    for rows in recorded:
        with servers() as settings:
            figures += run_on_fast_loop(in_record(settings, rows, jobs, rounds))
    with servers() as settings:
        figures += run_on_fast_loop(two_workers(settings, jobs, rounds))
    with servers() as settings:
        figures += run_on_fast_loop(memory.measure(settings))
    found = gathered(figures)
    found["most_queued_to_fewest"] = [_growth(found, [f"queued_{size}" for size in queued])]
    found["most_recorded_to_fewest"] = [_growth(found, [f"recorded_{rows}" for rows in recorded])]
    return found


async def in_queue(settings: Settings, sizes: Sequence[int], jobs: int, rounds: int) -> list[Figures]:
    """Publish and work off `jobs` jobs while `size` others wait, for one size after the other."""
    figures = []
    async with standing(settings) as stand:
        for size in sorted(sizes):
            tell(f"filling the queue with {size:,} jobs")
            await _wait_in_queue(stand, size)
            figures += [await _pass_through(stand, f"queued_{size}", size, jobs) for _ in range(rounds)]
    return figures


async def in_record(settings: Settings, rows: int, jobs: int, rounds: int) -> list[Figures]:
    """The same in an empty queue, with `rows` jobs in the record."""
    assert settings.database_url
    database = Database(settings.database_url, size=1)
    await database.open()
    if rows:
        tell(f"filling the record with {rows:,} jobs")
        await fill(database, rows)
    await database.close()
    async with standing(settings) as stand:
        return [await _pass_through(stand, f"recorded_{rows}", 0, jobs) for _ in range(rounds)]


async def two_workers(settings: Settings, jobs: int, rounds: int) -> list[Figures]:
    """One worker, then two, again and again."""
    tell("working off with one worker, and with two")
    async with standing(settings) as stand:
        figures = []
        for _ in range(rounds):
            one, two = [(await _work_off(stand, jobs, workers=workers)).per_s for workers in (1, 2)]
            figures.append({"one_worker_per_s": one, "two_workers_per_s": two, "two_workers_to_one": two / one})
        return figures


async def _wait_in_queue(stand: Stand, size: int) -> None:
    """Fill the queue, so that `size` jobs wait."""
    await stand.control.pause("bench")
    missing = size - await stand.count("bench", *UNDONE)
    await stand.publish(noop, missing, bulk=min(BULK, max(missing, 1)))
    await stand.relayed()


async def _pass_through(stand: Stand, name: str, waiting: int, jobs: int) -> Figures:
    """Milliseconds per job to publish, to work off, and of all processes' CPU while working off."""
    await _wait_in_queue(stand, waiting)
    busy = load()
    start = time.perf_counter()
    await stand.publish(noop, jobs)
    published = time.perf_counter() - start
    await stand.relayed()
    relayed = time.perf_counter() - start
    async with working(stand, "bench") as crew:
        drained = await crew.drain(jobs if waiting else None)
    return busy | {
        f"{name}_publish_ms": published * 1_000 / jobs,
        f"{name}_relay_ms": relayed * 1_000 / jobs,
        f"{name}_drain_ms": 1_000 / drained.per_s,
        f"{name}_drain_cpu_ms": sum(drained.cpu_ms.values()),
    }


async def _work_off(stand: Stand, jobs: int, *, workers: int) -> Drained:
    await stand.publish(noop, jobs)
    await stand.relayed()
    async with working(stand, "bench", workers=workers) as crew:
        return await crew.drain()


def _growth(found: Measured, names: Sequence[str]) -> float:
    """How many times as long a job takes at the end of the scale as at its beginning, published and worked off."""
    first, last = [_cost(found, name) for name in (names[0], names[-1])]
    return last / first


def _cost(found: Measured, name: str) -> float:
    return sum(statistics.median(found[f"{name}_{part}_ms"]) for part in ("relay", "drain"))


def charts(found: Measured, *, queued: Sequence[int], recorded: Sequence[int]) -> dict[str, str]:
    """Cost against scale."""
    return {
        "cost-against-queue": _chart(found, "queued", queued, "jobs that wait in the queue"),
        "cost-against-record": _chart(found, "recorded", recorded, "jobs in the record"),
    }


def _chart(found: Measured, name: str, sizes: Sequence[int], below: str) -> str:
    lines = {"publish": "publish", "publish and relay": "relay", "work off": "drain"}
    series = {
        line: [statistics.median(found[f"{name}_{size}_{part}_ms"]) for size in sizes] for line, part in lines.items()
    }
    labels = [f"{size:,}" for size in sizes]
    return line_chart("What a job costs, in milliseconds", labels, series, below=below, unit="ms")

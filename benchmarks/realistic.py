"""Measures how close jobs that wait, use the CPU or carry 100 KB come to their ideal rate."""

import asyncio
import json
import time
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from benchmarks import jobs as makes
from benchmarks.app import NAP, crunch
from benchmarks.stand import Drained, Figures, Stand, load, standing, working
from benchmarks.sustained import Flow
from benchmarks.sustained import measure_once as measure_flow
from herdbook.execution.processes import Call, ProcessPool
from herdbook.model.artifacts import FolderArtifacts
from herdbook.model.context import JobContext
from herdbook.settings import Settings

# CPU seconds of a job that keeps a processor busy, and how many such jobs are one measurement.
CRUNCHES = ((0.02, 500), (0.1, 200))
# Seconds that naps are measured at their ideal rate, and how many may be.
SPAN, MOST_NAPS = 5, 30_000


async def measure(settings: Settings, *, jobs: int, rounds: int) -> list[Figures]:
    """Each round measures everything; `jobs` big ones, and as many of the others as fit into some seconds."""
    async with standing(settings) as stand:
        return [await measure_once(stand, jobs) for _ in range(rounds)]


async def measure_once(stand: Stand, jobs: int) -> Figures:
    """One round."""
    figures = load() | await naps(stand, 100) | await naps(stand, 500)
    most = await drained(stand, "bench", makes.noop, MOST_NAPS, 500)
    figures |= {"noop_500_per_s": most.steady_per_s, **cores("noop_500", most)}
    figures["rss_mb_at_1000"] = (await drained(stand, "nap", makes.nap, MOST_NAPS, 1_000)).rss_mb
    for seconds, count in CRUNCHES:
        figures |= await crunches(stand, seconds, count)
    flow = Flow(name="echo", jobs=jobs, bulk=50, ahead=500)
    big = await measure_flow(stand, flow)
    return figures | {"echo_per_s": big["sustained_per_s"], "echo_worker_mb": big["worker_mb_end"]}


async def naps(stand: Stand, concurrency: int) -> Figures:
    """Jobs that wait 50 ms, `concurrency` of them at once; and what then limits them, by the cores that it takes."""
    ideal = concurrency / NAP
    name = f"nap_{concurrency}"
    found = await drained(stand, "nap", makes.nap, min(int(ideal * SPAN), MOST_NAPS), concurrency)
    return {f"{name}_per_s": found.steady_per_s, f"{name}_of_ideal": found.steady_per_s / ideal, **cores(name, found)}


async def drained(stand: Stand, queue: str, make: makes.Make, jobs: int, concurrency: int) -> Drained:
    """What one worker makes of a full queue."""
    await stand.publish(make, jobs)
    await stand.relayed()
    async with working(stand, queue, concurrency=concurrency) as crew:
        return await crew.drain()


def cores(name: str, found: Drained) -> Figures:
    """How many cores the processes took."""
    return {f"{name}_{part}_cores": share for part, share in found.cores.items()}


async def crunches(stand: Stand, seconds: float, count: int) -> Figures:
    """The same jobs through the worker's process pool, and through a pool alone; jobs per second and their ratio."""
    name = f"crunch_{seconds * 1_000:.0f}_ms"
    alone = await _pool_alone(stand, seconds, count)
    await stand.publish(lambda _: makes.crunch(seconds), count)
    await stand.relayed()
    async with working(stand, "crunch") as crew:
        worker = (await crew.drain()).steady_per_s
    return {f"{name}_pool_per_s": alone, f"{name}_per_s": worker, f"{name}_of_pool": worker / alone}


async def _pool_alone(stand: Stand, seconds: float, count: int) -> float:
    artifacts = FolderArtifacts(stand.settings.artifact_folder)
    pool = ProcessPool(stand.settings.process_count, artifacts)
    ends: list[float] = []

    async def one() -> None:
        id, text = uuid4(), json.dumps({"seconds": seconds})
        names: dict[str, Any] = {"id": id, "job_type": "crunch", "queue": "crunch", "attempt": 1, "reported": None}
        call = Call(module=crunch.__module__, function=crunch.__qualname__, data=text, limit=None, **names)
        await pool.run(call, JobContext(artifacts=artifacts, **names), lambda _: None)
        ends.append(time.time())

    await asyncio.gather(*[one() for _ in range(count)])
    await pool.close()
    return _steady(ends)


def _steady(ends: Sequence[float]) -> float:
    return Drained(begun=ends[0], ends=ends, cpu={}, rss_mb=0).steady_per_s

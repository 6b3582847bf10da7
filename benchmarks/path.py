"""Measures each station of a job's path alone: publishing, the drain by one worker, and an idle worker's latency."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import orjson

from benchmarks.jobs import noop
from benchmarks.load import calling, publish_over_http
from benchmarks.processes import Part, running
from benchmarks.stand import Figures, Stand, load, standing, working
from herdbook.settings import Settings
from herdbook.testing import eventually

CALLERS = 64
# Jobs of one measurement of the latency.
LONE = 300


async def measure(settings: Settings, *, jobs: int, rounds: int, concurrency: int) -> list[Figures]:
    """Each round publishes `jobs` jobs in each of three ways, and has one worker work them off."""
    async with standing(settings) as stand:
        with running(settings, "serve", "benchmarks.app:book", "--port", "0") as serve:
            url = (await asyncio.to_thread(serve.first_line)).split()[-1]
            return [await measure_once(stand, serve, url, jobs, concurrency) for _ in range(rounds)]


async def measure_once(stand: Stand, serve: Part, url: str, jobs: int, concurrency: int) -> Figures:
    """One round."""
    relay = stand.relay.cpu_seconds()
    figures = load() | await over_http(serve, url, jobs)
    figures |= await in_process(stand, jobs)
    await stand.relayed()
    relay = stand.relay.cpu_seconds() - relay
    async with working(stand, "bench", concurrency=concurrency) as crew:
        drained = await crew.drain()
        figures |= {"drain_per_s": drained.per_s, "relay_cpu_ms_per_job": relay * 1_000 / len(drained.ends)}
        figures |= {f"{name}_cpu_ms_per_job": cost for name, cost in drained.cpu_ms.items()}
        figures["worker_rss_mb"] = drained.rss_mb
        figures |= await idle_latency(stand)
        figures |= await idle_latency_over_http(stand, url)
    return figures


async def over_http(serve: Part, url: str, jobs: int) -> Figures:
    """Singles by `POST /api/jobs`."""
    before = serve.cpu_seconds()
    per_second, times = await publish_over_http(url, jobs=jobs, connections=CALLERS)
    cpu = (serve.cpu_seconds() - before) * 1_000 / len(times)
    p99 = times[int(len(times) * 0.99)]
    return {"single_over_http_per_s": per_second, "http_p99_ms": p99, "serve_cpu_ms_per_job": cpu}


async def in_process(stand: Stand, jobs: int) -> Figures:
    """Bulk, then singles from 64 callers at once."""
    start = time.perf_counter()
    await stand.publish(noop, jobs)
    bulk = jobs / (time.perf_counter() - start)

    async def caller(count: int) -> None:
        for n in range(count):
            await stand.publisher.publish(noop(n))

    each = jobs // CALLERS
    start = time.perf_counter()
    await asyncio.gather(*[caller(each) for _ in range(CALLERS)])
    return {"bulk_per_s": bulk, "single_in_process_per_s": each * CALLERS / (time.perf_counter() - start)}


async def idle_latency(stand: Stand) -> Figures:
    """From the call of publish to the start of the function."""

    async def publish() -> UUID:
        return (await stand.publisher.publish(noop(0))).id

    return await _latency(stand, "idle_latency", publish)


async def idle_latency_over_http(stand: Stand, url: str) -> Figures:
    """The same from the sending of the request."""
    async with calling(url) as caller:

        async def publish() -> UUID:
            return UUID(orjson.loads(await caller.post())["jobId"])

        return await _latency(stand, "idle_latency_over_http", publish)


async def _latency(stand: Stand, name: str, publish: Callable[[], Awaitable[UUID]]) -> Figures:
    """Milliseconds, one job at a time."""
    latencies = []
    for _ in range(LONE):
        start = time.time()
        id = await publish()

        async def result(id: UUID = id) -> Any:
            async with stand.database.connection() as connection:
                return await connection.fetchval("SELECT result FROM herdbook.jobs WHERE id = $1", id)

        latencies.append(((await eventually(result))["startedAt"] - start) * 1_000)
    cuts = statistics.quantiles(latencies, n=100)
    return {f"{name}_p50_ms": cuts[49], f"{name}_p99_ms": cuts[98]}

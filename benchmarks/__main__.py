"""Runs the measurements and prints them.

Of a job's path: `make bench ARGS="--jobs 10000 --json bench.json"`; of the pages: `make bench ARGS=pages`.
"""

import argparse
import asyncio
import json
import os
import platform
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import pages
from benchmarks.app import book
from benchmarks.load import publish_over_http
from benchmarks.processes import Part, running, servers
from herdbook.publish import JobRequest, Publisher
from herdbook.settings import Settings
from herdbook.store.migrate import migrate
from herdbook.store.pool import Record
from herdbook.store.reads import read_outbox_lag
from herdbook.testing import eventually
from herdbook.worker import HEARTBEAT

PAD = "x" * 280
BULK = 5_000
Figures = dict[str, Any]


def job(n: int) -> JobRequest:
    return JobRequest(job_type="noop", job_data={"n": n, "pad": PAD})


async def publish_in_process(publisher: Publisher, jobs: int) -> Figures:
    """Bulk, then singles from 64 callers at once; jobs per second."""
    start = time.perf_counter()
    for first in range(0, jobs, BULK):
        await publisher.publish_bulk([job(n) for n in range(first, min(first + BULK, jobs))])
    bulk = jobs / (time.perf_counter() - start)

    async def caller(count: int) -> None:
        for n in range(count):
            await publisher.publish(job(n))

    start = time.perf_counter()
    await asyncio.gather(*[caller(jobs // 64) for _ in range(64)])
    return {"bulk_per_s": bulk, "single_in_process_per_s": jobs // 64 * 64 / (time.perf_counter() - start)}


async def relayed(record: Record) -> None:
    async def empty() -> bool:
        async with record.connection() as connection:
            return (await read_outbox_lag(connection)).depth == 0

    await eventually(empty, timeout=600)


async def drained(record: Record, start: float) -> Figures:
    """From the first claim to the last recorded result, by the record's own clock."""

    async def done() -> bool:
        async with record.connection() as connection:
            return not await connection.fetchval(
                "SELECT EXISTS (SELECT FROM herdbook.jobs WHERE status <> 'completed')"
            )

    await eventually(done, timeout=600)
    async with record.connection() as connection:
        row = await connection.fetchrow(
            "SELECT count(*) AS jobs, extract(epoch FROM max(completed_at) - min(started_at))::float8 AS seconds "
            "FROM herdbook.jobs WHERE started_at > to_timestamp($1)",
            start,
        )
    assert row
    return {"jobs": row["jobs"], "drain_per_s": row["jobs"] / row["seconds"]}


async def idle_latency(publisher: Publisher, record: Record, count: int = 300) -> Figures:
    """Milliseconds from the call of publish to the start of the function, one job at a time."""
    latencies = []
    for n in range(count):
        start = time.time()
        published = await publisher.publish(job(n))

        async def result(id: object = published.id) -> Any:
            async with record.connection() as connection:
                return await connection.fetchval("SELECT result FROM herdbook.jobs WHERE id = $1", id)

        latencies.append(((await eventually(result))["startedAt"] - start) * 1_000)
    cuts = statistics.quantiles(latencies, n=100)
    return {"idle_latency_p50_ms": cuts[49], "idle_latency_p99_ms": cuts[98]}


async def measure(settings: Settings, jobs: int) -> Figures:
    assert settings.database_url
    record = Record(settings.database_url, size=10)
    await record.open()
    await migrate(record)
    publisher = Publisher(record, book, max_job_bytes=settings.max_job_bytes)
    figures: Figures = {}
    with running(settings, "serve", "benchmarks.app:book", "--port", "0") as serve, running(settings, "relay") as relay:
        url = (await asyncio.to_thread(serve.first_line)).split()[-1]
        per_second, times = await publish_over_http(url, jobs=jobs)
        figures |= {"single_over_http_per_s": per_second, "http_p99_ms": times[int(len(times) * 0.99)]}
        figures |= await publish_in_process(publisher, jobs)
        await relayed(record)
        with running(settings, "worker", "benchmarks.app:book", "--queue", "bench") as worker:
            figures |= await with_worker(record, publisher, worker)
        figures["cpu_s"] = {part.name: part.cpu_seconds() for part in (serve, relay)} | {
            "worker": figures.pop("worker_cpu")
        }
    await record.close()
    return figures


async def with_worker(record: Record, publisher: Publisher, worker: Part) -> Figures:
    figures = await drained(record, time.time())
    figures["worker_cpu"] = worker.cpu_seconds()
    figures["worker_cpu_ms_per_job"] = figures["worker_cpu"] * 1_000 / figures["jobs"]
    await asyncio.sleep(HEARTBEAT)
    figures["worker_rss_mb"] = worker.rss_mb()
    return figures | await idle_latency(publisher, record)


def environment() -> Figures:
    return {"python": platform.python_version(), "cpus": os.cpu_count(), "load_1m": os.getloadavg()[0]}


def measure_path(jobs: int) -> Figures:
    with servers() as settings:
        return environment() | asyncio.run(measure(settings, jobs))


def measure_pages(sizes: list[int]) -> Figures:
    found = {}
    for rows in sizes:
        with servers() as settings:
            found[rows] = asyncio.run(pages.measure(settings, rows))
    return environment() | {"sizes": found}


def row_counts(text: str) -> list[int]:
    sizes = [int(one) for one in text.split(",")]
    if min(sizes) < pages.FEWEST:
        raise argparse.ArgumentTypeError(f"at least {pages.FEWEST:,} rows, for there to be a 200th page")
    return sizes


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", nargs="?", choices=("path", "pages"), default="path", help="what is measured")
    parser.add_argument("--jobs", type=int, default=10_000, help="path: no-op jobs of about 300 bytes per measurement")
    parser.add_argument(
        "--rows", type=row_counts, default="10000,100000,1000000", help="pages: jobs in the record, sizes by commas"
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    options = parser.parse_args()
    figures = measure_path(options.jobs) if options.what == "path" else measure_pages(options.rows)
    for name, value in figures.items():
        if name == "sizes":
            pages.write_table(value)
        else:
            sys.stdout.write(f"{name:26} {value:,.2f}\n" if isinstance(value, float) else f"{name:26} {value}\n")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

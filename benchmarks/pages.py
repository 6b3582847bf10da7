"""Measures what each page costs, in milliseconds for a client and of the server's CPU; no browser is involved."""

import asyncio
import os
import statistics
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from benchmarks.app import book
from benchmarks.processes import Part, running
from herdbook.publishing.publish import JobRequest, Publisher
from herdbook.record.counts import fold_counts
from herdbook.record.database import Database
from herdbook.record.migrate import migrate
from herdbook.record.reads import read_outbox_lag
from herdbook.record.rollups import MINUTE, bucket_of, prune_rollups, read_rollup_state, write_rollups
from herdbook.settings import Settings
from herdbook.testing import eventually

FILL = Path(__file__).with_name("record.sql").read_text(encoding="utf-8")
SPAN = timedelta(days=7)
# The 200th page of 50 rows needs as many.
FEWEST = 10_000
BATCH = 20_000
PAGE = 50
WARM = 5
ASKED = 30
RUNNING = 20
REFRESHED = 20
Figures = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The pages at work: their process, a client with one connection, and the record behind them."""

    serve: Part
    client: httpx.AsyncClient
    database: Database


async def fill(database: Database, rows: int) -> None:
    """Write `rows` jobs, with counts and figures as upkeep would have made them."""
    await migrate(database)
    async with database.connection() as connection:
        if await connection.fetchval("SELECT EXISTS (SELECT FROM herdbook.jobs)"):
            raise SystemExit("the record has jobs already: unset DATABASE_URL, or name a fresh database and one size")
        for first in range(1, rows + 1, BATCH):
            await connection.execute(FILL, first, min(first + BATCH - 1, rows), rows)
        # Autovacuum would come by in a while; it also summarises the BRIN indexes.
        for table in ("jobs", "job_attempts"):
            await connection.execute(f"VACUUM (ANALYZE) herdbook.{table}", timeout=600)
    async with database.transaction() as connection:
        await fold_counts(connection)
        now = bucket_of((await read_rollup_state(connection)).now, MINUTE)
        for hour in range(int(SPAN / timedelta(hours=1)), 0, -1):
            since = now - timedelta(hours=hour)
            await write_rollups(connection, since, since + timedelta(hours=1))
        await prune_rollups(connection, now)
    async with database.connection() as connection:
        await connection.execute("VACUUM (ANALYZE) herdbook.figures")


@asynccontextmanager
async def at_work(settings: Settings, database: Database) -> AsyncIterator[Site]:
    """Pages, relay with upkeep and a worker as processes of their own; some jobs run, some wait in Redis."""
    assert settings.database_url
    hasty = settings.model_copy(update={"stop_deadline": 0.0})
    async with AsyncExitStack() as stack:
        serve = stack.enter_context(running(hasty, "serve", "benchmarks.app:book", "--port", "0"))
        url = (await asyncio.to_thread(serve.first_line)).split()[-1]
        stack.enter_context(running(hasty, "relay"))
        stack.enter_context(running(hasty, "worker", "benchmarks.app:book", "--queue", "bench"))
        await publisher_on(database, settings).publish_bulk([JobRequest(job_type="doze", job_data={})] * RUNNING)

        async def ready() -> bool:
            async with database.connection() as connection:
                found = await connection.fetchval("SELECT count(*) FROM herdbook.jobs WHERE status = 'processing'")
                return bool(found == RUNNING and (await read_outbox_lag(connection)).depth == 0)

        await eventually(ready, timeout=60)
        limits = httpx.Limits(max_connections=2)
        client = httpx.AsyncClient(base_url=url, headers={"Accept": "text/html"}, limits=limits, timeout=60)
        yield Site(serve=serve, client=await stack.enter_async_context(client), database=database)


def publisher_on(database: Database, settings: Settings) -> Publisher:
    return Publisher(database, book.registry, max_job_bytes=settings.max_job_bytes)


async def addresses(database: Database) -> dict[str, str]:
    """Each page by its name in the table."""
    async with database.connection() as connection:
        failed = await connection.fetchval(
            "SELECT id FROM herdbook.jobs WHERE ended_badly = 'failed' ORDER BY id DESC LIMIT 1"
        )
        second, last = [
            await connection.fetchval(
                "SELECT id FROM herdbook.jobs ORDER BY id DESC OFFSET $1 LIMIT 1", page * PAGE - 1
            )
            for page in (1, 199)
        ]
    same = ("/", "/?window=7d", "/jobs", "/jobs?status=failed", "/jobs?status=pending", "/jobs?type=report")
    return {
        **{path: path for path in same},
        "/jobs?q=… that nothing has": f"/jobs?q={quote('no job says so')}",
        "/jobs, 2nd page": f"/jobs?before={second}",
        "/jobs, 200th page": f"/jobs?before={last}",
        "/jobs/{id}": f"/jobs/{failed}",
        "/jobs/new?type=email": "/jobs/new?type=email",
        "/queues": "/queues",
        "/queues/{name}": "/queues/media",
        "/queues/{name}?window=7d": "/queues/media?window=7d",
        "/workers": "/workers",
    }


async def ask(site: Site, address: str) -> Figures:
    """The same page again and again."""

    async def once() -> float:
        start = time.perf_counter()
        answer = await site.client.get(address)
        took = (time.perf_counter() - start) * 1_000
        if answer.status_code != 200:
            raise RuntimeError(f"{address} answered {answer.status_code}")
        return took

    for _ in range(WARM):
        await once()
    before = site.serve.cpu_seconds()
    times = [await once() for _ in range(ASKED)]
    return summary(times) | {"cpu_ms": (site.serve.cpu_seconds() - before) * 1_000 / ASKED}


def summary(times: list[float]) -> Figures:
    cuts = statistics.quantiles(times, n=20)
    return {"p50_ms": cuts[9], "p95_ms": cuts[18]}


async def refreshed(site: Site, settings: Settings) -> Figures:
    """From the call of publish until an open list has the job: hear that it went stale, ask for it again."""
    publisher = publisher_on(site.database, settings)
    times = []
    async with site.client.stream("GET", "/events") as stream:
        lines = stream.aiter_lines()
        for _ in range(REFRESHED):
            start = time.perf_counter()
            job = await publisher.publish(JobRequest(job_type="noop", job_data={}))
            while True:
                await told(lines)
                if str(job.id) in (await site.client.get("/jobs", headers={"X-Requested-With": "live"})).text:
                    break
            times.append((time.perf_counter() - start) * 1_000)
    return summary(times)


async def told(lines: AsyncIterator[str]) -> None:
    async for line in lines:
        if line.startswith("data:") and ("jobs" in line or "all" in line):
            return
    raise RuntimeError("the stream ended")


async def measure(settings: Settings, rows: int) -> Figures:
    """Everything with `rows` jobs in the record."""
    assert settings.database_url
    database = Database(settings.database_url, size=4)
    await database.open()
    start = time.perf_counter()
    await fill(database, rows)
    figures: Figures = {"fill_s": time.perf_counter() - start}
    async with at_work(settings, database) as site:
        figures["load_1m"] = os.getloadavg()[0]
        figures["pages"] = {name: await ask(site, address) for name, address in (await addresses(database)).items()}
        figures["pages"]["published → on an open /jobs"] = await refreshed(site, settings)
        figures["serve_rss_mb"] = site.serve.rss_mb()
    await database.close()
    return figures


def write_table(sizes: Mapping[int, Figures]) -> None:
    """A row for each page: p50, p95 and the server's CPU time, in milliseconds, for each size."""
    sys.stdout.write("".join([f"{'p50 / p95 / CPU ms':30}", *(f"{f'{rows:,} jobs':>24}" for rows in sizes), "\n"]))
    for name in next(iter(sizes.values()))["pages"]:
        cells = [figures["pages"][name] for figures in sizes.values()]
        sys.stdout.write("".join([f"{name:30}", *(f"{_cell(one):>24}" for one in cells), "\n"]))
    for name in ("load_1m", "serve_rss_mb", "fill_s"):
        sys.stdout.write("".join([f"{name:30}", *(f"{one[name]:24,.1f}" for one in sizes.values()), "\n"]))


def _cell(figures: Figures) -> str:
    cpu = f" / {figures['cpu_ms']:.1f}" if "cpu_ms" in figures else ""
    return f"{figures['p50_ms']:.1f} / {figures['p95_ms']:.1f}{cpu}"

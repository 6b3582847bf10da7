"""Measures what a user gets: bursts of jobs over HTTP to a plain `herdbook up`, until all are recorded as completed.

Nothing here may tune Herdbook: no setting is passed on, and the servers are the embedded ones.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import httpx
import orjson
import psutil
from redis import Redis

from benchmarks.against.install import NotAvailableError, Program, installed
from benchmarks.against.running import REST, FailedError, measure_drain
from benchmarks.against.systems import BY_NAME, REFERENCE
from benchmarks.jobs import noop_data
from benchmarks.report import Report, gathered, surroundings, tell
from benchmarks.spread import spread_of
from benchmarks.stand import UNDONE, Figures, load, until
from benchmarks.turns import order_of_round
from herdbook.embedded import read_running_servers
from herdbook.model.job import JobStatus
from herdbook.record.reads import read_stats
from herdbook.settings import Settings

# Jobs of one request, the most that the API takes.
BULK = 10_000
WARM = 1_000
QUEUE = "bench"
# Settings of Herdbook, its servers and its tracing: whatever is set here, `up` runs without.
SETTINGS = ("HERDBOOK_", "DATABASE_URL", "REDIS_URL", "SMTP_URL", "OTEL_")
HERDBOOK, BULLMQ, RATIO = "end_to_end_per_s", "bullmq_node_drain_per_s", "end_to_end_to_bullmq_node_drain"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainUp:
    """A running `herdbook up`: its address, and how to reach the servers that it started."""

    url: str
    settings: Settings
    process: "subprocess.Popen[str]"

    def check(self) -> None:
        """Raise RuntimeError when it has ended by itself."""
        if self.process.poll() is not None:
            raise RuntimeError(f"herdbook up ended with exit code {self.process.returncode}")


def measure(*, jobs: int, rounds: int) -> Report:
    """Each round sends one burst of `jobs` jobs; BullMQ for Node drains as many from the same Redis, in turn."""
    program = _bullmq()
    with plain_up() as up:
        environment = asyncio.run(surroundings(up.settings)) | {"jobs": jobs, "rounds": rounds}
        asyncio.run(burst(up, WARM))
        figures = [measure_once(up, program, jobs, number) for number in range(rounds)]
    ratio = spread_of(one[HERDBOOK] / one[BULLMQ] for one in figures if BULLMQ in one)
    return Report(environment=environment, figures=gathered(figures), ratios={RATIO: ratio} if ratio else {})


def measure_once(up: PlainUp, program: Program | None, jobs: int, number: int) -> Figures:
    """One round: a burst, and BullMQ's drain when it is installed."""
    figures = load()
    for system in order_of_round((HERDBOOK, BULLMQ) if program else (HERDBOOK,), number):
        # What the other one left to do in the background gets a moment to end.
        time.sleep(REST)
        if program and system == BULLMQ:
            figures[BULLMQ] = _bullmq_drain(up, program, jobs)
        else:
            figures |= asyncio.run(burst(up, jobs))
    tell(f"round {number + 1}: " + ", ".join(f"{name} {value:,.1f}" for name, value in figures.items()))
    return figures


async def burst(up: PlainUp, jobs: int) -> Figures:
    """Jobs per second from the first request, until all are accepted and until all are recorded as completed."""
    bodies = [_body(first, min(first + BULK, jobs)) for first in range(0, jobs, BULK)]
    connection = await asyncpg.connect(up.settings.database_url)

    async def count(*states: JobStatus) -> int:
        stats = await read_stats(connection)
        return sum(one.count for one in stats if one.queue == QUEUE and one.status in states)

    async def done() -> bool:
        up.check()
        return await count(*UNDONE) == 0

    try:
        completed = await count(JobStatus.COMPLETED)
        async with httpx.AsyncClient(base_url=up.url, timeout=60, trust_env=False) as client:
            start = time.perf_counter()
            for body in bodies:
                answer = await client.post("/api/jobs/bulk", content=body, headers={"Content-Type": "application/json"})
                answer.raise_for_status()
            accepted = time.perf_counter() - start
            await until(done)
            seconds = time.perf_counter() - start
        if await count(JobStatus.COMPLETED) != completed + jobs:
            raise RuntimeError("some jobs are not recorded as completed")
    finally:
        await connection.close()
    return {"accepted_per_s": jobs / accepted, HERDBOOK: jobs / seconds}


def _body(first: int, end: int) -> bytes:
    return orjson.dumps({"jobs": [{"jobType": "noop", "jobData": noop_data(n)} for n in range(first, end)]})


@contextmanager
def plain_up() -> Iterator[PlainUp]:
    """`herdbook up` as `make up APP=benchmarks.app:book` starts it, with a fresh data folder."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)}
    with tempfile.TemporaryDirectory(prefix="herdbook-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        words = ["up", "benchmarks.app:book", "--port", "0", "--data", str(folder / "data")]
        command = [sys.executable, "-m", "herdbook", *words]
        with (
            (folder / "log").open("w") as log,
            subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True) as process,
        ):
            try:
                yield _ready(process, folder)
            finally:
                process.terminate()


def _ready(process: "subprocess.Popen[str]", folder: Path) -> PlainUp:
    assert process.stdout
    line = process.stdout.readline().strip()
    servers = read_running_servers(folder / "data")
    if not line or servers is None:
        raise SystemExit(f"herdbook up did not start:\n{(folder / 'log').read_text(encoding='utf-8')}")
    settings = Settings(redis_url=servers.redis_url, database_url=servers.database_url, data=folder)
    return PlainUp(url=line.split()[-1], settings=settings, process=process)


def _bullmq() -> Program | None:
    """BullMQ for Node, installed at the first use; None where that is not possible."""
    tell(f"installing {REFERENCE}, if it is not yet")
    try:
        return installed(BY_NAME[REFERENCE])
    except NotAvailableError as error:
        tell(f"{REFERENCE} is not available, so there is no ratio: {error}")
        return None


def _bullmq_drain(up: PlainUp, program: Program, jobs: int) -> float:
    """Its drain in another database of the same Redis, where no worker of Herdbook takes its jobs."""
    url = urlsplit(up.settings.redis_url or "")._replace(path="/1").geturl()
    with tempfile.TemporaryDirectory(prefix="herdbook-bench-") as folder, Redis.from_url(url) as client:
        settings = up.settings.model_copy(update={"redis_url": url, "data": Path(folder)})
        try:
            return measure_drain(BY_NAME[REFERENCE], program, settings, jobs)
        except (FailedError, psutil.Error, subprocess.TimeoutExpired) as error:
            raise SystemExit(f"{REFERENCE} failed: {error}") from None
        finally:
            _remove_jobs(client)


def _remove_jobs(client: Redis) -> None:
    """Remove what BullMQ keeps of its jobs, so that no round has more in Redis than the first."""
    keys = list(client.scan_iter(f"bull:{QUEUE}:*", count=1_000))
    for first in range(0, len(keys), 1_000):
        client.unlink(*keys[first : first + 1_000])

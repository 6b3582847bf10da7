"""The command line of every peer, so that what is timed here is timed for all alike.

It needs nothing but Python itself, because it runs in each peer's own environment.
"""

import argparse
import asyncio
import json
import os
import random
import struct
import sys
import time
from typing import Any, Protocol

DATABASE_URL = os.environ["DATABASE_URL"]
REDIS_URL = os.environ["REDIS_URL"]
QUEUE = "bench"
RESULT = {"ok": True, "count": 1}
# Every call of a job's function adds the time of its start to this file, 8 bytes each, whatever process it runs in.
JOB_BYTES = 300
WARM = 20
_starts = os.open(os.environ["BENCH_STARTS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


class Peer(Protocol):
    """What a peer's program has to say. `publish_bulk` is asked only of peers that have one."""

    async def prepare(self) -> None:
        """Make what must be there before the first job: tables, queues."""

    async def publish(self, data: dict[str, Any]) -> None:
        """Publish one job, accepted when this returns."""

    async def publish_bulk(self, jobs: list[dict[str, Any]]) -> None:
        """Publish many jobs in the best way there is."""

    async def work(self, concurrency: int) -> None:
        """Run jobs until the process is ended."""

    async def relay(self) -> None:
        """Bring published jobs to the queue until the process is ended; asked only of Herdbook."""


def tell_started() -> None:
    """Called first by every job's function."""
    os.write(_starts, struct.pack("<d", time.time()))


def started_bytes() -> int:
    """How long that file is."""
    return os.fstat(_starts).st_size


def job_data(n: int) -> dict[str, Any]:
    """300 bytes of JSON."""
    return {"n": n, "pad": "x" * (JOB_BYTES - len('{"n":,"pad":""}') - len(str(n)))}


async def publish(peer: Peer, jobs: int, way: str) -> None:
    """Print how many seconds it took to publish `jobs` jobs."""
    data = [job_data(n) for n in range(jobs)]
    if way == "bulk":
        start = time.perf_counter()
        await peer.publish_bulk(data)
    else:
        for one in data[:WARM]:
            await peer.publish(one)
        start = time.perf_counter()
        for one in data[WARM:]:
            await peer.publish(one)
        jobs -= WARM
    say({"jobs": jobs, "seconds": time.perf_counter() - start})


async def latency(peer: Peer, samples: int) -> None:
    """Publish one job at a time, the next when that has started; print when each was published."""
    started = started_bytes()
    published = []
    for n in range(WARM + samples):
        published.append(time.time())
        await peer.publish(job_data(n))
        started += 8
        # Seldom enough not to disturb. Uneven, so that it does not fall in step with a peer that polls.
        while started_bytes() < started:
            await asyncio.sleep(0.005)
        await asyncio.sleep(random.uniform(0.005, 0.015))
    say({"published": published[WARM:]})


def say(answer: dict[str, Any]) -> None:
    """Answer the one who started this program."""
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def become(*words: str) -> None:
    """Go on as another program of this environment's Python."""
    os.execv(sys.executable, [sys.executable, *words])


def run(peer: Peer) -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("prepare", "publish", "work", "latency", "relay"))
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--way", choices=("single", "bulk"))
    parser.add_argument("--concurrency", type=int)
    parser.add_argument("--samples", type=int)
    options = parser.parse_args()

    async def main() -> None:
        match options.what:
            case "prepare":
                await peer.prepare()
            case "publish":
                await publish(peer, options.jobs, options.way)
            case "latency":
                await latency(peer, options.samples)
            case "work":
                await peer.work(options.concurrency)
            case "relay":
                await peer.relay()

    try:
        from uvloop import run as run_loop
    except ImportError:
        run_loop = asyncio.run
    run_loop(main())

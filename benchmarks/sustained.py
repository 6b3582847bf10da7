"""Measures the whole path at once: jobs per second, memory, and how far the outbox lags.

The publisher must not run away: it waits while too many of its jobs are unfinished.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import redis.asyncio

from benchmarks.app import book
from benchmarks.processes import Part, running
from benchmarks.stand import Figures, Stand, load, standing, until, working
from herdbook.model.job import JobStatus
from herdbook.queue.connection import connect
from herdbook.record.reads import read_outbox_lag
from herdbook.settings import Settings

# Seconds between two looks.
EVERY = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """What flows: `bulk` jobs per publish, at most `ahead` of them undone."""

    name: str
    jobs: int
    bulk: int = 1_000
    ahead: int = 20_000
    concurrency: int | None = None

    def words(self) -> list[str]:
        """The publisher's command line."""
        return [self.name, "--jobs", str(self.jobs), "--bulk", str(self.bulk), "--ahead", str(self.ahead)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One look: jobs done, jobs in the outbox, age of the oldest in seconds, memory per process in megabytes."""

    done: int
    depth: int
    age: float
    memory: Figures


async def measure(settings: Settings, *, jobs: int, rounds: int, concurrency: int) -> list[Figures]:
    """Each round on the same servers, with processes of its own but for the relay."""
    async with standing(settings) as stand:
        flow = Flow(name="noop", jobs=jobs, concurrency=concurrency)
        return [await measure_once(stand, flow) for _ in range(rounds)]


async def measure_once(stand: Stand, flow: Flow) -> Figures:
    """Publish, carry, work off and record the jobs, all at the same time."""
    assert stand.settings.redis_url
    busy, since, queue = load(), await stand.now(), book.registry.get(flow.name).queue
    async with working(stand, queue, concurrency=flow.concurrency) as crew, connect(stand.settings.redis_url) as client:
        await crew.begin()
        with running(stand.settings, *flow.words(), module="benchmarks.publishing") as publisher:
            parts = {"publisher": publisher, "relay": stand.relay, "worker": crew.workers[0]}
            samples = await _watch(stand, queue, flow.jobs, parts, client)
    async with stand.database.connection() as connection:
        seconds = await connection.fetchval(
            "SELECT extract(epoch FROM max(completed_at) - min(created_at))::float8 FROM herdbook.jobs "
            "WHERE id >= $1 AND queue = $2 AND created_at >= $3",
            stand.since,
            queue,
            since,
        )
    lag = {"outbox_depth": float(max(one.depth for one in samples)), "outbox_age_s": max(one.age for one in samples)}
    return busy | {"sustained_per_s": flow.jobs / seconds} | lag | _memory(samples)


async def _watch(
    stand: Stand, queue: str, jobs: int, parts: Mapping[str, Part], client: redis.asyncio.Redis
) -> Sequence[Sample]:
    """Look again and again until all jobs are done."""
    before = await stand.count(queue, JobStatus.COMPLETED)
    samples: list[Sample] = []

    async def all_done() -> bool:
        for part in parts.values():
            part.check()
        async with stand.database.connection() as connection:
            lag = await read_outbox_lag(connection)
        memory = {name: part.rss_mb() for name, part in parts.items()}
        memory["redis"] = (await client.info("memory"))["used_memory"] / 1_000_000
        done = await stand.count(queue, JobStatus.COMPLETED) - before
        samples.append(Sample(done=done, depth=lag.depth, age=lag.age, memory=memory))
        return done >= jobs

    await until(all_done, every=EVERY)
    return samples


def _memory(samples: Sequence[Sample]) -> Figures:
    """Each process's memory when a tenth of the jobs was done, when half of them was, and at the end."""
    all_done = samples[-1].done
    start, middle = (next(one for one in samples if one.done >= share * all_done) for share in (0.1, 0.5))
    figures = {}
    for name, end in samples[-1].memory.items():
        figures[f"{name}_mb_start"] = start.memory[name]
        figures[f"{name}_mb_middle"] = middle.memory[name]
        figures[f"{name}_mb_end"] = end
        figures[f"{name}_mb_end_to_middle"] = end / middle.memory[name]
    return figures

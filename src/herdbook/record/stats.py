"""Statistics of ended attempts and jobs: series for charts, throughput of queues.

They come from rollups; attempts themselves are read only for the last minutes, which are not rolled up yet.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import asyncpg

from herdbook.record.database import Connection
from herdbook.record.histogram import percentile
from herdbook.record.rollups import MINUTE, RollupState, bucket_of, read_rollup_state
from herdbook.record.sql import statement

# How far back attempts themselves are read if nothing rolls them up.
_OLDEST_NOT_ROLLED_UP = timedelta(minutes=15)
# The period over which a queue's rate is measured.
_RATE_SPAN = timedelta(minutes=5)
_HISTORY = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A time span to show, and the seconds per point of its charts."""

    name: str
    label: str
    resolution: int
    span: timedelta


WINDOWS = (
    Window(name="1h", label="1 hour", resolution=60, span=timedelta(hours=1)),
    Window(name="24h", label="24 hours", resolution=900, span=timedelta(hours=24)),
    Window(name="7d", label="7 days", resolution=7_200, span=timedelta(days=7)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """What ended in the time bucket that starts at `at`; durations in milliseconds, None if nothing ended.

    `retries` counts failed attempts that are retried, `failed` jobs that failed for good. `wait` is the time
    from when an attempt was due until it started, `run` from then until it ended.
    """

    at: datetime
    completed: int
    failed: int
    retries: int
    run_p50: float | None
    run_p95: float | None
    wait_p50: float | None
    wait_p95: float | None


@dataclass(slots=True)
class _Sums:
    completed: int = 0
    failed: int = 0
    retried: int = 0
    run: Counter[str] = field(default_factory=Counter)
    wait: Counter[str] = field(default_factory=Counter)

    def add(self, row: "asyncpg.Record") -> None:
        self.completed += row["completed"]
        self.failed += row["failed"]
        self.retried += row["retried"]
        self.run.update(row["run"])
        self.wait.update(row["wait"])


async def read_series(
    connection: Connection,
    *,
    resolution: int,
    since: datetime,
    queue: str | None = None,
    job_type: str | None = None,
) -> list[Point]:
    """One point per bucket of `resolution` seconds from `since` until now, of one queue or type or all."""
    rollups = await read_rollup_state(connection)
    first = bucket_of(since, resolution)
    wanted = () if queue is None and job_type is None else (queue, job_type)
    # Coarser rollups are updated every minute too; without the last minute they look the same.
    until = not_rolled_up_since(rollups) if resolution == MINUTE else rollups.now
    rows = await _read_rollups(connection, resolution, first, until, *wanted)
    if resolution == MINUTE:
        rows += await _read_not_rolled_up(connection, max(until, first), rollups.now, *wanted)
    sums: dict[datetime, _Sums] = defaultdict(_Sums)
    for row in rows:
        sums[row["at"]].add(row)
    return [_point(at, sums[at]) for at in _buckets(first, rollups.now, resolution)]


async def read_queue_rates(connection: Connection) -> dict[str, float]:
    """How many jobs of each queue finished per minute, over the last five minutes; zeros are left out."""
    rollups = await read_rollup_state(connection)
    # Rollups are of whole minutes.
    since = bucket_of(rollups.now - _RATE_SPAN, MINUTE) + timedelta(seconds=MINUTE)
    rows = await connection.fetch(statement("read_queue_rates"), since, max(since, not_rolled_up_since(rollups)))
    minutes = (rollups.now - since) / timedelta(minutes=1)
    return {row["queue"]: row["count"] / minutes for row in rows if row["count"]}


async def read_queue_minutes(connection: Connection) -> dict[str, list[int]]:
    """How many jobs of each queue ended in each whole minute of the last hour; queues with none are left out."""
    end = bucket_of((await read_rollup_state(connection)).now, MINUTE)
    minutes = {at: number for number, at in enumerate(_buckets(end - _HISTORY, end, MINUTE))}
    found: dict[str, list[int]] = defaultdict(lambda: [0] * len(minutes))
    for row in await connection.fetch(statement("read_queue_minutes"), end - _HISTORY):
        if row["at"] in minutes:
            found[row["queue"]][minutes[row["at"]]] = row["count"]
    return dict(found)


def not_rolled_up_since(rollups: RollupState) -> datetime:
    """The time from which attempts themselves are read."""
    limit = bucket_of(rollups.now - _OLDEST_NOT_ROLLED_UP, MINUTE)
    return max(rollups.until or limit, limit)


async def _read_rollups(
    connection: Connection, resolution: int, since: datetime, until: datetime, *wanted: str | None
) -> list["asyncpg.Record"]:
    name = "read_rollups_of" if wanted else "read_rollups"
    return await connection.fetch(statement(name), resolution, since, until, *wanted)


async def _read_not_rolled_up(
    connection: Connection, since: datetime, until: datetime, *wanted: str | None
) -> list["asyncpg.Record"]:
    attempts = statement("ended_attempts")
    if wanted:
        attempts = statement("ended_attempts_of").format(ended_attempts=attempts)
    return await connection.fetch(
        statement("read_not_rolled_up").format(ended_attempts=attempts), since, until, *wanted
    )


def _buckets(first: datetime, end: datetime, resolution: int) -> Iterator[datetime]:
    """The starts of the buckets from `first` until before `end`."""
    while first < end:
        yield first
        first += timedelta(seconds=resolution)


def _point(at: datetime, sums: _Sums) -> Point:
    run = {int(bucket): count for bucket, count in sums.run.items()}
    wait = {int(bucket): count for bucket, count in sums.wait.items()}
    return Point(
        at=at,
        completed=sums.completed,
        failed=sums.failed,
        retries=sums.retried,
        run_p50=percentile(run, 0.5),
        run_p95=percentile(run, 0.95),
        wait_p50=percentile(wait, 0.5),
        wait_p95=percentile(wait, 0.95),
    )

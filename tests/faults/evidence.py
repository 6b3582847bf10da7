"""What is known once a scenario is over: the ledger, the executions, the faults, the record, and what Redis has."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from .executions import Execution, read_executions
from .ledger import Accepted

# What fills a table beside the jobs is no job.
_JOBS = """
SELECT id, job_id, queue, job_type, status::text, job_data AS data, result, error_message, generation, attempt,
       extract(epoch FROM completed_at)::float8 AS ended_at
FROM herdbook.jobs
WHERE job_type <> 'filler'
"""
_ATTEMPTS = """
SELECT job, generation, attempt, outcome::text, error_type, extract(epoch FROM ended_at)::float8 AS ended_at
FROM herdbook.job_attempts
ORDER BY job, generation, attempt
"""
# The faults of a process that ended, and of one that was stopped and continued.
DIED, STOPPED = "died", "stopped"
FINAL = ("completed", "failed", "cancelled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that was done to the system, in Unix seconds: to one process, or (`pid` None) to all of it.

    `settling` is how many seconds after it a job may still run again for it.
    """

    what: str
    begin: float
    end: float
    settling: float
    pid: int | None = None


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job as recorded."""

    id: UUID
    job_id: str
    queue: str
    job_type: str
    status: str
    data: Any
    result: Any
    error_message: str | None
    generation: int
    attempt: int
    ended_at: float | None


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """An attempt as recorded."""

    job: UUID
    generation: int
    attempt: int
    outcome: str
    error_type: str | None
    ended_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLeft:
    """What a queue at rest has: jobs that should not be there any more, locks, and the ends of those that are kept."""

    open: dict[str, int]
    locks: list[str]
    completed: set[str]
    failed: set[str]


@dataclass(slots=True, kw_only=True)
class Evidence:
    """All of it. `backward` is what the triggers saw, `foreign` how many jobs other programs wrote into the queues."""

    ledger: dict[UUID, Accepted]
    executions: dict[UUID, list[Execution]]
    faults: list[Fault]
    jobs: dict[UUID, JobRow]
    attempts: dict[UUID, list[AttemptRow]]
    backward: list[str]
    outbox: int
    queues: dict[str, QueueLeft]
    foreign: int = 0


def read_evidence(
    database_url: str,
    executions: Path,
    ledger: dict[UUID, Accepted],
    faults: Iterable[Fault],
    queues: dict[str, QueueLeft],
    foreign: int,
) -> Evidence:
    """The evidence; what Redis has was read before."""
    attempts: dict[UUID, list[AttemptRow]] = defaultdict(list)
    with psycopg.connect(database_url) as connection:
        with connection.cursor(row_factory=class_row(JobRow)) as cursor:
            jobs = {job.id: job for job in cursor.execute(_JOBS)}
        with connection.cursor(row_factory=class_row(AttemptRow)) as cursor:
            for attempt in cursor.execute(_ATTEMPTS):
                attempts[attempt.job].append(attempt)
        seen = connection.execute("SELECT what, before, after FROM laboratory.forbidden ORDER BY at").fetchall()
        (outbox,) = connection.execute("SELECT count(*) FROM herdbook.outbox").fetchone() or (0,)
    return Evidence(
        ledger=ledger,
        executions=read_executions(executions),
        faults=list(faults),
        jobs=jobs,
        attempts=attempts,
        backward=[f"{what}: {before} -> {after}" for what, before, after in seen],
        outbox=outbox,
        queues=queues,
        foreign=foreign,
    )


async def read_queue(client: Any, prefix: str) -> QueueLeft:
    """What a queue has; `prefix` is that of its keys."""
    lengths = {name: await client.llen(f"{prefix}{name}") for name in ("wait", "active", "paused")}
    lengths |= {name: await client.zcard(f"{prefix}{name}") for name in ("prioritized", "delayed")}
    lengths["stalled"] = await client.scard(f"{prefix}stalled")
    return QueueLeft(
        open={name: length for name, length in lengths.items() if length},
        locks=[key async for key in client.scan_iter(f"{prefix}*:lock", count=10_000)],
        completed=set(await client.zrange(f"{prefix}completed", 0, -1)),
        failed=set(await client.zrange(f"{prefix}failed", 0, -1)),
    )

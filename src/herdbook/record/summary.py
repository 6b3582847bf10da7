"""Summarises the record since a given time: jobs per type and status, finished jobs per hour, reasons of failure."""

from dataclasses import dataclass
from datetime import datetime

from herdbook.record.database import Connection
from herdbook.record.sql import statement


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeStats:
    """The jobs of one type that were created since; durations in seconds, None if no job has completed."""

    job_type: str
    total: int
    by_status: dict[str, int]
    p50: float | None
    p95: float | None
    longest: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalInHour:
    """The jobs that finished in the hour that began at `hour`."""

    hour: datetime
    completed: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """An error message, and how many failed jobs have it."""

    message: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The summary; types by name, hours in order, the newest failure first."""

    job_types: list[TypeStats]
    hours: list[FinalInHour]
    failures: list[Failures]


async def summarise_record(connection: Connection, since: datetime, job_type: str | None) -> Summary:
    """The summary since a time, of one job type or all."""
    types = await connection.fetch(statement("summarise_job_types"), since, job_type)
    hours = await connection.fetch(statement("summarise_hours"), since, job_type)
    failures = await connection.fetch(statement("summarise_failures"), since, job_type)
    return Summary(
        job_types=[TypeStats(**dict(row)) for row in types],
        hours=[FinalInHour(**dict(row)) for row in hours],
        failures=[Failures(**dict(row)) for row in failures],
    )

"""The statistics that a report of the record contains, and the type of the function that reads them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from herdbook.model.job import JobStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Durations:
    """How long completed jobs ran, in seconds."""

    p50: float
    p95: float
    max: float


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTypeStats:
    """The jobs of one type that were created in the period; `durations` is None if none has completed.

    A status missing from `by_status` means zero.
    """

    job_type: str
    total: int
    by_status: Mapping[JobStatus, int]
    durations: Durations | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HourStats:
    """The jobs that finished in one hour; `hour` is its start, with a time zone."""

    hour: datetime
    completed: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureCount:
    """An error message, and how many failed jobs have it."""

    message: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordSummary:
    """The record's statistics since a given time; hours in which no job finished may be left out.

    `failures` has the newest message first.
    """

    job_types: tuple[JobTypeStats, ...]
    hours: tuple[HourStats, ...]
    failures: tuple[FailureCount, ...]


# Called with the start of the period, and a job type or None for all.
Summarise = Callable[[datetime, str | None], Awaitable[RecordSummary]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordReader:
    """What job types in packages may read of the record."""

    summarise: Summarise

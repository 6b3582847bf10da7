"""Takes the shape in which the record's figures come.

Gives the types that a report is made from, and that of the function that finds them.
Never reads the record: the function is handed in, so that this package need not know the store.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from herdbook.model.job import JobStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Durations:
    """How long completed jobs ran, from started to completed, in seconds."""

    p50: float
    p95: float
    max: float


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTypeStats:
    """The jobs of one type that were created since; `durations` is None when none is completed.

    A status that is missing in `by_status` counts as none.
    """

    job_type: str
    total: int
    by_status: Mapping[JobStatus, int]
    durations: Durations | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HourStats:
    """The jobs that became final in one hour; `hour` is its start, with a time zone."""

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
    """The record's figures since a time; hours in which nothing became final may be left out.

    `failures` has the newest message first.
    """

    job_types: tuple[JobTypeStats, ...]
    hours: tuple[HourStats, ...]
    failures: tuple[FailureCount, ...]


# Called with the time to look back to, and a job type or None for all.
Summarise = Callable[[datetime, str | None], Awaitable[RecordSummary]]

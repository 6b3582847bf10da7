"""The report job type."""

from herdbook.builtin.report.payload import ReportPayload
from herdbook.builtin.report.reporter import Reporter
from herdbook.builtin.report.summary import (
    Durations,
    FailureCount,
    HourStats,
    JobTypeStats,
    RecordSummary,
    Summarise,
)

__all__ = [
    "Durations",
    "FailureCount",
    "HourStats",
    "JobTypeStats",
    "RecordSummary",
    "ReportPayload",
    "Reporter",
    "Summarise",
]

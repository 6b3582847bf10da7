"""Summarises the record since a given time: jobs per type and status, finished jobs per hour, reasons of failure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from herdbook.model.job import JobStatus
from herdbook.model.summary import Durations, FailureCount, HourStats, JobTypeStats, RecordSummary
from herdbook.record.database import Connection
from herdbook.record.sql import statement


async def summarise_record(connection: Connection, since: datetime, job_type: str | None) -> RecordSummary:
    """The summary since a time, of one job type or all."""
    types = await connection.fetch(statement("summarise_job_types"), since, job_type)
    hours = await connection.fetch(statement("summarise_hours"), since, job_type)
    failures = await connection.fetch(statement("summarise_failures"), since, job_type)
    return RecordSummary(
        job_types=tuple(_of_type(dict(row)) for row in types),
        hours=tuple(HourStats(**dict(row)) for row in hours),
        failures=tuple(FailureCount(**dict(row)) for row in failures),
    )


def _of_type(row: Mapping[str, Any]) -> JobTypeStats:
    durations = None
    if row["longest"] is not None:
        durations = Durations(p50=row["p50"], p95=row["p95"], max=row["longest"])
    by_status = {JobStatus(status): count for status, count in row["by_status"].items()}
    return JobTypeStats(job_type=row["job_type"], total=row["total"], by_status=by_status, durations=durations)

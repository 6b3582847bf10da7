"""Summaries of the record since a given time."""

from datetime import UTC, datetime, timedelta

from herdbook.model.summary import HourStats
from herdbook.record.database import Connection, Database
from herdbook.record.summary import summarise_record

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
INSERT = """
INSERT INTO herdbook.jobs (id, job_id, queue, job_type, status, job_data, max_attempts, error_message,
                           created_at, started_at, completed_at)
VALUES (herdbook.new_job_id(), gen_random_uuid()::text, 'q', $1, $2, '{}', 1, $3, $4, $5, $6)
"""


async def add(
    connection: Connection, job_type: str, status: str, *, ended: datetime, seconds: float = 0, error: str | None = None
) -> None:
    began = ended - timedelta(seconds=seconds)
    final = status in ("completed", "failed", "cancelled")
    await connection.execute(INSERT, job_type, status, error, began, began, ended if final else None)


async def test_jobs_are_counted_per_type_and_status_with_their_durations(database: Database) -> None:
    async with database.connection() as connection:
        for seconds in (1, 2, 3):
            await add(connection, "email", "completed", ended=NOW, seconds=seconds)
        await add(connection, "email", "pending", ended=NOW)
        await add(connection, "report", "failed", ended=NOW, error="no paper")
        await add(connection, "report", "completed", ended=NOW - timedelta(days=2), seconds=9)
        found = await summarise_record(connection, NOW - timedelta(days=1), None)
    email, report = found.job_types
    assert (email.job_type, email.total, email.by_status) == ("email", 4, {"completed": 3, "pending": 1})
    assert email.durations is not None
    assert (email.durations.p50, email.durations.max) == (2.0, 3.0)
    assert 2.8 < email.durations.p95 <= 3.0
    assert (report.job_type, report.total, report.durations) == ("report", 1, None)


async def test_finished_jobs_are_counted_per_hour(database: Database) -> None:
    async with database.connection() as connection:
        await add(connection, "email", "completed", ended=NOW)
        await add(connection, "email", "failed", ended=NOW + timedelta(minutes=20))
        await add(connection, "email", "cancelled", ended=NOW + timedelta(hours=2))
        found = await summarise_record(connection, NOW - timedelta(days=1), None)
    hour = NOW.replace(minute=0)
    assert found.hours == (
        HourStats(hour=hour, completed=1, failed=1),
        HourStats(hour=hour + timedelta(hours=2), completed=0, failed=0),
    )


async def test_the_newest_failure_comes_first_and_other_types_are_left_out(database: Database) -> None:
    async with database.connection() as connection:
        for minutes, message in enumerate(["refused", "late", "refused", "early"]):
            ended = NOW + timedelta(minutes=minutes)
            await add(connection, "email", "failed", ended=ended, error=message)
        await add(connection, "report", "failed", ended=NOW + timedelta(hours=1), error="no paper")
        found = await summarise_record(connection, NOW - timedelta(days=1), "email")
    assert [(one.message, one.count) for one in found.failures] == [("early", 1), ("refused", 2), ("late", 1)]
    assert [one.job_type for one in found.job_types] == ["email"]


async def test_an_empty_record_has_an_empty_summary(database: Database) -> None:
    async with database.connection() as connection:
        found = await summarise_record(connection, NOW, None)
    assert (found.job_types, found.hours, found.failures) == ((), (), ())

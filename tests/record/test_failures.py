"""Grouping failures."""

from datetime import UTC, datetime

import pytest

from herdbook.record.database import Database
from herdbook.record.failures import normalise_message, read_failure_groups
from tests.record.attempts import ended


async def test_failures_are_grouped_by_type_and_reason_newest_first(database: Database) -> None:
    now = datetime.now(UTC)
    for number in range(3):
        await ended(database, now, "failed", error=f"no answer from 10.0.0.{number} after {number} s")
    await ended(database, now, "failed", job_type="u", error="no answer from 10.0.0.9 after 9 s")
    newest = await ended(database, now, "failed", error="no answer from 10.0.0.7 after 7 s")
    await ended(database, now, "cancelled", error="by ada")
    await ended(database, now, "failed", job_type="v", error=None)
    async with database.connection() as connection:
        groups = await read_failure_groups(connection, 10)
        assert [(one.job_type, one.count) for one in groups] == [("v", 1), ("t", 4), ("u", 1)]
        assert (groups[1].newest, groups[1].message) == (newest, "no answer from 10.0.0.7 after 7 s")
        assert groups[0].message == ""
        assert len(await read_failure_groups(connection, 2)) == 2


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("port 5432", "port #"),
        ("took 1.5 s, 3,000 attempts at 12:30:01", "took # s, # attempts at #"),
        ("job 0199C6A1-7b1e-7000-8000-0123456789ab is gone", "job # is gone"),
        ("at 0xDEADBEEF", "at #"),
        ("commit a94f5374fce5edbc", "commit #"),
        ("a decade of facades, deadbeef", "a decade of facades, deadbeef"),
        ("", ""),
    ],
)
def test_numbers_and_ids_are_left_out_of_the_reason(message: str, reason: str) -> None:
    assert normalise_message(message) == reason

"""Reading statistics: series, rates, percentiles."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from herdbook.record.database import Database
from herdbook.record.histogram import percentile
from herdbook.record.rollups import bucket_of, write_rollups
from herdbook.record.stats import WINDOWS, Point, read_queue_minutes, read_queue_rates, read_series
from tests.record.attempts import ended


def minutes_ago(count: int) -> datetime:
    return bucket_of(datetime.now(UTC), 60) - timedelta(minutes=count)


async def series(
    database: Database, window: str = "1h", *, queue: str | None = None, job_type: str | None = None
) -> list[Point]:
    (wanted,) = [one for one in WINDOWS if one.name == window]
    since = datetime.now(UTC) - wanted.span
    async with database.connection() as connection:
        return await read_series(connection, resolution=wanted.resolution, since=since, queue=queue, job_type=job_type)


async def roll_up(database: Database, since: datetime, until: datetime) -> None:
    async with database.transaction() as connection:
        await write_rollups(connection, since, until)


def totals(points: list[Point]) -> tuple[int, int, int]:
    return (
        sum(one.completed for one in points),
        sum(one.failed for one in points),
        sum(one.retries for one in points),
    )


async def test_an_empty_record_has_a_point_for_each_bucket(database: Database) -> None:
    for wanted in WINDOWS:
        points = await series(database, wanted.name)
        whole = wanted.span // timedelta(seconds=wanted.resolution)
        assert len(points) in (whole, whole + 1)
        assert totals(points) == (0, 0, 0)
        assert {one.run_p50 for one in points} == {None}
        steps = {after.at - before.at for before, after in pairwise(points)}
        assert steps == {timedelta(seconds=wanted.resolution)}


async def test_rolled_up_and_other_attempts_are_each_counted_once(database: Database) -> None:
    rolled_up, fresh = minutes_ago(10), minutes_ago(2)
    await ended(database, rolled_up, run=100, wait=5)
    await ended(database, fresh, "failed", run=3_000)
    await ended(database, fresh, "retry", queue="other", job_type="u")
    assert totals(await series(database)) == (1, 1, 1)
    await roll_up(database, rolled_up, fresh)
    points = await series(database)
    assert totals(points) == (1, 1, 1)
    by_time = {one.at: one for one in points}
    assert by_time[rolled_up].completed == 1
    assert by_time[fresh].failed == 1
    run = by_time[rolled_up].run_p50
    assert run is not None
    assert 79 < run <= 100


async def test_attempts_that_do_not_count_are_neither_retries_nor_failures(database: Database) -> None:
    for outcome in ("snoozed", "released"):
        await ended(database, minutes_ago(2), outcome)
    assert totals(await series(database)) == (0, 0, 0)
    assert {one.run_p50 for one in await series(database)} == {None}
    async with database.connection() as connection:
        assert await read_queue_rates(connection) == {}
        assert await read_queue_minutes(connection) == {}


async def test_a_series_can_be_of_one_queue_or_type(database: Database) -> None:
    at = minutes_ago(10)
    for queue, job_type in (("a", "t"), ("a", "u"), ("b", "t")):
        await ended(database, at, queue=queue, job_type=job_type)
        await ended(database, minutes_ago(1), queue=queue, job_type=job_type)
    await roll_up(database, at, minutes_ago(5))
    assert totals(await series(database)) == (6, 0, 0)
    assert totals(await series(database, queue="a")) == (4, 0, 0)
    assert totals(await series(database, job_type="t")) == (4, 0, 0)
    assert totals(await series(database, queue="b", job_type="t")) == (2, 0, 0)
    assert totals(await series(database, queue="b", job_type="u")) == (0, 0, 0)
    assert totals(await series(database, queue="")) == (0, 0, 0)


async def test_longer_windows_are_read_from_coarser_rollups(database: Database) -> None:
    for hours in (2, 20):
        await ended(database, minutes_ago(60 * hours))
        await roll_up(database, minutes_ago(60 * hours), minutes_ago(60 * hours - 5))
    assert totals(await series(database, "1h")) == (0, 0, 0)
    assert totals(await series(database, "24h")) == (2, 0, 0)
    assert totals(await series(database, "7d", queue="q")) == (2, 0, 0)


async def test_attempts_that_are_not_rolled_up_are_read_for_fifteen_minutes(database: Database) -> None:
    await ended(database, minutes_ago(40))
    await ended(database, minutes_ago(3))
    assert totals(await series(database)) == (1, 0, 0)


async def test_rates_count_what_ended_in_the_last_five_minutes(database: Database) -> None:
    for _ in range(4):
        await ended(database, minutes_ago(3), queue="fast")
    await ended(database, datetime.now(UTC), "failed", queue="fast")
    await ended(database, minutes_ago(8), queue="slow")
    await ended(database, minutes_ago(1), "retry", queue="other")
    for rolled_up in (False, True):
        if rolled_up:
            await roll_up(database, minutes_ago(10), minutes_ago(2))
        async with database.connection() as connection:
            rates = await read_queue_rates(connection)
        assert list(rates) == ["fast"]
        assert 5 / 5 <= rates["fast"] <= 5 / 4 + 0.1


async def test_jobs_are_counted_per_queue_and_minute(database: Database) -> None:
    await ended(database, minutes_ago(10))
    await ended(database, minutes_ago(10), "failed", job_type="u")
    await roll_up(database, minutes_ago(20), minutes_ago(5))
    async with database.connection() as connection:
        minutes = await read_queue_minutes(connection)
    assert list(minutes) == ["q"]
    assert (len(minutes["q"]), sum(minutes["q"])) == (60, 2)
    assert minutes["q"].index(2) in (49, 50)


@pytest.mark.parametrize(
    ("histogram", "share", "expected"),
    [
        ({}, 0.5, None),
        ({0: 4}, 0.5, 0.5),
        ({10: 1}, 1.0, 10.0),
        ({0: 1, 30: 1}, 0.5, 1.0),
        ({20: 95, 40: 5}, 0.95, 100.0),
        ({20: 50, 40: 50}, 0.75, 7_943.28 + (10_000 - 7_943.28) / 2),
    ],
)
def test_percentiles_lie_within_their_bucket(histogram: dict[int, int], share: float, expected: float | None) -> None:
    found = percentile(histogram, share)
    assert found == (None if expected is None else pytest.approx(expected, rel=1e-4))

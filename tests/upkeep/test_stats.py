"""Rolling up ended attempts."""

from datetime import UTC, datetime, timedelta
from typing import Any

from herdbook.record.database import Database
from herdbook.record.locks import try_lock
from herdbook.record.rollups import bucket_of
from herdbook.testing import eventually
from herdbook.upkeep.stats import StatsRollup
from tests.record.attempts import ended


def minutes_ago(count: int) -> datetime:
    """The start of the minute `count` minutes ago."""
    return bucket_of(datetime.now(UTC), 60) - timedelta(minutes=count)


async def roll_up(database: Database, roller: StatsRollup | None = None) -> None:
    """Run rounds until everything due is rolled up."""
    roller = roller or StatsRollup(database)
    while not await roller.round():
        pass


async def rollups(database: Database, resolution: int, queue: str = "") -> dict[datetime, tuple[Any, ...]]:
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT * FROM herdbook.figures WHERE resolution = $1 AND queue = $2", resolution, queue
        )
    return {row["at"]: (row["completed"], row["retried"], row["failed"], row["run"], row["wait"]) for row in rows}


async def test_each_minute_is_rolled_up_by_queue_and_for_all(database: Database) -> None:
    at = minutes_ago(10)
    await ended(database, at, run=100, wait=0)
    await ended(database, at + timedelta(seconds=59), "failed", run=101, wait=1_000)
    await ended(database, at + timedelta(seconds=60), "retry", queue="other", run=100, wait=None)
    await ended(database, at, "cancelled")
    await roll_up(database)
    later = at + timedelta(minutes=1)
    assert await rollups(database, 60, "q") == {at: (1, 0, 1, {"20": 1, "21": 1}, {"0": 1, "30": 1})}
    assert await rollups(database, 60, "other") == {later: (0, 1, 0, {"20": 1}, {})}
    assert set(await rollups(database, 60)) == {at, later}


async def test_attempts_that_do_not_count_are_not_rolled_up(database: Database) -> None:
    at = minutes_ago(10)
    for outcome in ("snoozed", "released"):
        await ended(database, at, outcome)
    await roll_up(database)
    assert await rollups(database, 60) == {}
    await ended(database, at)
    await roll_up(database)
    assert [one[:3] for one in (await rollups(database, 60)).values()] == [(1, 0, 0)]


async def test_coarser_rollups_are_the_sums_of_finer_ones(database: Database) -> None:
    for count in (200, 190, 180, 30, 20, 10):
        await ended(database, minutes_ago(count), wait=count)
        await ended(database, minutes_ago(count), "failed", queue="other")
    await roll_up(database)
    for resolution in (60, 900, 7_200):
        found = await rollups(database, resolution)
        assert (sum(one[0] for one in found.values()), sum(one[2] for one in found.values())) == (6, 6)
        assert sum(sum(one[3].values()) for one in found.values()) == 12
        assert all(bucket_of(at, resolution) == at for at in found)


def newest_due() -> datetime:
    """The newest minute that ended long enough ago to be rolled up."""
    return bucket_of(datetime.now(UTC) - timedelta(seconds=5), 60) - timedelta(minutes=1)


async def test_rolling_up_again_only_adds_late_commits(database: Database) -> None:
    roller = StatsRollup(database)
    last = newest_due()
    await ended(database, last)
    await roll_up(database, roller)
    while last != newest_due():
        # A minute has passed in the meantime.
        last = newest_due()
        await ended(database, last)
        await roll_up(database, roller)
    once = [await rollups(database, resolution) for resolution in (60, 900, 7_200)]
    await roll_up(database, roller)
    await roll_up(database)
    assert [await rollups(database, resolution) for resolution in (60, 900, 7_200)] == once
    await ended(database, last)
    await roll_up(database, roller)
    assert (await rollups(database, 60))[last][0] == once[0][last][0] + 1


async def test_the_current_minute_is_left_alone(database: Database) -> None:
    await ended(database, datetime.now(UTC))
    before = minutes_ago(0)
    await roll_up(database)
    if minutes_ago(0) == before:
        assert await rollups(database, 60) == {}


async def test_attempts_older_than_a_day_are_not_rolled_up(database: Database) -> None:
    await ended(database, minutes_ago(25 * 60))
    recent = minutes_ago(23 * 60)
    await ended(database, recent)
    await roll_up(database)
    assert list(await rollups(database, 60)) == [recent]


async def test_old_rollups_are_pruned(database: Database) -> None:
    async with database.connection() as connection:
        await connection.execute(
            """
            INSERT INTO herdbook.figures
            SELECT resolution, now() - age, '', '', 1, 0, 0, '{}', '{}'
            FROM (VALUES (60, interval '47 hours'), (60, '49 hours'), (900, '13 days'), (900, '15 days'),
                         (7200, '89 days'), (7200, '91 days')) AS old (resolution, age)
            """
        )
    await roll_up(database)
    assert [len(await rollups(database, resolution)) for resolution in (60, 900, 7_200)] == [1, 1, 1]


async def test_only_one_process_rolls_up_at_a_time(database: Database) -> None:
    await ended(database, minutes_ago(5))
    async with database.transaction() as connection:
        assert await try_lock(connection, "figures")
        assert await StatsRollup(database).round() > 0
        assert await rollups(database, 60) == {}
    await roll_up(database)
    assert len(await rollups(database, 60)) == 1


async def test_the_service_rolls_up_by_itself(database: Database) -> None:
    await ended(database, minutes_ago(5))
    roller = StatsRollup(database)
    roller.start()

    async def rolled_up() -> bool:
        return len(await rollups(database, 60)) == 1

    await eventually(rolled_up)
    await roller.stop()

"""Rolls ended attempts up into counts and histograms per minute, and those into coarser buckets.

Rolling a range up again replaces what it had, so nothing is counted twice.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from herdbook.record.database import Connection
from herdbook.record.sql import statement

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE = 60
# Each resolution of the rollups in seconds, and the finer one it is built from.
COARSER = ((900, 60), (7_200, 900))
# How long rollups of each resolution are kept: at least twice the span of the widest chart built from them.
KEPT = {60: timedelta(days=2), 900: timedelta(days=14), 7_200: timedelta(days=90)}


@dataclass(frozen=True, slots=True, kw_only=True)
class RollupState:
    """The server's time, and the end of the newest minute that is rolled up; None if none is."""

    now: datetime
    until: datetime | None


def bucket_of(at: datetime, resolution: int) -> datetime:
    """The start of the bucket of `resolution` seconds that contains `at`."""
    return at - (at - _EPOCH) % timedelta(seconds=resolution)


async def write_rollups(connection: Connection, since: datetime, until: datetime) -> None:
    """Roll up the attempts that ended in the whole minutes from `since` until `until`, at all resolutions."""
    attempts = statement("roll_up_attempts").format(ended_attempts=statement("ended_attempts"))
    await connection.execute(attempts, since, until)
    for resolution, finer in COARSER:
        await connection.execute(
            statement("coarsen_rollups"),
            finer,
            resolution,
            bucket_of(since, resolution),
            bucket_of(until, resolution) + timedelta(seconds=resolution),
        )


async def prune_rollups(connection: Connection, now: datetime) -> None:
    """Delete rollups past their retention."""
    for resolution, age in KEPT.items():
        await connection.execute(statement("prune_rollups"), resolution, now - age)


async def read_rollup_state(connection: Connection) -> RollupState:
    """How far the attempts are rolled up."""
    row = await connection.fetchrow(statement("read_rollup_state"))
    assert row is not None
    return RollupState(now=row["now"], until=row["until"])

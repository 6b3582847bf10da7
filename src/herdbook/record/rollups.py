"""Takes the attempts that ended, and a range of time.

Gives figures of it: per minute first, and coarser ones out of the finer.
Never counts anything twice: rolling a range again replaces what it had.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from herdbook.record.database import Connection
from herdbook.record.sql import statement

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE = 60
# Each resolution of the figures in seconds, and the one that it is rolled out of.
COARSER = ((900, 60), (7_200, 900))
# How long figures of each resolution are kept: twice as long as the widest chart made of them, or more.
KEPT = {60: timedelta(days=2), 900: timedelta(days=14), 7_200: timedelta(days=90)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rolled:
    """The server's time, and the end of the newest minute that is rolled; None when none is."""

    now: datetime
    until: datetime | None


def bucket_of(at: datetime, resolution: int) -> datetime:
    """The beginning of the bucket of `resolution` seconds that `at` lies in."""
    return at - (at - _EPOCH) % timedelta(seconds=resolution)


async def roll_figures(connection: Connection, since: datetime, until: datetime) -> None:
    """Roll the attempts that ended in the whole minutes between the two, at all resolutions."""
    attempts = statement("roll_attempts").format(ended_attempts=statement("ended_attempts"))
    await connection.execute(attempts, since, until)
    for resolution, finer in COARSER:
        await connection.execute(
            statement("roll_figures"),
            finer,
            resolution,
            bucket_of(since, resolution),
            bucket_of(until, resolution) + timedelta(seconds=resolution),
        )


async def prune_figures(connection: Connection, now: datetime) -> None:
    """Forget figures that are too old to be of use."""
    for resolution, age in KEPT.items():
        await connection.execute(statement("prune_figures"), resolution, now - age)


async def read_rolled(connection: Connection) -> Rolled:
    """How far the attempts are rolled."""
    row = await connection.fetchrow(statement("read_rolled"))
    assert row is not None
    return Rolled(now=row["now"], until=row["until"])

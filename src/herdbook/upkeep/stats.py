"""Rolls ended attempts up into statistics, each minute a few seconds after its end.

The current minute must never be rolled up.
"""

from datetime import datetime, timedelta

from herdbook.record.database import Database
from herdbook.record.locks import try_lock
from herdbook.record.rollups import MINUTE, RollupState, bucket_of, prune_rollups, read_rollup_state, write_rollups
from herdbook.service import Service

# An attempt's end is the time at which the transaction that records it began. A minute is rolled up this long after
# its end, and once more together with the next.
_LATE = timedelta(seconds=5)
_MINUTE = timedelta(seconds=MINUTE)
# Attempts older than this are no longer rolled up.
_REACH = timedelta(days=1)
# How much one transaction rolls up when there is a backlog.
_CHUNK = timedelta(minutes=10)


class StatsRollup(Service):
    """Rolls ended attempts up; of several processes, only one does so at a time."""

    name = "stats"

    def __init__(self, database: Database) -> None:
        super().__init__()
        self._database = database
        # Minutes in which nothing ended leave no rows, so the record alone does not show how far we are.
        self._until: datetime | None = None

    async def round(self) -> float:
        """Roll up at most one chunk of what is due; returns the seconds until the next minute is due."""
        async with self._database.transaction() as connection:
            rollups = await read_rollup_state(connection)
            due = bucket_of(rollups.now - _LATE, MINUTE)
            until = due
            if await try_lock(connection, "figures"):
                since = self._since(rollups)
                until = min(since + _CHUNK, due)
                await write_rollups(connection, since, until)
                await prune_rollups(connection, rollups.now)
                self._until = until
        return 0 if until < due else (due + _MINUTE + _LATE - rollups.now).total_seconds()

    def _since(self, rollups: RollupState) -> datetime:
        """The first minute to roll up: the last one that already is, to include attempts that were committed late."""
        known = [until - _MINUTE for until in (self._until, rollups.until) if until is not None]
        return max([bucket_of(rollups.now - _REACH, MINUTE), *known])

"""Takes attempts as they end.

Gives figures of each minute soon after it is over, and of minutes that nobody rolled in time.
Never rolls a minute that still runs.
"""

from datetime import datetime, timedelta

from herdbook.record.database import Record
from herdbook.record.locks import try_lock
from herdbook.record.rollups import MINUTE, Rolled, bucket_of, prune_figures, read_rolled, roll_figures
from herdbook.service import Service

# Attempts carry the time when the transaction that records them began. A minute is rolled so many
# seconds after its end, and once more with the next.
_LATE = timedelta(seconds=5)
_MINUTE = timedelta(seconds=MINUTE)
# Attempts longer ago are not rolled any more.
_REACH = timedelta(days=1)
# What one transaction rolls when there is much to catch up with.
_CHUNK = timedelta(minutes=10)


class FigureRoller(Service):
    """Rolls ended attempts into figures; of several rollers, one at a time does it."""

    name = "figures"

    def __init__(self, record: Record) -> None:
        super().__init__()
        self._record = record
        # Minutes in which nothing ended leave no figures, so the record alone does not tell how far we are.
        self._until: datetime | None = None

    async def round(self) -> float:
        """Roll what is due, at most one chunk of it; returns the seconds until a minute is due."""
        async with self._record.transaction() as connection:
            rolled = await read_rolled(connection)
            due = bucket_of(rolled.now - _LATE, MINUTE)
            until = due
            if await try_lock(connection, "figures"):
                since = self._since(rolled)
                until = min(since + _CHUNK, due)
                await roll_figures(connection, since, until)
                await prune_figures(connection, rolled.now)
                self._until = until
        return 0 if until < due else (due + _MINUTE + _LATE - rolled.now).total_seconds()

    def _since(self, rolled: Rolled) -> datetime:
        """The first minute to roll: the last one that is rolled already, for what was committed late."""
        known = [until - _MINUTE for until in (self._until, rolled.until) if until is not None]
        return max([bucket_of(rolled.now - _REACH, MINUTE), *known])

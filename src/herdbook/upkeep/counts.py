"""Takes the changes of the jobs' counts as they gather.

Gives them to the counts every few seconds.
Never falls behind: one round folds all there are.
"""

from herdbook.record.counts import fold_counts
from herdbook.record.database import Database
from herdbook.service import Service

# Seconds between two rounds. What has gathered is read with the counts, so it may be a few thousand rows.
_PAUSE = 3.0


class CountFolder(Service):
    """Folds changes of counts; any number of folders may run side by side."""

    name = "counts"

    def __init__(self, database: Database) -> None:
        super().__init__()
        self._database = database

    async def round(self) -> float:
        """Fold once."""
        async with self._database.transaction() as connection:
            await fold_counts(connection)
        return _PAUSE

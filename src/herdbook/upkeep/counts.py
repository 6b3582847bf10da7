"""Folds changes into the job counts every few seconds."""

from herdbook.record.counts import fold_counts
from herdbook.record.database import Database
from herdbook.service import Service

# Seconds between two rounds. Reading the counts includes the changes, so a few thousand of them may accumulate.
_PAUSE = 3.0


class CountFolder(Service):
    """Folds changes into the counts; any number of folders may run side by side."""

    name = "counts"

    def __init__(self, database: Database) -> None:
        super().__init__()
        self._database = database

    async def round(self) -> float:
        """Fold all changes."""
        async with self._database.transaction() as connection:
            await fold_counts(connection)
        return _PAUSE

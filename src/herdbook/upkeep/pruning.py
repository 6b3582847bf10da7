"""Deletes bulk operations a week after they finished.

Jobs are never pruned.
"""

from datetime import timedelta

from herdbook.record.database import Database
from herdbook.record.operations import prune_operations
from herdbook.service import Service

_KEPT = timedelta(days=7)
# Seconds between two rounds.
_PAUSE = 3_600.0


class OperationPruner(Service):
    """Deletes old operations; any number of pruners may run side by side."""

    name = "pruning"

    def __init__(self, database: Database) -> None:
        super().__init__()
        self._database = database

    async def round(self) -> float:
        """Delete operations past their retention."""
        async with self._database.connection() as connection:
            await prune_operations(connection, _KEPT)
        return _PAUSE

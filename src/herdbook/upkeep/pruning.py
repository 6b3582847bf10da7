"""Deletes bulk operations a week after they finished, and workers that vanished a day ago.

Jobs are never pruned.
"""

from datetime import timedelta

from herdbook.record.database import Database
from herdbook.record.operations import prune_operations
from herdbook.record.workers import prune_workers
from herdbook.service import Service

_OPERATIONS_KEPT = timedelta(days=7)
# As long as a vanished worker is listed.
_WORKERS_KEPT = timedelta(days=1)
# Seconds between two rounds.
_PAUSE = 3_600.0


class Pruner(Service):
    """Deletes old operations and workers; any number of pruners may run side by side."""

    name = "pruning"

    def __init__(self, database: Database) -> None:
        super().__init__()
        self._database = database

    async def round(self) -> float:
        """Delete what is past its retention."""
        async with self._database.connection() as connection:
            await prune_operations(connection, _OPERATIONS_KEPT)
            await prune_workers(connection, _WORKERS_KEPT)
        return _PAUSE

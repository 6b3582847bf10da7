"""Takes operations that ended.

Gives them a week in which they can be looked up.
Never forgets a job, nor an operation that is under way.
"""

from datetime import timedelta

from herdbook.record.database import Database
from herdbook.record.operations import prune_operations
from herdbook.service import Service

_KEPT = timedelta(days=7)
# Seconds between two rounds.
_PAUSE = 3_600.0


class OperationPruner(Service):
    """Forgets old operations; any number of pruners may run side by side."""

    name = "pruning"

    def __init__(self, database: Database) -> None:
        super().__init__()
        self._database = database

    async def round(self) -> float:
        """Forget what is old enough."""
        async with self._database.connection() as connection:
            await prune_operations(connection, _KEPT)
        return _PAUSE

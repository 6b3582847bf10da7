"""Settles cancellations of jobs that stopped running before their worker saw the request.

Jobs waiting for another attempt are cancelled; all other requests are dropped.
"""

from herdbook.record.cancellations import take_ended_cancellations
from herdbook.record.changes import cancel_jobs_if_pending
from herdbook.record.database import Database
from herdbook.service import Service

# Seconds between two rounds.
_PAUSE = 1.0


class CancellationSettler(Service):
    """Settles cancellations that no worker can; any number of settlers may run side by side."""

    name = "cancellations"

    def __init__(self, database: Database) -> None:
        super().__init__()
        self._database = database

    async def round(self) -> float:
        """Settle all that are due."""
        async with self._database.transaction() as connection:
            for job, reason in await take_ended_cancellations(connection):
                await cancel_jobs_if_pending(connection, [job], reason)
        return _PAUSE

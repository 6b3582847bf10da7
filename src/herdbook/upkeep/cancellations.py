"""Takes cancellations of jobs that ran when they were asked for, and run no more.

Gives those that wait for another try their end, and forgets the others.
Never stops a job that runs: its worker does.
"""

from herdbook.record.cancellations import take_ended_cancellations
from herdbook.record.changes import cancel_jobs_if_pending
from herdbook.record.database import Database
from herdbook.service import Service

# Seconds between two looks.
_LOOK = 1.0


class CancellationSettler(Service):
    """Settles cancellations that no worker can; any number of settlers may run side by side."""

    name = "cancellations"

    def __init__(self, database: Database) -> None:
        super().__init__()
        self._database = database

    async def round(self) -> float:
        """Settle what there is."""
        async with self._database.transaction() as connection:
            for job, reason in await take_ended_cancellations(connection):
                await cancel_jobs_if_pending(connection, [job], reason)
        return _LOOK

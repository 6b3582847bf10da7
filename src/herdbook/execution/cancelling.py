"""Stops the running jobs of a worker that operators have cancelled.

It records nothing: a stopped job ends like any other, as cancelled.
"""

from collections.abc import Sequence

from herdbook.execution.executor import Executor
from herdbook.record.cancellations import read_cancellations_of_worker
from herdbook.record.database import Database
from herdbook.service import Service

# Seconds between two looks; a cancelled job is told within so long.
_LOOK = 1.0


class CancelWatch(Service):
    """Looks for running jobs of one worker that are not wanted any more."""

    name = "cancellations"

    def __init__(self, database: Database, worker: str, executors: Sequence[Executor]) -> None:
        super().__init__()
        self._database = database
        self._worker = worker
        self._executors = executors

    async def round(self) -> float:
        """Look once, if anything runs."""
        if any(executor.capacity.held for executor in self._executors):
            async with self._database.connection() as connection:
                wanted = await read_cancellations_of_worker(connection, self._worker)
            for executor in self._executors:
                executor.cancel({(one.job, one.generation): one.reason for one in wanted})
        return _LOOK

"""Carries out bulk operations, one batch per transaction.

A crash undoes at most one batch, and the next runner repeats it.
"""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from herdbook.operating.control import NO_REASON, Changes, Control, OperationAction, change_jobs
from herdbook.record.database import Connection, Database
from herdbook.record.operations import Operation, advance_operation, take_operation
from herdbook.record.search import IdSlice, JobFilter, search_job_ids
from herdbook.service import Service

# Jobs per transaction.
_BATCH = 500
# Seconds between two checks for new operations.
_POLL_INTERVAL = 0.5
# Refused jobs that an operation lists.
_MAX_PROBLEMS = 20


class OperationRunner(Service):
    """Carries out operations; any number of runners may run side by side."""

    name = "operations"

    def __init__(self, database: Database, control: Control) -> None:
        super().__init__()
        self._database = database
        self._control = control

    async def round(self) -> float:
        """Process one batch of one operation."""
        async with self._database.transaction() as connection:
            operation = await take_operation(connection)
            if operation is None:
                return _POLL_INTERVAL
            changes = await _process_batch(connection, operation)
        if operation.action is OperationAction.DELETE:
            await self._control.forget_artifacts(changes.changed)
        return 0


async def _process_batch(connection: Connection, operation: Operation) -> Changes:
    batch = await _next_ids(connection, operation)
    changes = await change_jobs(connection, operation.action, batch.ids, operation.reason or NO_REASON)
    room = max(0, _MAX_PROBLEMS - len(operation.problems))
    await advance_operation(
        connection,
        operation,
        cursor=batch.next,
        changed=len(changes.changed) + len(changes.asked),
        skipped=len(changes.refused),
        problems=dict(list(changes.refused.items())[:room]),
    )
    return changes


async def _next_ids(connection: Connection, operation: Operation) -> IdSlice:
    """The operation's next jobs, newest first."""
    if isinstance(operation.wanted, JobFilter):
        # A search starts below an id, and the newest job must be included.
        before = operation.cursor or UUID(int=operation.newest.int + 1)
        return await search_job_ids(connection, replace(operation.wanted, before=before, limit=_BATCH))
    return _slice(sorted(operation.wanted, reverse=True), operation.cursor)


def _slice(ids: Sequence[UUID], cursor: UUID | None) -> IdSlice:
    left = [id for id in ids if cursor is None or id < cursor]
    return IdSlice(ids=left[:_BATCH], next=left[_BATCH - 1] if len(left) > _BATCH else None)

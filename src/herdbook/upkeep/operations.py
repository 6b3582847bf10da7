"""Takes open operations.

Gives each its next jobs, one batch and one transaction at a time, until it is finished.
Never loses its place: a crash undoes one batch, and whoever comes next does it again.
"""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from herdbook.operating.control import NO_REASON, Changes, Control, OperationAction, change_jobs
from herdbook.record.database import Connection, Database
from herdbook.record.operations import Operation, advance_operation, take_operation
from herdbook.record.search import IdSlice, JobFilter, search_job_ids
from herdbook.service import Service

# Jobs of one transaction.
_BATCH = 500
# Seconds between looks for new operations.
_POLL = 0.5
# Refused jobs that an operation names.
_NAMED = 20


class OperationRunner(Service):
    """Carries out operations; any number of runners may run side by side."""

    name = "operations"

    def __init__(self, database: Database, control: Control) -> None:
        super().__init__()
        self._database = database
        self._control = control

    async def round(self) -> float:
        """Do one batch of one operation."""
        async with self._database.transaction() as connection:
            operation = await take_operation(connection)
            if operation is None:
                return _POLL
            changes = await _do_batch(connection, operation)
        if operation.action is OperationAction.DELETE:
            await self._control.forget_artifacts(changes.changed)
        return 0


async def _do_batch(connection: Connection, operation: Operation) -> Changes:
    batch = await _next_ids(connection, operation)
    changes = await change_jobs(connection, operation.action, batch.ids, operation.reason or NO_REASON)
    room = max(0, _NAMED - len(operation.problems))
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
        # A search begins before an id, and the newest job is wanted too.
        before = operation.cursor or UUID(int=operation.newest.int + 1)
        return await search_job_ids(connection, replace(operation.wanted, before=before, limit=_BATCH))
    return _slice(sorted(operation.wanted, reverse=True), operation.cursor)


def _slice(ids: Sequence[UUID], cursor: UUID | None) -> IdSlice:
    left = [id for id in ids if cursor is None or id < cursor]
    return IdSlice(ids=left[:_BATCH], next=left[_BATCH - 1] if len(left) > _BATCH else None)

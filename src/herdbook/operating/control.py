"""Operators' actions on jobs and queues, written to the record and its outbox.

Nothing here talks to the queue or stops a running job: the relay and the job's worker do.
"""

import asyncio
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from uuid import UUID

from herdbook.model.artifacts import ArtifactStore
from herdbook.model.job import JobStatus
from herdbook.record.cancellations import ask_cancellations_if_running
from herdbook.record.changes import (
    cancel_jobs_if_pending,
    clean_queue,
    delete_jobs_if_over,
    promote_jobs_if_scheduled,
    read_statuses,
    retry_jobs_if_over,
    set_queue_paused,
)
from herdbook.record.database import Connection, Database
from herdbook.record.operations import Operation, OperationAction, insert_operation, read_operation, read_operations
from herdbook.record.search import JobCount, JobFilter, count_jobs

__all__ = ["Changes", "Control", "Operation", "OperationAction", "change_jobs"]

NO_REASON = "cancelled by an operator"
# Seconds between two reads of a job whose worker was asked to stop it.
_POLL_INTERVAL = 0.1
_UNKNOWN = "the record has no such job"
# Why an action is refused, if the status alone does not explain it.
_REFUSALS = {
    (OperationAction.RETRY, JobStatus.PENDING): "is already pending",
    (OperationAction.PROMOTE, JobStatus.PENDING): "is not waiting for a time",
    (OperationAction.DELETE, JobStatus.PENDING): "is pending: cancel it first",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """The result of an action: jobs that changed, jobs whose workers were asked, and why others did not change."""

    changed: list[UUID]
    refused: dict[UUID, str]
    asked: list[UUID] = field(default_factory=list)


class Control:
    """What an operator can do to jobs and queues. All methods raise RecordUnavailableError."""

    def __init__(self, database: Database, artifacts: ArtifactStore) -> None:
        self._database = database
        self._artifacts = artifacts

    async def retry(self, ids: Sequence[UUID]) -> Changes:
        """Make failed and cancelled jobs pending again; their earlier attempts and logs stay."""
        return await self._change(OperationAction.RETRY, ids)

    async def cancel(self, ids: Sequence[UUID], reason: str = NO_REASON) -> Changes:
        """Cancel jobs that are not finished; `reason` is recorded as their error.

        In a BullMQ flow, a cancelled job has failed.
        The workers of running jobs are asked to stop them; they check about once a second.
        """
        return await self._change(OperationAction.CANCEL, ids, reason)

    async def cancel_and_wait(self, id: UUID, reason: str = NO_REASON, *, timeout: float) -> Changes:
        """Cancel a job, and wait up to `timeout` seconds until it was cancelled or finished by itself."""
        changes = await self.cancel([id], reason)
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while changes.asked:
                    await asyncio.sleep(_POLL_INTERVAL)
                    changes = await self._cancellation_result(id, reason, changes)
        return changes

    async def _cancellation_result(self, id: UUID, reason: str, asked: Changes) -> Changes:
        """The result so far of a cancellation that a worker was asked for."""
        async with self._database.connection() as connection:
            status = (await read_statuses(connection, [id])).get(id)
        match status:
            case JobStatus.PROCESSING:
                return asked
            case JobStatus.CANCELLED:
                return Changes(changed=[id], refused={})
            case JobStatus.PENDING:
                return await self.cancel([id], reason)
            case _:
                return Changes(changed=[], refused={id: _refusal(OperationAction.CANCEL, status)})

    async def promote(self, ids: Sequence[UUID]) -> Changes:
        """Make jobs that wait for a time or for their next attempt due at once."""
        return await self._change(OperationAction.PROMOTE, ids)

    async def delete(self, ids: Sequence[UUID]) -> Changes:
        """Delete finished jobs with everything stored about them.

        The queue keeps another client's job for as long as a BullMQ flow depends on it.
        """
        changes = await self._change(OperationAction.DELETE, ids)
        await self.forget_artifacts(changes.changed)
        return changes

    async def forget_artifacts(self, ids: Collection[UUID]) -> None:
        """Delete the artifacts of deleted jobs."""
        await asyncio.to_thread(self._forget_artifacts, ids)

    async def pause(self, queue: str) -> None:
        """Stop workers from taking jobs from the queue; running jobs continue."""
        async with self._database.connection() as connection:
            await set_queue_paused(connection, queue, True)

    async def resume(self, queue: str) -> None:
        """Let workers take jobs from the queue again, whoever paused it."""
        async with self._database.connection() as connection:
            await set_queue_paused(connection, queue, False)

    async def clean(self, queue: str) -> None:
        """Remove the completed jobs from the queue; the record keeps them."""
        async with self._database.connection() as connection:
            await clean_queue(connection, queue)

    async def count(self, action: OperationAction, wanted: JobFilter | Sequence[UUID]) -> JobCount:
        """How many jobs an operation would process."""
        async with self._database.connection() as connection:
            return await _count(connection, _narrowed(action, wanted))

    async def begin(
        self, action: OperationAction, wanted: JobFilter | Sequence[UUID], reason: str | None = None
    ) -> Operation:
        """Begin an action on many jobs; a relay process carries it out. Jobs published later are not affected.

        `reason` is recorded as the error of cancelled jobs.
        """
        wanted = _narrowed(action, wanted)
        async with self._database.transaction() as connection:
            expected = (await _count(connection, wanted)).number
            return await insert_operation(connection, action, wanted, expected, reason)

    async def operation(self, id: UUID) -> Operation:
        """An operation with its progress; raises OperationNotFoundError."""
        async with self._database.connection() as connection:
            return await read_operation(connection, id)

    async def operations(self, limit: int = 50) -> list[Operation]:
        """The newest operations."""
        async with self._database.connection() as connection:
            return await read_operations(connection, limit)

    def _forget_artifacts(self, ids: Collection[UUID]) -> None:
        for id in ids:
            self._artifacts.remove(id)

    async def _change(self, action: OperationAction, ids: Sequence[UUID], reason: str = NO_REASON) -> Changes:
        async with self._database.transaction() as connection:
            return await change_jobs(connection, action, ids, reason)


async def change_jobs(
    connection: Connection, action: OperationAction, ids: Sequence[UUID], reason: str = NO_REASON
) -> Changes:
    """Apply the action to jobs in this transaction; the workers of running jobs are only asked to cancel them.

    Artifacts of deleted jobs are left to `Control.forget_artifacts`.
    """
    asked: set[UUID] = set()
    match action:
        case OperationAction.RETRY:
            changed = await retry_jobs_if_over(connection, ids)
        case OperationAction.CANCEL:
            changed = await cancel_jobs_if_pending(connection, ids, reason)
            running = [id for id in ids if id not in changed]
            asked = await ask_cancellations_if_running(connection, running, reason) if running else asked
        case OperationAction.PROMOTE:
            changed = await promote_jobs_if_scheduled(connection, ids)
        case OperationAction.DELETE:
            changed = await delete_jobs_if_over(connection, ids)
    done = changed | asked
    left = [id for id in ids if id not in done]
    statuses = await read_statuses(connection, left) if left else {}
    return Changes(
        changed=[id for id in dict.fromkeys(ids) if id in changed],
        refused={id: _refusal(action, statuses.get(id)) for id in left},
        asked=[id for id in dict.fromkeys(ids) if id in asked],
    )


def _refusal(action: OperationAction, status: JobStatus | None) -> str:
    """Why a job did not change, as the predicate of a sentence about the job."""
    if status is None:
        return _UNKNOWN
    if status is JobStatus.PROCESSING:
        return "is running"
    return _REFUSALS.get((action, status), f"is {status}")


def _narrowed(action: OperationAction, wanted: JobFilter | Sequence[UUID]) -> JobFilter | Sequence[UUID]:
    """The jobs to process: each one in a list once, and of a filter's only those that the action can change."""
    if not isinstance(wanted, JobFilter):
        return list(dict.fromkeys(wanted))
    match action:
        case OperationAction.PROMOTE:
            return replace(wanted, scheduled=True)
        case OperationAction.CANCEL if wanted.status is None:
            return replace(wanted, status=JobStatus.PENDING)
        case _:
            return wanted


async def _count(connection: Connection, wanted: JobFilter | Sequence[UUID]) -> JobCount:
    if isinstance(wanted, JobFilter):
        return await count_jobs(connection, wanted)
    return JobCount(number=len(wanted), is_exact=True)

"""Delivers the outbox to the BullMQ queues: new jobs and operators' actions.

An entry never leaves the outbox before it is delivered; delivering one again after a crash changes nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress

import asyncpg

from herdbook.crash_points import crash_point
from herdbook.model.job import JobStatus
from herdbook.observe.events import NULL_OBSERVER, Observer
from herdbook.queue.adds import QueuedJob, QueueWriter
from herdbook.queue.changes import GONE, Clean, Pause, Promote, QueueAction, QueueChanger, Remove, Reopen, Resume
from herdbook.queue.connection import QueueClient
from herdbook.queue.external_jobs import id_in_queue, is_ours
from herdbook.record.changes import lock_job_in_queue, read_queue_paused, replace_queue_id_if_pending
from herdbook.record.database import Connection, Database, raises_record_unavailable
from herdbook.record.outbox import (
    OutboxAction,
    OutboxEntry,
    PendingJob,
    Refusal,
    next_outbox_due,
    postpone_outbox,
    take_outbox,
)
from herdbook.service import Service, log, pause_after

# Entries per transaction.
_BATCH = 500
# Seconds between reads of the outbox when no notification arrives, so a lost one costs no more than that.
_POLL_INTERVAL = 1.0


class Relay(Service):
    """Delivers jobs and actions from the record to the queues; any number of relays may run side by side."""

    name = "relay"

    def __init__(
        self, database: Database, client: QueueClient, *, prefix: str, observer: Observer = NULL_OBSERVER
    ) -> None:
        super().__init__()
        self._database = database
        self._writer = QueueWriter(client, prefix=prefix)
        self._changer = QueueChanger(client, prefix=prefix)
        self._observer = observer
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None

    async def round(self) -> float:
        """Deliver one batch."""
        connection = await self._connected()
        with raises_record_unavailable():
            async with connection.transaction():
                entries = await take_outbox(connection, _BATCH)
                refusals = await self._deliver(connection, entries)
                if refusals:
                    await postpone_outbox(connection, refusals)
                due = await next_outbox_due(connection) if not entries else None
                if entries:
                    crash_point("added")
        if entries:
            crash_point("relayed")
            self._observer.relayed(len(entries))
        if len(entries) == _BATCH:
            return 0
        return _POLL_INTERVAL if due is None else min(max(due, 0.01), _POLL_INTERVAL)

    async def stop(self, deadline: float = 5.0) -> None:
        """End the loop and close its connection."""
        await super().stop(deadline)
        if self._connection is not None:
            with suppress(Exception):
                await self._connection.close(timeout=1)

    async def _connected(self) -> Connection:
        """The relay's own connection, replaced if lost; a commit that adds to the outbox wakes the relay through it."""
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._database.outbox_connection()
            with raises_record_unavailable():
                await self._connection.add_listener("herdbook_outbox", lambda *_: self.wake())
        return self._connection

    async def _deliver(self, connection: Connection, entries: Sequence[OutboxEntry]) -> list[Refusal]:
        """Deliver the entries to their queues; returns those that were refused.

        Pauses come first, so that no worker takes a job of a queue that is to be paused; then jobs, then what is to be
        done to jobs.
        """
        pauses = [entry for entry in entries if entry.action is OutboxAction.PAUSE]
        refusals = await self._apply(connection, pauses)
        refusals += await self._add(entries)
        refused = {refusal.entry.id for refusal in refusals}
        others = [
            entry
            for entry in entries
            if entry.action is not OutboxAction.PAUSE
            and (entry.action is not OutboxAction.ADD or _reopens(entry))
            and entry.id not in refused
        ]
        return refusals + await self._apply(connection, others)

    async def _apply(self, connection: Connection, entries: Sequence[OutboxEntry]) -> list[Refusal]:
        """Have the queues carry out actions; returns those that were refused."""
        by_queue: dict[str, list[tuple[OutboxEntry, QueueAction]]] = defaultdict(list)
        for entry in entries:
            change = await _change(connection, entry)
            if change is not None:
                by_queue[_queue(entry)].append((entry, change))
        refusals: list[Refusal] = []
        for queue, batch in by_queue.items():
            errors = await self._changer.change(queue, [change for _, change in batch])
            for (entry, _), error in zip(batch, errors, strict=True):
                if error == GONE and entry.job is not None and entry.pending is not None:
                    await replace_queue_id_if_pending(connection, entry.job, entry.pending.job_id)
            refusals += _refusals([entry for entry, _ in batch], [None if one == GONE else one for one in errors])
        return refusals

    async def _add(self, entries: Iterable[OutboxEntry]) -> list[Refusal]:
        """Add jobs of ours to their queues, except those no longer pending.

        A job to promote is added too, because another relay may not have delivered it yet; adding it
        twice changes nothing.
        """
        by_queue: dict[str, list[tuple[OutboxEntry, QueuedJob]]] = defaultdict(list)
        for entry in entries:
            pending = entry.pending
            if pending is not None and is_ours(pending.job_id):
                by_queue[pending.queue].append((entry, queued_job(pending)))
        refusals = []
        for queue, batch in by_queue.items():
            errors = await self._writer.add(queue, [job for _, job in batch])
            refusals += _refusals([entry for entry, _ in batch], errors)
        return refusals


def queued_job(job: PendingJob) -> QueuedJob:
    """The job as the queue takes it. BullMQ counts a delay from the job's creation."""
    created = round(job.created_at.timestamp() * 1_000)
    run_at = round(job.run_at.timestamp() * 1_000) if job.run_at else created
    return QueuedJob(
        job_id=job.job_id,
        job_type=job.job_type,
        data=job.job_data,
        timestamp=created,
        delay=run_at - created if job.due_in else 0,
        due_in=job.due_in,
        priority=job.priority,
        attempts=job.max_attempts,
        backoff=job.backoff,
        trace_context=job.trace_context,
        attempt=job.attempt,
        attempts_made=job.attempts_made,
    )


async def _change(connection: Connection, entry: OutboxEntry) -> QueueAction | None:
    """The queue's action for the entry; None if there is nothing left to do."""
    match entry.action:
        case OutboxAction.REMOVE:
            return await _removal(connection, entry)
        # If the job has a time again, it has had its attempt and waits for the next one.
        case OutboxAction.ADD if entry.pending is not None and entry.pending.run_at is None and _reopens(entry):
            job_id, timestamp = id_in_queue(entry.pending.job_id)
            return Reopen(job_id=job_id, timestamp=timestamp)
        # Likewise.
        case OutboxAction.PROMOTE if entry.pending is not None and entry.pending.run_at is None:
            job_id, timestamp = id_in_queue(entry.pending.job_id)
            return Promote(job_id=job_id, timestamp=timestamp)
        case OutboxAction.PAUSE:
            return Pause() if await read_queue_paused(connection, _queue(entry)) else Resume()
        case OutboxAction.CLEAN:
            return Clean()
        case _:
            return None


def _reopens(entry: OutboxEntry) -> bool:
    """Whether the job is another client's: it was in its queue before it was in the record, and is retried there."""
    return entry.action is OutboxAction.ADD and entry.pending is not None and not is_ours(entry.pending.job_id)


async def _removal(connection: Connection, entry: OutboxEntry) -> Remove | None:
    """The removal of a job, unless it is another client's that was retried since, under the same id."""
    assert entry.job is not None, "a removal names its job"
    assert entry.job_id is not None, "and the job's id in its queue"
    job_id, timestamp = id_in_queue(entry.job_id)
    if timestamp is None:
        return Remove(job_id=job_id)
    job = await lock_job_in_queue(connection, entry.job, entry.job_id)
    if job is not None and job.status is not JobStatus.CANCELLED:
        return None
    return Remove(job_id=job_id, timestamp=timestamp, reason=(job and job.error_message) or "")


def _queue(entry: OutboxEntry) -> str:
    name = entry.pending.queue if entry.pending else entry.queue
    assert name is not None, "only actions on pending jobs leave the queue out"
    return name


def _refusals(entries: Sequence[OutboxEntry], errors: Sequence[str | None]) -> list[Refusal]:
    pairs = zip(entries, errors, strict=True)
    return [_refusal(entry, error) for entry, error in pairs if error is not None]


def _refusal(entry: OutboxEntry, error: str) -> Refusal:
    log.warning("queue refused an action", action=entry.action, job=str(entry.job), queue=_queue(entry), error=error)
    return Refusal(entry=entry, error_message=error, after=pause_after(entry.tries + 1))

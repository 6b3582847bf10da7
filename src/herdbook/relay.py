"""Takes undelivered jobs from the outbox.

Gives them to their BullMQ queues, then lets the outbox forget them.
Never loses one: a crash between the two delivers it again, and the queue knows its id.
"""

import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import asyncpg

from herdbook.errors import RecordUnavailableError
from herdbook.job import JobStatus
from herdbook.queue.adds import QueuedJob, QueueWriter
from herdbook.service import Service, log, pause_after
from herdbook.store.outbox import OutboxEntry, Refusal, next_outbox_due, postpone_outbox, take_outbox
from herdbook.store.pool import Record

# Entries of one transaction.
_BATCH = 500
# Seconds between looks at the outbox when no notification comes; a lost notification costs no more.
_POLL = 1.0


class Relay(Service):
    """Carries jobs from the record to the queue; any number of relays may run side by side."""

    name = "relay"

    def __init__(self, record: Record, writer: QueueWriter) -> None:
        super().__init__()
        self._record = record
        self._writer = writer
        self._listener: asyncpg.Connection[asyncpg.Record] | None = None

    async def round(self) -> float:
        """Deliver one batch."""
        await self._listen()
        async with self._record.transaction() as connection:
            entries = await take_outbox(connection, _BATCH)
            refusals = await self._deliver(entries)
            if refusals:
                await postpone_outbox(connection, refusals)
            if len(entries) == _BATCH:
                return 0
            due = await next_outbox_due(connection) if not entries else None
        return _POLL if due is None else min(max(due, 0.01), _POLL)

    async def stop(self, deadline: float = 5.0) -> None:
        """End the loop and the listening connection."""
        await super().stop(deadline)
        if self._listener is not None:
            with suppress(Exception):
                await self._listener.close(timeout=1)

    async def _listen(self) -> None:
        """Be woken by each commit that fills the outbox; reconnects when the connection was lost."""
        if self._listener is None or self._listener.is_closed():
            self._listener = await self._record.listen_connection()
            try:
                await self._listener.add_listener("herdbook_outbox", lambda *_: self.wake())
            except (asyncpg.PostgresError, OSError) as error:
                raise RecordUnavailableError(f"cannot listen: {error}") from error

    async def _deliver(self, entries: Sequence[OutboxEntry]) -> list[Refusal]:
        """Add the entries to their queues; those cancelled meanwhile are left out, the refused are returned."""
        by_queue: dict[str, list[OutboxEntry]] = defaultdict(list)
        for entry in entries:
            if entry.status is JobStatus.PENDING:
                by_queue[entry.queue].append(entry)
        refusals = []
        for queue, batch in by_queue.items():
            errors = await self._writer.add(queue, [queued_job(entry) for entry in batch])
            for entry, error in zip(batch, errors, strict=True):
                if error is not None:
                    refusals.append(_refusal(entry, error))
        return refusals


def queued_job(entry: OutboxEntry) -> QueuedJob:
    """The job as the queue takes it. BullMQ counts a delay from the job's creation."""
    created = round(entry.created_at.timestamp() * 1_000)
    run_at = round(entry.run_at.timestamp() * 1_000) if entry.run_at else 0
    return QueuedJob(
        job_id=entry.job_id,
        job_type=entry.job_type,
        data=entry.job_data,
        timestamp=created,
        delay=run_at - created if run_at > time.time() * 1_000 else 0,
        priority=entry.priority,
        attempts=entry.max_attempts,
        backoff=entry.backoff,
    )


def _refusal(entry: OutboxEntry, error: str) -> Refusal:
    log.warning("the queue refused a job", job=str(entry.job), queue=entry.queue, error=error)
    after = timedelta(seconds=pause_after(entry.tries + 1))
    return Refusal(entry=entry, error_message=error, deliver_after=datetime.now(UTC) + after)

"""Delivers again what Redis lost: it compares the record's open jobs with the queues.

A job that merely waits must never be touched, nor one that a live worker runs, nor one that another program finished
and removed: without a loss, a pending job that left Redis is noted, and not delivered again after a later one.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID, uuid4

from herdbook.crash_points import crash_point
from herdbook.model.job import JobStatus
from herdbook.queue.connection import QueueClient
from herdbook.queue.epoch import QueueMark
from herdbook.queue.orphans import OrphanFinder
from herdbook.record.database import Connection, Database
from herdbook.record.locks import try_lock
from herdbook.record.reads import read_queues
from herdbook.record.reconciliation import (
    Epoch,
    OpenJob,
    advance_queue_epochs,
    find_end_of_comparison,
    note_absent_jobs,
    note_queue_loss,
    note_queue_sweep,
    read_open_jobs,
    read_sweep_state,
    redeliver_jobs_if_unchanged,
    restore_pauses,
)
from herdbook.service import Service, log

# Seconds between two looks at the mark in Redis; a loss is noticed within so long.
_LOOK = 1.0
# Looks from one slice of the slow comparison to the next.
_LOOKS_PER_SLICE = 5
# Jobs of one slice, open or not. It takes some 10 ms.
_SLICE = 20_000
# Jobs that Redis is asked for in one round trip.
_PER_REQUEST = 1_000
# Seconds after a loss in which whole comparisons go on, and from one to the next: jobs whose worker died with Redis
# are found once that worker's heartbeat is overdue, and running jobs end when their locks are found to be gone.
_AFTERMATH = 30.0
_SWEEP_PAUSE = 10.0
_FIRST = UUID(int=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """How many open jobs were compared, and how many of them were delivered again."""

    compared: int
    redelivered: int


class Reconciler(Service):
    """Notices a Redis that lost writes, and compares all open jobs with it; else it compares slowly, by slices."""

    name = "reconciler"

    def __init__(self, database: Database, client: QueueClient, *, prefix: str) -> None:
        super().__init__()
        self._database = database
        self._mark = QueueMark(client, prefix=prefix)
        self._orphans = OrphanFinder(client, prefix=prefix)
        self._prefix = prefix
        self._position = _FIRST
        self._looks = 0

    async def round(self) -> float:
        """Look once; one program at a time does."""
        async with self._database.transaction() as connection:
            if not await try_lock(connection, f"reconciler {self._prefix}"):
                return _LOOK
            await self._look(connection)
            # From the record: whoever noticed the loss may have died since.
            state = await read_sweep_state(connection, self._prefix, _AFTERMATH, _SWEEP_PAUSE)
        if state.is_due:
            crash_point("noticed")
            await self.sweep()
        # What is missing now was lost, not removed by another program.
        elif not state.is_recent and self._looks % _LOOKS_PER_SLICE == 0:
            await self._compare_next()
        self._looks += 1
        return _LOOK

    async def _look(self, connection: Connection) -> bool:
        """Whether Redis has lost nothing since the last look."""
        # Read each time: a queue without a mark could be lost unnoticed.
        marks = await self._mark.advance(uuid4().hex, await read_queues(connection))
        found = {prefix: Epoch(id=id, counter=counter) for prefix, (id, counter) in marks.items()}
        before = await advance_queue_epochs(connection, found)
        lost = [prefix for prefix, epoch in found.items() if not epoch.follows(before.get(prefix))]
        if not lost:
            return True
        log.warning("redis lost writes", prefixes=lost)
        await note_queue_loss(connection, self._prefix)
        await restore_pauses(connection)
        return False

    async def sweep(self, on_slice: Callable[[int], None] = lambda compared: None) -> Swept:
        """Compare every open job; `on_slice` is told how many have been compared so far."""
        position, redelivered, compared = _FIRST, 0, 0
        while (end := await self._end_after(position)) is not None:
            jobs = await self._open_jobs(position, end)
            await self._forget_orphans(jobs)
            redelivered += await self._redeliver(await self._missing(jobs))
            position, compared = end, compared + len(jobs)
            on_slice(compared)
        async with self._database.connection() as connection:
            await note_queue_sweep(connection, self._prefix, 0, is_complete=True)
        return Swept(compared=compared, redelivered=redelivered)

    async def _compare_next(self) -> None:
        """One slice of the slow comparison, which begins anew at the end of the record."""
        end = await self._end_after(self._position)
        missing = await self._missing(await self._open_jobs(self._position, end)) if end is not None else []
        self._position = end or _FIRST
        await self._redeliver([job for job in missing if job.status is JobStatus.PROCESSING])
        absent = [job for job in missing if job.status is JobStatus.PENDING]
        if absent:
            async with self._database.transaction() as connection:
                # Redis may have lost them since the last look.
                if await self._look(connection):
                    await note_absent_jobs(connection, absent)

    async def _end_after(self, position: UUID) -> UUID | None:
        async with self._database.connection() as connection:
            return await find_end_of_comparison(connection, position, _SLICE)

    async def _open_jobs(self, after: UUID, until: UUID) -> list[OpenJob]:
        async with self._database.connection() as connection:
            return await read_open_jobs(connection, after, until)

    async def _missing(self, jobs: list[OpenJob]) -> list[OpenJob]:
        """Those of these jobs that Redis does not have, and that no live worker runs."""
        jobs = [job for job in jobs if not job.is_held]
        found: list[OpenJob] = []
        for start in range(0, len(jobs), _PER_REQUEST):
            asked = jobs[start : start + _PER_REQUEST]
            missing = await self._mark.missing([(job.queue, job.job_id) for job in asked])
            found += [job for job, is_missing in zip(asked, missing, strict=True) if is_missing]
        return found

    async def _forget_orphans(self, jobs: list[OpenJob]) -> None:
        """After a loss in parts, jobs may have data and no place in their queue; then they are missing."""
        by_queue: dict[str, list[str]] = defaultdict(list)
        for job in jobs:
            if not job.is_held:
                by_queue[job.queue].append(job.job_id)
        for queue, job_ids in by_queue.items():
            if forgotten := await self._orphans.forget(queue, job_ids):
                log.warning("jobs without a place in their queue", queue=queue, jobs=len(forgotten))

    async def _redeliver(self, lost: list[OpenJob]) -> int:
        if not lost:
            return 0
        async with self._database.transaction() as connection:
            redelivered = await redeliver_jobs_if_unchanged(connection, lost)
            await note_queue_sweep(connection, self._prefix, len(redelivered), is_complete=False)
        crash_point("redelivered")
        for job in lost:
            if job.id in redelivered:
                log.info("redelivered", job=str(job.id), queue=job.queue, status=job.status)
        return len(redelivered)

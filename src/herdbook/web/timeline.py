"""The timeline of a job: its creation, waits, attempts, retries and end, in order.

It never guesses: an event whose time was not recorded has none, or is omitted.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from herdbook.model.job import Attempt, AttemptOutcome, Job, JobStatus

# Waits are recorded in whole milliseconds, so a shorter one is rounding.
_SHORTEST_WAIT = timedelta(milliseconds=2)
_FINAL_OUTCOMES = frozenset({AttemptOutcome.COMPLETED, AttemptOutcome.FAILED, AttemptOutcome.CANCELLED})


class EntryKind(StrEnum):
    """What an entry is about; the comments say what its duration is."""

    CREATED = "created"
    OMITTED = "omitted"  # Earlier attempts that are not shown.
    SCHEDULED = "scheduled"  # From its acceptance until it may run.
    ATTEMPT = "attempt"  # Its run time; None while it runs.
    WAIT = "wait"  # From the end of an attempt until the next may run.
    RETRIED = "retried"  # By an operator, in a new generation.
    REOPENED = "reopened"  # Retried in the queue itself, in the same generation.
    FINISHED = "finished"  # From its acceptance or last retry to its end.


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """An event. `at` is when it began (FINISHED: when it ended), None when that is not recorded."""

    kind: EntryKind
    at: datetime | None
    duration_ms: float | None = None
    attempt: Attempt | None = None

    @property
    def until(self) -> datetime | None:
        """The end of a wait."""
        if self.at is None or self.duration_ms is None:
            return None
        return self.at + timedelta(milliseconds=self.duration_ms)


def build_timeline(job: Job, attempts: Sequence[Attempt], *, is_truncated: bool = False) -> list[TimelineEntry]:
    """The job's entries, oldest first; `is_truncated` when there are attempts before these."""
    entries = [TimelineEntry(kind=EntryKind.CREATED, at=job.created_at)]
    first = 0
    if is_truncated and attempts:
        first = attempts[0].generation
        entries.append(TimelineEntry(kind=EntryKind.OMITTED, at=None))
    for generation in range(first, job.generation + 1):
        own = [one for one in attempts if one.generation == generation]
        is_complete = not (is_truncated and generation == first)
        accepted_at = _accepted_at(job, generation, own) if is_complete else None
        if generation and is_complete:
            entries.append(TimelineEntry(kind=EntryKind.RETRIED, at=accepted_at))
        entries += _generation(accepted_at, own)
    return [*entries, *_end(job, attempts, entries)]


def _accepted_at(job: Job, generation: int, attempts: Sequence[Attempt]) -> datetime | None:
    """When a generation was accepted: after a retry, the time from which its first attempt waited."""
    if generation == 0:
        return job.created_at
    if attempts:
        return _due_at(attempts[0])
    is_waiting = generation == job.generation and job.status is JobStatus.PENDING
    return job.updated_at if is_waiting else None


def _generation(accepted_at: datetime | None, attempts: Sequence[Attempt]) -> Iterator[TimelineEntry]:
    """The attempts of one generation, with the waits before and between them."""
    if attempts:
        yield from _wait(EntryKind.SCHEDULED, accepted_at, _due_at(attempts[0]))
        yield _attempt(attempts[0])
    for before, after in pairwise(attempts):
        if before.outcome in _FINAL_OUTCOMES:
            yield TimelineEntry(kind=EntryKind.REOPENED, at=None)
        else:
            yield from _wait(EntryKind.WAIT, before.ended_at, _due_at(after))
        yield _attempt(after)


def _end(job: Job, attempts: Sequence[Attempt], entries: Sequence[TimelineEntry]) -> Iterator[TimelineEntry]:
    """What comes after the last attempt: the end, or the wait for the next one."""
    if job.completed_at is not None:
        retries = [one.at for one in entries if one.kind is EntryKind.RETRIED]
        start = job.created_at if job.generation == 0 else retries[-1] if retries else None
        yield TimelineEntry(
            kind=EntryKind.FINISHED, at=job.completed_at, duration_ms=_milliseconds(start, job.completed_at)
        )
    elif job.run_at is not None and job.status is JobStatus.PENDING:
        if job.attempt and attempts:
            yield from _wait(EntryKind.WAIT, attempts[-1].ended_at, job.run_at)
        else:
            yield from _wait(EntryKind.SCHEDULED, _accepted_at(job, job.generation, ()), job.run_at)


def _attempt(attempt: Attempt) -> TimelineEntry:
    ran = _milliseconds(attempt.started_at, attempt.ended_at)
    return TimelineEntry(kind=EntryKind.ATTEMPT, at=attempt.started_at, duration_ms=ran, attempt=attempt)


def _wait(kind: EntryKind, start: datetime | None, end: datetime | None) -> Iterator[TimelineEntry]:
    if start is not None and end is not None and end - start >= _SHORTEST_WAIT:
        yield TimelineEntry(kind=kind, at=start, duration_ms=_milliseconds(start, end))


def _due_at(attempt: Attempt) -> datetime | None:
    """When the attempt could have started; when it did start, if its wait was not recorded."""
    if attempt.started_at is None:
        return None
    return attempt.started_at - timedelta(milliseconds=attempt.waited_ms or 0)


def _milliseconds(start: datetime | None, end: datetime | None) -> float | None:
    if start is None or end is None:
        return None
    return max(0.0, (end - start).total_seconds() * 1_000)

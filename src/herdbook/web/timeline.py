"""Takes a job and its attempts.

Gives what happened to it, in order, each with its moment and its duration.
Never guesses: what the record does not tell has no moment, or is left out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from herdbook.model.job import Attempt, AttemptOutcome, Job, JobStatus

# Waits are recorded in whole milliseconds, so a shorter one is none.
_SHORTEST = timedelta(milliseconds=2)
_OVER = frozenset({AttemptOutcome.COMPLETED, AttemptOutcome.FAILED, AttemptOutcome.CANCELLED})


class EntryKind(StrEnum):
    """What an entry tells of; the comment says what its duration is."""

    CREATED = "created"
    LEFT_OUT = "left_out"  # Earlier attempts that are not shown.
    SCHEDULED = "scheduled"  # From when it was accepted to when it may run.
    ATTEMPT = "attempt"  # How long it ran; None while it runs.
    WAIT = "wait"  # Between two tries, until the next one may run.
    RETRIED = "retried"  # By an operator, in a new generation.
    REOPENED = "reopened"  # Retried on the queue itself, in the same generation.
    FINISHED = "finished"  # From when it was accepted, or retried, until it was over.


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """Something that happened. `at` is its begin, but for FINISHED its end; None when that is not recorded."""

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


def timeline(job: Job, attempts: Sequence[Attempt], *, is_cut: bool = False) -> list[TimelineEntry]:
    """What happened to the job, the oldest first; `is_cut` when there are earlier attempts than these."""
    entries = [TimelineEntry(kind=EntryKind.CREATED, at=job.created_at)]
    first = 0
    if is_cut and attempts:
        first = attempts[0].generation
        entries.append(TimelineEntry(kind=EntryKind.LEFT_OUT, at=None))
    for generation in range(first, job.generation + 1):
        tries = [one for one in attempts if one.generation == generation]
        is_whole = not (is_cut and generation == first)
        began = _began(job, generation, tries) if is_whole else None
        if generation and is_whole:
            entries.append(TimelineEntry(kind=EntryKind.RETRIED, at=began))
        entries += _tries(began, tries)
    return [*entries, *_end(job, attempts, entries)]


def _began(job: Job, generation: int, tries: Sequence[Attempt]) -> datetime | None:
    """When a generation was accepted. The record has it as the time from which its first try waited."""
    if generation == 0:
        return job.created_at
    if tries:
        return _due(tries[0])
    waits = generation == job.generation and job.status is JobStatus.PENDING
    return job.updated_at if waits else None


def _tries(began: datetime | None, tries: Sequence[Attempt]) -> Iterator[TimelineEntry]:
    """The tries of one generation, with the waits before and between them."""
    if tries:
        yield from _wait(EntryKind.SCHEDULED, began, _due(tries[0]))
        yield _attempt(tries[0])
    for before, after in pairwise(tries):
        if before.outcome in _OVER:
            yield TimelineEntry(kind=EntryKind.REOPENED, at=None)
        else:
            yield from _wait(EntryKind.WAIT, before.ended_at, _due(after))
        yield _attempt(after)


def _end(job: Job, attempts: Sequence[Attempt], entries: Sequence[TimelineEntry]) -> Iterator[TimelineEntry]:
    """What comes after the last try: the end, or the wait for the next try."""
    if job.completed_at is not None:
        starts = [one.at for one in entries if one.kind is EntryKind.RETRIED]
        begin = job.created_at if job.generation == 0 else starts[-1] if starts else None
        yield TimelineEntry(
            kind=EntryKind.FINISHED, at=job.completed_at, duration_ms=_milliseconds(begin, job.completed_at)
        )
    elif job.run_at is not None and job.status is JobStatus.PENDING:
        if job.attempt and attempts:
            yield from _wait(EntryKind.WAIT, attempts[-1].ended_at, job.run_at)
        else:
            yield from _wait(EntryKind.SCHEDULED, _began(job, job.generation, ()), job.run_at)


def _attempt(attempt: Attempt) -> TimelineEntry:
    ran = _milliseconds(attempt.started_at, attempt.ended_at)
    return TimelineEntry(kind=EntryKind.ATTEMPT, at=attempt.started_at, duration_ms=ran, attempt=attempt)


def _wait(kind: EntryKind, start: datetime | None, end: datetime | None) -> Iterator[TimelineEntry]:
    if start is not None and end is not None and end - start >= _SHORTEST:
        yield TimelineEntry(kind=kind, at=start, duration_ms=_milliseconds(start, end))


def _due(attempt: Attempt) -> datetime | None:
    """When the attempt could have started; when it did, where the record has not kept how long it waited."""
    if attempt.started_at is None:
        return None
    return attempt.started_at - timedelta(milliseconds=attempt.waited_ms or 0)


def _milliseconds(start: datetime | None, end: datetime | None) -> float | None:
    if start is None or end is None:
        return None
    return max(0.0, (end - start).total_seconds() * 1_000)

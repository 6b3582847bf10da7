"""Finds where in its queue a job is, and lists the jobs in each state of a queue.

Redis must never scan the whole of a long list.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import redis.asyncio

from herdbook.queue.connection import raises_queue_unavailable
from herdbook.queue.keys import key_prefix
from herdbook.queue.reads import parse_timestamp

# How many entries of a list are searched for a job; that takes some tenths of a millisecond.
_MAX_SCANNED = 10_000
# BullMQ's scores of delayed jobs are milliseconds times this.
_DELAY_SCALE = 0x1000
# The last second that Python can represent; other clients may delay jobs for longer.
_MAX_TIME = 253_402_300_799


class BullState(StrEnum):
    """BullMQ's states of a job, and `MISSING` if the queue does not know it."""

    WAITING = "waiting"
    PRIORITIZED = "prioritized"
    DELAYED = "delayed"
    ACTIVE = "active"
    CHILDREN = "waiting-children"
    COMPLETED = "completed"
    FAILED = "failed"
    MISSING = "missing"


# The states that are lists, and their keys. Older clients keep the waiting jobs of a paused queue in a third list.
_LISTS = {BullState.WAITING: "wait", BullState.ACTIVE: "active"}
_NEWEST_FIRST = (BullState.COMPLETED, BullState.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLocation:
    """Where a job is; `ahead` is how many jobs run before it, a lower bound if `is_exact` is false."""

    place: BullState
    ahead: int | None = None
    is_exact: bool = True
    due: datetime | None = None


class JobLocator:
    """Finds jobs in BullMQ queues."""

    def __init__(self, client: redis.asyncio.Redis, *, prefix: str) -> None:
        self._client = client
        self._prefix = prefix

    async def locate(self, queue: str, job_id: str) -> JobLocation:
        """Where the job is. Raises QueueUnavailableError."""
        prefix = key_prefix(self._prefix, queue)
        pipeline = self._client.pipeline(transaction=True)
        pipeline.exists(f"{prefix}{job_id}")
        pipeline.llen(f"{prefix}wait")
        for name in ("wait", "active", "paused"):
            # From the end, where jobs are taken.
            pipeline.lpos(f"{prefix}{name}", job_id, rank=-1, maxlen=_MAX_SCANNED)
        pipeline.zrank(f"{prefix}prioritized", job_id)
        for place in (BullState.DELAYED, BullState.CHILDREN, BullState.COMPLETED, BullState.FAILED):
            pipeline.zscore(f"{prefix}{place}", job_id)
        with raises_queue_unavailable():
            return _location(*await pipeline.execute())

    async def ids_in(self, queue: str, place: BullState, limit: int) -> list[str]:
        """Up to `limit` ids of jobs in a state: the next to run first, of finished jobs the newest first."""
        prefix = key_prefix(self._prefix, queue)
        with raises_queue_unavailable():
            if place in _LISTS:
                return _next_first(await self._client.lrange(f"{prefix}{_LISTS[place]}", -limit, -1))
            found: Any = await self._client.zrange(f"{prefix}{place}", 0, limit - 1, desc=place in _NEWEST_FIRST)
        return list(found)

    async def active_in(self, queues: Sequence[str], limit: int) -> list[list[str]]:
        """Up to `limit` ids per queue of jobs that workers hold, read in one round trip."""
        pipeline = self._client.pipeline(transaction=False)
        for queue in queues:
            pipeline.lrange(f"{key_prefix(self._prefix, queue)}{_LISTS[BullState.ACTIVE]}", -limit, -1)
        with raises_queue_unavailable():
            return [_next_first(listed) for listed in await pipeline.execute()]

    async def timestamps(self, queue: str, job_ids: Sequence[str]) -> list[int | None]:
        """When each job was published, in Unix milliseconds; None if the queue does not know."""
        prefix = key_prefix(self._prefix, queue)
        pipeline = self._client.pipeline(transaction=False)
        for id in job_ids:
            pipeline.hget(f"{prefix}{id}", "timestamp")
        with raises_queue_unavailable():
            found = await pipeline.execute()
        return [parse_timestamp(one) for one in found]


def _next_first(listed: list[Any]) -> list[str]:
    """The jobs of a list, without the markers that older clients put there."""
    return [id for id in reversed(listed) if not id.startswith("0:")]


def _location(
    exists: int,
    length: int,
    waiting: int | None,
    active: int | None,
    paused: int | None,
    rank: int | None,
    delayed: float | None,
    *others: float | None,
) -> JobLocation:
    if active is not None:
        return JobLocation(place=BullState.ACTIVE)
    if delayed is not None:
        due = min(delayed // _DELAY_SCALE / 1_000, _MAX_TIME)
        return JobLocation(place=BullState.DELAYED, due=datetime.fromtimestamp(due, UTC))
    if rank is not None:
        # Jobs without a priority run first.
        return JobLocation(place=BullState.PRIORITIZED, ahead=length + rank)
    scores = zip((BullState.CHILDREN, BullState.COMPLETED, BullState.FAILED), others, strict=True)
    found = next((place for place, score in scores if score is not None), None)
    if found is not None:
        return JobLocation(place=found)
    return _location_in_list(exists, length, waiting, paused)


def _location_in_list(exists: int, length: int, waiting: int | None, paused: int | None) -> JobLocation:
    if waiting is not None:
        return JobLocation(place=BullState.WAITING, ahead=length - 1 - waiting)
    if paused is not None:
        return JobLocation(place=BullState.WAITING)
    if exists and length > _MAX_SCANNED:
        return JobLocation(place=BullState.WAITING, ahead=_MAX_SCANNED, is_exact=False)
    return JobLocation(place=BullState.MISSING)

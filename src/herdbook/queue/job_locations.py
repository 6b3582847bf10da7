"""Takes a job's id and its queue.

Gives where in the queue the job is, and the jobs of each of the queue's states.
Never changes anything, and never has Redis look through a whole long list.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import redis.asyncio

from herdbook.queue.connection import away_is_unavailable
from herdbook.queue.keys import key_prefix
from herdbook.queue.reads import milliseconds

# How far a job is looked for in a list: some tenths of a millisecond.
_LOOKED_THROUGH = 10_000
# BullMQ's scores of delayed jobs are milliseconds times this.
_DELAY_SCALE = 0x1000
# The last second that Python can tell; other clients may delay jobs for longer.
_LAST_TIME = 253_402_300_799


class BullState(StrEnum):
    """Where a job is. `MISSING`: the queue does not know it. The others are BullMQ's states."""

    WAITING = "waiting"
    PRIORITIZED = "prioritized"
    DELAYED = "delayed"
    ACTIVE = "active"
    CHILDREN = "waiting-children"
    COMPLETED = "completed"
    FAILED = "failed"
    MISSING = "missing"


# The places that are lists, and their keys. Old clients put the waiting jobs of a paused queue into a third.
_LISTS = {BullState.WAITING: "wait", BullState.ACTIVE: "active"}
_NEWEST_FIRST = (BullState.COMPLETED, BullState.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLocation:
    """Where a job is; `ahead` is how many jobs go first, at least so many when `is_exact` is false."""

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
            # From the end, where the next job is taken.
            pipeline.lpos(f"{prefix}{name}", job_id, rank=-1, maxlen=_LOOKED_THROUGH)
        pipeline.zrank(f"{prefix}prioritized", job_id)
        for place in (BullState.DELAYED, BullState.CHILDREN, BullState.COMPLETED, BullState.FAILED):
            pipeline.zscore(f"{prefix}{place}", job_id)
        with away_is_unavailable():
            return _place(*await pipeline.execute())

    async def ids_in(self, queue: str, place: BullState, limit: int) -> list[str]:
        """The ids of jobs in a place, at most `limit`: the next first, of finished jobs the newest."""
        prefix = key_prefix(self._prefix, queue)
        with away_is_unavailable():
            if place in _LISTS:
                return _next_first(await self._client.lrange(f"{prefix}{_LISTS[place]}", -limit, -1))
            found: Any = await self._client.zrange(f"{prefix}{place}", 0, limit - 1, desc=place in _NEWEST_FIRST)
        return list(found)

    async def active_in(self, queues: Sequence[str], limit: int) -> list[list[str]]:
        """The ids of jobs that workers hold, at most `limit` of each queue, all read together."""
        pipeline = self._client.pipeline(transaction=False)
        for queue in queues:
            pipeline.lrange(f"{key_prefix(self._prefix, queue)}{_LISTS[BullState.ACTIVE]}", -limit, -1)
        with away_is_unavailable():
            return [_next_first(listed) for listed in await pipeline.execute()]

    async def timestamps(self, queue: str, job_ids: Sequence[str]) -> list[int | None]:
        """When each job was published, in Unix milliseconds; None where the queue does not know."""
        prefix = key_prefix(self._prefix, queue)
        pipeline = self._client.pipeline(transaction=False)
        for id in job_ids:
            pipeline.hget(f"{prefix}{id}", "timestamp")
        with away_is_unavailable():
            found = await pipeline.execute()
        return [milliseconds(one) for one in found]


def _next_first(listed: list[Any]) -> list[str]:
    """The jobs of a list, without the markers that old clients put there."""
    return [id for id in reversed(listed) if not id.startswith("0:")]


def _place(
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
        due = min(delayed // _DELAY_SCALE / 1_000, _LAST_TIME)
        return JobLocation(place=BullState.DELAYED, due=datetime.fromtimestamp(due, UTC))
    if rank is not None:
        # Jobs without a priority go first.
        return JobLocation(place=BullState.PRIORITIZED, ahead=length + rank)
    over = zip((BullState.CHILDREN, BullState.COMPLETED, BullState.FAILED), others, strict=True)
    elsewhere = next((place for place, score in over if score is not None), None)
    if elsewhere is not None:
        return JobLocation(place=elsewhere)
    return _place_in_list(exists, length, waiting, paused)


def _place_in_list(exists: int, length: int, waiting: int | None, paused: int | None) -> JobLocation:
    if waiting is not None:
        return JobLocation(place=BullState.WAITING, ahead=length - 1 - waiting)
    if paused is not None:
        return JobLocation(place=BullState.WAITING)
    if exists and length > _LOOKED_THROUGH:
        return JobLocation(place=BullState.WAITING, ahead=_LOOKED_THROUGH, is_exact=False)
    return JobLocation(place=BullState.MISSING)

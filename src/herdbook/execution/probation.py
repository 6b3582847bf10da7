"""Lets jobs that were held by a worker when it died begin few at a time, so that the one that kills fails alone.

Nobody knows which of a dead worker's jobs killed it. One that would fail if it lost another worker must never begin
beside others: it would fail for what they do.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from herdbook.queue.delivery import Delivery

# Jobs that may run together, by the losses that they can afford before one more would fail them: most workers die of
# something else than a job, and then all of these should run again soon.
_ALONE, _FEW, TOGETHER = 1, 5, 60
# Jobs that are admitted and claimed in one step.
_PER_GROUP = 10
# Seconds that a job has to kill its worker again; one that still runs is taken for innocent.
_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Suspects that begin together; with those that run already they may be `limit`."""

    members: Sequence[Delivery]
    limit: int


class Probation:
    """The suspects of one queue that run; each has lost a worker, and fails once it has lost more than `max_lost`."""

    def __init__(self, max_lost: int) -> None:
        self._max_lost = max_lost
        self._watched: set[asyncio.Task[None]] = set()
        # Of those that run, the one that may have the fewest others beside it.
        self._limit = TOGETHER

    def groups(self, suspects: Sequence[Delivery], losses: Mapping[str, int]) -> Iterator[Group]:
        """Who may begin together, the most harmless first. `losses`, by job id, leave the last worker out."""
        limits = [self._limit_of(losses.get(one.job_id, 0) + 1) for one in suspects]
        for limit in (TOGETHER, _FEW, _ALONE):
            members = [one for one, its_limit in zip(suspects, limits, strict=True) if its_limit == limit]
            size = min(limit, _PER_GROUP)
            for start in range(0, len(members), size):
                yield Group(members=members[start : start + size], limit=limit)

    async def admit(self, group: Group) -> None:
        """Return when this group may begin."""
        while self._watched and len(self._watched) + len(group.members) > min(group.limit, self._limit):
            await asyncio.wait(self._watched, return_when=asyncio.FIRST_COMPLETED)
        self._limit = min(group.limit, self._limit) if self._watched else group.limit

    def watch(self, tasks: Iterable["asyncio.Task[None]"]) -> None:
        """These were admitted, and run."""
        for task in tasks:
            watch = asyncio.create_task(_end_of(task))
            self._watched.add(watch)
            watch.add_done_callback(self._watched.discard)

    def _limit_of(self, losses: int) -> int:
        """A job that fails with its next loss must be alone, and one may be lost among a few before that."""
        spare = self._max_lost - losses
        return TOGETHER if spare > 1 else _FEW if spare == 1 else _ALONE


async def _end_of(task: "asyncio.Task[None]") -> None:
    await asyncio.wait([task], timeout=_SECONDS)

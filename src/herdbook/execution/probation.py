"""Lets jobs that were held by a worker when it died begin few at a time, so that the one that kills fails alone.

Nobody knows which of a dead worker's jobs killed it. One that would fail if it lost another worker must never begin
beside others: it would fail for what they do.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from herdbook.queue.delivery import Delivery

# Jobs that may run together while they can afford to lose another worker, and still be tried alone after that.
TOGETHER = 20
# Seconds that a job has to kill its worker again; one that still runs is taken for innocent.
_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Suspects that begin together, beside at most so many others."""

    members: Sequence[Delivery]
    others: int


class Probation:
    """The suspects of one queue that run; each has lost a worker, and fails once it has lost more than `max_lost`."""

    def __init__(self, max_lost: int) -> None:
        self.max_lost = max_lost
        self._watched: set[asyncio.Task[None]] = set()
        self._is_alone = False

    def groups(self, suspects: Sequence[Delivery], losses: Mapping[str, int]) -> list[Group]:
        """Who of at most `TOGETHER` may begin together. `losses`, by job id, leave the last worker out."""
        may = [one for one in suspects if losses.get(one.job_id, 0) + 2 < self.max_lost]
        alone = [Group(members=[one], others=0) for one in suspects if one not in may]
        return ([Group(members=may, others=TOGETHER - len(may))] if may else []) + alone

    async def admit(self, group: Group) -> None:
        """Return when this group may begin."""
        others = 0 if self._is_alone else group.others
        while len(self._watched) > others:
            await asyncio.wait(self._watched, return_when=asyncio.FIRST_COMPLETED)
        self._is_alone = group.others == 0

    def watch(self, tasks: Iterable["asyncio.Task[None]"]) -> None:
        """These were admitted, and run."""
        for task in tasks:
            watch = asyncio.create_task(_end_of(task))
            self._watched.add(watch)
            watch.add_done_callback(self._watched.discard)


async def _end_of(task: "asyncio.Task[None]") -> None:
    await asyncio.wait([task], timeout=_SECONDS)

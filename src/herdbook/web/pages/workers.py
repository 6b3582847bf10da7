"""Takes the workers' signs of life and the jobs that the record has with them.

Gives the list of workers: what each runs, which of them are lost, and what those held.
Never decides what becomes of a lost worker's jobs: the stalled check does.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from herdbook.errors import QueueUnavailableError
from herdbook.http.services import Services
from herdbook.record.queue_lookups import RunningJob
from herdbook.record.workers import WorkerRow, read_workers
from herdbook.web.render import Renderer

# Jobs of one worker that are listed.
_LISTED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerCard:
    """A worker. `jobs` are the first of the `held` ones that it has; `alone` those of its queues that no one serves."""

    worker: WorkerRow
    is_lost: bool
    jobs: Sequence[RunningJob]
    held: int
    alone: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkersPage:
    """The workers, those that are lost first; `running` and `room` are jobs of those alive, `is_away` is Redis."""

    workers: list[WorkerCard]
    alive: int
    running: int
    room: int
    is_away: bool

    @property
    def lost(self) -> int:
        """How many were not heard of for too long."""
        return len(self.workers) - self.alive


class WorkerListPage:
    """The route of the list."""

    def __init__(self, services: Services, render: Renderer) -> None:
        self._database = services.database
        self._queues = services.queues
        self._render = render

    def add_to(self, app: FastAPI) -> None:
        """Add the route to `app`."""
        app.get("/workers", include_in_schema=False, response_model=None)(self.workers)

    async def workers(self, request: Request) -> Response:
        """All workers that were heard of within a day."""
        async with self._database.connection() as connection:
            workers = await read_workers(connection)
        page = _page(workers, await self._running())
        return self._render.page(request, "workers.html", title="Workers", page=page)

    async def _running(self) -> list[RunningJob] | None:
        """The jobs that run, found through their queues; None while Redis is away."""
        try:
            return await self._queues.running()
        except QueueUnavailableError:
            return None


def _page(workers: Sequence[WorkerRow], running: Sequence[RunningJob] | None) -> WorkersPage:
    by_worker: dict[str, list[RunningJob]] = defaultdict(list)
    for job in running or ():
        by_worker[job.worker].append(job)
    alive = [one for one in workers if not one.is_silent]
    served = {queue for one in alive for queue in one.queues}
    views = [
        WorkerCard(
            worker=one,
            is_lost=one not in alive,
            jobs=by_worker[one.id][:_LISTED],
            held=len(by_worker[one.id]),
            alone=[queue for queue in one.queues if queue not in served],
        )
        for one in workers
    ]
    return WorkersPage(
        workers=sorted(views, key=lambda one: not one.is_lost),
        alive=len(alive),
        running=sum(one.running for one in alive),
        room=sum(max(0, one.concurrency - one.running) for one in alive if one.state == "running"),
        is_away=running is None,
    )

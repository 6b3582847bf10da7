"""The list of workers: which are lost, and the jobs of each."""

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

# Jobs listed for each worker.
_MAX_JOBS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerCard:
    """A worker. `jobs` are the first of its `job_count` jobs; `unserved_queues` those of its queues without workers."""

    worker: WorkerRow
    is_lost: bool
    jobs: Sequence[RunningJob]
    job_count: int
    unserved_queues: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerListPage:
    """The workers, lost ones first; `running` and `free_slots` are those of the healthy ones."""

    workers: list[WorkerCard]
    healthy: int
    running: int
    free_slots: int
    is_redis_unreachable: bool

    @property
    def lost(self) -> int:
        """The number of workers without a recent heartbeat."""
        return len(self.workers) - self.healthy


class WorkerListRoutes:
    """The route of the list."""

    def __init__(self, services: Services, render: Renderer) -> None:
        self._database = services.database
        self._queues = services.queues
        self._render = render

    def add_to(self, app: FastAPI) -> None:
        """Add the route to `app`."""
        app.get("/workers", include_in_schema=False, response_model=None)(self.workers)

    async def workers(self, request: Request) -> Response:
        """All workers with a heartbeat in the last day."""
        async with self._database.connection() as connection:
            workers = await read_workers(connection)
        page = _page(workers, await self._read_running())
        return self._render.page(request, "workers.html", title="Workers", page=page)

    async def _read_running(self) -> list[RunningJob] | None:
        """The running jobs, found through their queues; None while Redis is unreachable."""
        try:
            return await self._queues.running()
        except QueueUnavailableError:
            return None


def _page(workers: Sequence[WorkerRow], running: Sequence[RunningJob] | None) -> WorkerListPage:
    by_worker: dict[str, list[RunningJob]] = defaultdict(list)
    for job in running or ():
        by_worker[job.worker].append(job)
    healthy = [one for one in workers if not one.is_silent]
    served = {queue for one in healthy for queue in one.queues}
    cards = [
        WorkerCard(
            worker=one,
            is_lost=one not in healthy,
            jobs=by_worker[one.id][:_MAX_JOBS],
            job_count=len(by_worker[one.id]),
            unserved_queues=[queue for queue in one.queues if queue not in served],
        )
        for one in workers
    ]
    return WorkerListPage(
        workers=sorted(cards, key=lambda one: not one.is_lost),
        healthy=len(healthy),
        running=sum(one.running for one in healthy),
        free_slots=sum(max(0, one.concurrency - one.running) for one in healthy if one.state == "running"),
        is_redis_unreachable=running is None,
    )

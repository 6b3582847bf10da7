"""The routes that list job types, queues and workers, and count jobs by state."""

from collections import Counter

from fastapi import FastAPI

from herdbook.http.openapi import problem_responses
from herdbook.http.schemas import JobTypeList, JobTypeView, QueueList, QueueView, Stats, WorkerList, WorkerView
from herdbook.model.job import JobStatus
from herdbook.model.registry import Registry
from herdbook.operating.queue_stats import QueueStatsReader
from herdbook.record.database import Database
from herdbook.record.reads import read_stats
from herdbook.record.workers import read_workers


class SystemRoutes:
    """`GET` on `/api/job-types`, `/api/queues`, `/api/workers` and `/api/stats`."""

    def __init__(self, registry: Registry, database: Database, queues: QueueStatsReader) -> None:
        self._registry = registry
        self._database = database
        self._queues = queues

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to `app`."""
        app.get("/api/job-types", tags=["system"])(self.job_types)
        app.get("/api/queues", responses=problem_responses(503), tags=["system"])(self.queues)
        app.get("/api/workers", responses=problem_responses(503), tags=["system"])(self.workers)
        app.get("/api/stats", responses=problem_responses(503), tags=["system"])(self.stats)

    async def job_types(self) -> JobTypeList:
        """List the job types that can be published, with the JSON Schema of their data."""
        found = sorted((one for one in self._registry if not one.is_reserved), key=lambda one: one.name)
        return JobTypeList(job_types=[JobTypeView.of(one) for one in found])

    async def queues(self) -> QueueList:
        """List the queues, with their jobs by BullMQ state, the age of the next job, and the rate."""
        return QueueList(queues=[QueueView.of(one) for one in await self._queues.states()])

    async def workers(self) -> WorkerList:
        """List the workers seen within the last day."""
        async with self._database.connection() as connection:
            return WorkerList(workers=[WorkerView.of(one) for one in await read_workers(connection)])

    async def stats(self) -> Stats:
        """Count the jobs in each state, in total and by job type."""
        async with self._database.connection() as connection:
            found = Counter[tuple[str, JobStatus]]()
            for one in await read_stats(connection):
                found[one.job_type, one.status] += one.count
        names = sorted({*(name for name, _ in found), *(job_type.name for job_type in self._registry)})
        by_type = {name: {status: found[name, status] for status in JobStatus} for name in names}
        total = {status: sum(counts[status] for counts in by_type.values()) for status in JobStatus}
        return Stats(total=total, by_type=by_type)

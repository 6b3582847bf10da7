"""The routes for operators' actions on queues; they write to the record, and a relay applies them."""

from fastapi import FastAPI

from herdbook.http.action_schemas import QueueCleaning, QueuePause
from herdbook.http.openapi import problem_responses
from herdbook.operating.control import Control
from herdbook.operating.queue_stats import QueueStatsReader


class QueueActionRoutes:
    """Pauses and cleanings under `/api/queues`."""

    def __init__(self, control: Control, queues: QueueStatsReader) -> None:
        self._control = control
        self._queues = queues

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to `app`."""
        responses = problem_responses(403, 404, 422, 503)
        app.post("/api/queues/{name}/pauses", responses=responses, tags=["actions"])(self.pause)
        app.delete("/api/queues/{name}/pauses", responses=responses, tags=["actions"])(self.resume)
        app.post("/api/queues/{name}/cleanings", status_code=202, responses=responses, tags=["actions"])(self.clean)

    async def pause(self, name: str) -> QueuePause:
        """Pause a queue: workers start no more of its jobs; running jobs continue."""
        await self._queues.check(name)
        await self._control.pause(name)
        return QueuePause(queue=name, paused=True)

    async def resume(self, name: str) -> QueuePause:
        """Resume a paused queue."""
        await self._queues.check(name)
        await self._control.resume(name)
        return QueuePause(queue=name, paused=False)

    async def clean(self, name: str) -> QueueCleaning:
        """Remove a queue's completed jobs from Redis; the record keeps them."""
        await self._queues.check(name)
        await self._control.clean(name)
        return QueueCleaning(queue=name)

"""Takes what an operator wants done to a whole queue.

Gives it to the record.
Never talks to the queue: the relay brings it there.
"""

from fastapi import FastAPI

from herdbook.http.action_schemas import QueueCleaning, QueueWish
from herdbook.http.openapi import problem_responses
from herdbook.operating.control import Control
from herdbook.operating.queue_stats import QueueStatsReader


class QueueActions:
    """The routes that act on queues."""

    def __init__(self, control: Control, queues: QueueStatsReader) -> None:
        self._control = control
        self._queues = queues

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to `app`."""
        answers = problem_responses(403, 404, 422, 503)
        app.post("/api/queues/{name}/pauses", responses=answers, tags=["actions"])(self.pause)
        app.delete("/api/queues/{name}/pauses", responses=answers, tags=["actions"])(self.resume)
        app.post("/api/queues/{name}/cleanings", status_code=202, responses=answers, tags=["actions"])(self.clean)

    async def pause(self, name: str) -> QueueWish:
        """Have workers take no more jobs of a queue; those that run go on."""
        await self._queues.check(name)
        await self._control.pause(name)
        return QueueWish(queue=name, paused=True)

    async def resume(self, name: str) -> QueueWish:
        """Have workers take jobs of a queue again."""
        await self._queues.check(name)
        await self._control.resume(name)
        return QueueWish(queue=name, paused=False)

    async def clean(self, name: str) -> QueueCleaning:
        """Have a queue forget its completed jobs; the record keeps them."""
        await self._queues.check(name)
        await self._control.clean(name)
        return QueueCleaning(queue=name)

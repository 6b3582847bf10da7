"""Takes what an operator wants done to a whole queue.

Gives it to `control`, and leads back to the page, or on to the operation that has begun.
Never waits until it is done.
"""

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from herdbook.http.services import Services
from herdbook.model.job import JobStatus
from herdbook.operating.control import Control, OperationAction
from herdbook.record.search import JobFilter
from herdbook.web.form_data import local_path, read_form
from herdbook.web.queue_view import address_of


class QueueActionRoutes:
    """The routes that act on queues."""

    def __init__(self, services: Services, control: Control) -> None:
        self._queues = services.queues
        self._control = control

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to `app`."""
        for noun, action in (
            ("pauses", self.pause),
            ("resumptions", self.resume),
            ("cleanings", self.clean),
            ("retries", self.retry),
            ("promotions", self.promote),
        ):
            app.post(f"/queues/{{name:path}}/{noun}", include_in_schema=False, response_model=None)(action)

    async def pause(self, request: Request, name: str) -> Response:
        """Have workers take no more jobs of the queue."""
        await self._queues.check(name)
        await self._control.pause(name)
        return await _back(request, name, "paused")

    async def resume(self, request: Request, name: str) -> Response:
        """Have workers take jobs of the queue again."""
        await self._queues.check(name)
        await self._control.resume(name)
        return await _back(request, name, "resumed")

    async def clean(self, request: Request, name: str) -> Response:
        """Have Redis forget the queue's completed jobs."""
        await self._queues.check(name)
        await self._control.clean(name)
        return await _back(request, name, "cleaned")

    async def retry(self, name: str) -> Response:
        """Have all failed jobs of the queue begin anew."""
        return await self._begin(OperationAction.RETRY, JobFilter(queue=name, status=JobStatus.FAILED), name)

    async def promote(self, name: str) -> Response:
        """Have all jobs of the queue that wait for a time run at once."""
        return await self._begin(OperationAction.PROMOTE, JobFilter(queue=name), name)

    async def _begin(self, action: OperationAction, wanted: JobFilter, name: str) -> Response:
        await self._queues.check(name)
        begun = await self._control.begin(action, wanted)
        return RedirectResponse(f"/operations/{begun.id}", 303)


async def _back(request: Request, name: str, notice: str) -> Response:
    """To the page that the form names, or the queue's own."""
    form = await read_form(request)
    page = local_path(form.get("next"), f"/queues/{address_of(name)}").partition("?")[0]
    return RedirectResponse(f"{page}?notice={notice}", 303)

"""The actions on a whole queue. They return at once; the relay or upkeep carries them out."""

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from herdbook.http.services import Services
from herdbook.model.job import JobStatus
from herdbook.operating.control import Control, OperationAction
from herdbook.record.search import JobFilter
from herdbook.web.form_data import local_path, read_form
from herdbook.web.queue_summary import quote_queue_name


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
        """Stop workers from taking jobs from the queue."""
        await self._queues.check(name)
        await self._control.pause(name)
        return await _redirect_back(request, name, "paused")

    async def resume(self, request: Request, name: str) -> Response:
        """Let workers take jobs from the queue again."""
        await self._queues.check(name)
        await self._control.resume(name)
        return await _redirect_back(request, name, "resumed")

    async def clean(self, request: Request, name: str) -> Response:
        """Remove the queue's completed jobs from Redis."""
        await self._queues.check(name)
        await self._control.clean(name)
        return await _redirect_back(request, name, "cleaned")

    async def retry(self, name: str) -> Response:
        """Retry all failed jobs of the queue."""
        return await self._begin_operation(OperationAction.RETRY, JobFilter(queue=name, status=JobStatus.FAILED), name)

    async def promote(self, name: str) -> Response:
        """Run all delayed jobs of the queue now."""
        return await self._begin_operation(OperationAction.PROMOTE, JobFilter(queue=name), name)

    async def _begin_operation(self, action: OperationAction, jobs: JobFilter, name: str) -> Response:
        await self._queues.check(name)
        operation = await self._control.begin(action, jobs)
        return RedirectResponse(f"/operations/{operation.id}", 303)


async def _redirect_back(request: Request, name: str, notice: str) -> Response:
    """Redirect to the page that the form names, or to that of the queue."""
    form = await read_form(request)
    page = local_path(form.get("next"), f"/queues/{quote_queue_name(name)}").partition("?")[0]
    return RedirectResponse(f"{page}?notice={notice}", 303)

"""The list of queues: their jobs by state, throughput and workers."""

from dataclasses import dataclass

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from herdbook.http.services import Services
from herdbook.web.charts import Sparkline, sparkline
from herdbook.web.queue_summary import QueueSummary, read_queue_summaries
from herdbook.web.render import Renderer


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueListPage:
    """The queues by name, each with the jobs that finished in the last hour."""

    queues: list[tuple[QueueSummary, Sparkline]]
    is_redis_unreachable: bool


class QueueListRoutes:
    """The route of the list."""

    def __init__(self, services: Services, render: Renderer) -> None:
        self._services = services
        self._render = render

    def add_to(self, app: FastAPI) -> None:
        """Add the route to `app`."""
        app.get("/queues", include_in_schema=False, response_model=None)(self.queues)

    async def queues(self, request: Request) -> Response:
        """All queues."""
        found = await read_queue_summaries(self._services)
        page = QueueListPage(
            queues=[(one, sparkline(one.minutes)) for one in found.queues.values()],
            is_redis_unreachable=found.is_redis_unreachable,
        )
        return self._render.page(request, "queues.html", title="Queues", page=page)

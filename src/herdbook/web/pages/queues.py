"""Takes the known queues.

Gives the list of them: what waits, what runs, how fast, and which of them are stuck.
Never talks to the queue: actions go through `control`.
"""

from dataclasses import dataclass

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from herdbook.http.services import Services
from herdbook.web.charts import Sparkline, sparkline
from herdbook.web.queue_view import QueueRow, view_queues
from herdbook.web.render import Renderer


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuesPage:
    """The queues by name, each with its last hour; `is_away` while Redis does not answer."""

    queues: list[tuple[QueueRow, Sparkline]]
    is_away: bool


class QueueListPage:
    """The route of the list."""

    def __init__(self, services: Services, render: Renderer) -> None:
        self._services = services
        self._render = render

    def add_to(self, app: FastAPI) -> None:
        """Add the route to `app`."""
        app.get("/queues", include_in_schema=False, response_model=None)(self.queues)

    async def queues(self, request: Request) -> Response:
        """All queues."""
        found = await view_queues(self._services)
        page = QueuesPage(
            queues=[(one, sparkline(one.minutes)) for one in found.queues.values()],
            is_away=found.is_away,
        )
        return self._render.page(request, "queues.html", title="Queues", page=page)

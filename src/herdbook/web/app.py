"""Takes the parts of a running system.

Gives the application that serves the API and the pages.
Never opens or closes a part: whoever made it does.
"""

import os

from fastapi import FastAPI
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

import herdbook.http.app
from herdbook.http.services import Services
from herdbook.operating.control import Control
from herdbook.web.errors import PageErrors
from herdbook.web.live import LiveUpdates
from herdbook.web.pages.alerts import AlertPages
from herdbook.web.pages.job import JobPageContext
from herdbook.web.pages.jobs import JobListPage
from herdbook.web.pages.new_job import NewJobPage
from herdbook.web.pages.operations import OperationPages
from herdbook.web.pages.overview import OverviewPages
from herdbook.web.pages.queue import QueueDetailPage
from herdbook.web.pages.queue_actions import QueueActionRoutes
from herdbook.web.pages.queues import QueueListPage
from herdbook.web.pages.workers import WorkerListPage
from herdbook.web.render import Renderer, static_version


def create_app(services: Services) -> FastAPI:
    """The API with the pages."""
    render = Renderer()
    errors = PageErrors(render)
    app = herdbook.http.app.create_app(services, fault=errors.fault)
    errors.add_to(app)
    control = Control(services.database, services.artifacts)
    for pages in (
        OverviewPages(services, render),
        JobListPage(services, render),
        NewJobPage(services, render),
        OperationPages(services, control, render),
        QueueListPage(services, render),
        QueueActionRoutes(services, control),
        QueueDetailPage(services, render),
        WorkerListPage(services, render),
        AlertPages(services, render),
        # Behind all pages under /jobs, as any word can be an id.
        JobPageContext(services, control, render),
    ):
        pages.add_to(app)
    LiveUpdates(services.feed).add_to(app)
    app.mount("/static", _Static(packages=[("herdbook.web", "static")]))
    return app


class _Static(StaticFiles):
    """Files whose addresses begin with their version, so that browsers may keep them."""

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        # A page of another version still finds its files, if there are any of the name.
        return super().lookup_path(path.partition("/")[2])

    async def get_response(self, path: str, scope: Scope) -> Response:
        answer = await super().get_response(path, scope)
        is_current = path.startswith(f"{static_version()}/")
        answer.headers["Cache-Control"] = "public, max-age=31536000, immutable" if is_current else "no-cache"
        return answer

"""The ASGI application that serves the API and the pages.

It never opens or closes a service; its caller does.
"""

import os

from fastapi import FastAPI
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

import herdbook.http.app
from herdbook.http.services import Services
from herdbook.operating.control import Control
from herdbook.web.error_pages import ErrorPages
from herdbook.web.live import LiveUpdates
from herdbook.web.pages.alerts import AlertRoutes
from herdbook.web.pages.job import JobRoutes
from herdbook.web.pages.jobs import JobListRoutes
from herdbook.web.pages.new_job import NewJobRoutes
from herdbook.web.pages.operations import OperationRoutes
from herdbook.web.pages.overview import OverviewRoutes
from herdbook.web.pages.queue import QueueRoutes
from herdbook.web.pages.queue_actions import QueueActionRoutes
from herdbook.web.pages.queues import QueueListRoutes
from herdbook.web.pages.workers import WorkerListRoutes
from herdbook.web.render import Renderer, static_version


def create_app(services: Services) -> FastAPI:
    """The API with the pages."""
    render = Renderer()
    error_pages = ErrorPages(render)
    app = herdbook.http.app.create_app(services, fault=error_pages.internal_error)
    error_pages.add_to(app)
    control = Control(services.database, services.artifacts)
    for routes in (
        OverviewRoutes(services, render),
        JobListRoutes(services, render),
        NewJobRoutes(services, render),
        OperationRoutes(services, control, render),
        QueueListRoutes(services, render),
        QueueActionRoutes(services, control),
        QueueRoutes(services, render),
        WorkerListRoutes(services, render),
        AlertRoutes(services, render),
        # Last under /jobs: its {id} matches any word.
        JobRoutes(services, control, render),
    ):
        routes.add_to(app)
    LiveUpdates(services.feed).add_to(app)
    app.mount("/static", _StaticFiles(packages=[("herdbook.web", "static")]))
    return app


class _StaticFiles(StaticFiles):
    """Files with their version in the URL, so that browsers may cache them forever."""

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        # A page of another version gets this version's file of the same name, if there is one.
        return super().lookup_path(path.partition("/")[2])

    async def get_response(self, path: str, scope: Scope) -> Response:
        answer = await super().get_response(path, scope)
        is_current = path.startswith(f"{static_version()}/")
        answer.headers["Cache-Control"] = "public, max-age=31536000, immutable" if is_current else "no-cache"
        return answer

"""Creates the application that serves the API, to which the web UI adds its pages."""

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic.alias_generators import to_camel
from starlette.types import Scope

import herdbook
from herdbook.alerting import load_alerts
from herdbook.http.alerts import AlertRoutes
from herdbook.http.artifact import ArtifactRoutes
from herdbook.http.docs import DocsRoutes
from herdbook.http.events import EventRoutes
from herdbook.http.health import HealthChecks
from herdbook.http.job_actions import JobActionRoutes
from herdbook.http.job_publishing import PublishRoutes
from herdbook.http.job_reads import JobRoutes
from herdbook.http.metrics import MetricsRoutes
from herdbook.http.middleware import FaultAnswer, HttpMiddleware, problem_of_fault
from herdbook.http.openapi import DescribedApp
from herdbook.http.problems import install_handlers
from herdbook.http.queue_actions import QueueActionRoutes
from herdbook.http.services import Services
from herdbook.http.system import SystemRoutes
from herdbook.operating.control import Control
from herdbook.publishing.publish import Publisher

_DESCRIPTION = """\
Publish background jobs and follow what becomes of them. A job is accepted once it is recorded in PostgreSQL.

Errors are returned as `application/problem+json` (RFC 9457).
"""

_UNTRACED = frozenset({"/healthz", "/readyz", "/metrics", "/events", "/api/events"})


def create_app(services: Services, fault: FaultAnswer = problem_of_fault) -> FastAPI:
    """The application. Routes are matched in the order they are added, so the busiest come first."""
    app = DescribedApp(
        title="Herdbook",
        version=herdbook.__version__,
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        # A 404 is clearer than a redirect that loses the body of a POST.
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
        # FastAPI's request spans continue the caller's trace, if the process has a tracer provider.
        telemetry={"auto_configure": False, "operation_spans": False, "exclude": _is_untraced},
    )
    app.add_middleware(HttpMiddleware, fault=fault)
    install_handlers(app)
    settings, registry, database = services.settings, services.registry, services.database
    publisher = Publisher(database, registry, max_job_bytes=settings.max_job_bytes, trace=services.trace)
    PublishRoutes(publisher, database, max_job_bytes=settings.max_job_bytes).add_to(app)
    JobRoutes(database, max_page_bytes=settings.max_page_bytes).add_to(app)
    control = Control(database, services.artifacts)
    JobActionRoutes(control, database).add_to(app)
    QueueActionRoutes(control, services.queues).add_to(app)
    ArtifactRoutes(services.artifacts).add_to(app)
    EventRoutes(database, services.feed).add_to(app)
    SystemRoutes(registry, database, services.queues).add_to(app)
    AlertRoutes(database, load_alerts(settings)).add_to(app)
    HealthChecks(database, services.queues, outbox_lag_limit=settings.outbox_lag_limit).add_to(app)
    MetricsRoutes(database, services.queues).add_to(app)
    DocsRoutes(app).add_to(app)
    return app


def _is_untraced(scope: Scope) -> bool:
    """Whether a request is a probe, a long-lived stream or a static file."""
    path: str = scope["path"]
    return path in _UNTRACED or path.startswith("/static/")


def _operation_id(route: APIRoute) -> str:
    """The function's name, which generated clients will use."""
    return to_camel(route.name)

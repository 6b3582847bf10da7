"""Takes the parts of a running system: settings, job types, record, queue figures, artifacts, feed.

Gives the application that serves the API; other routes may be added to it.
Never opens or closes a part: whoever made it does.
"""

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic.alias_generators import to_camel
from starlette.types import Scope

import herdbook
from herdbook.alerting import load_alerts
from herdbook.http.alerts import AlertReading
from herdbook.http.artifact import ArtifactReading
from herdbook.http.docs import ApiDocs
from herdbook.http.events import JobEvents
from herdbook.http.health import HealthChecks
from herdbook.http.job_actions import JobActions
from herdbook.http.job_publishing import PublishRoutes
from herdbook.http.job_reads import JobReading
from herdbook.http.metrics import MetricsReading
from herdbook.http.middleware import FaultAnswer, HttpMiddleware, problem_of_fault
from herdbook.http.openapi import DescribedApp
from herdbook.http.problems import install
from herdbook.http.queue_actions import QueueActions
from herdbook.http.services import Services
from herdbook.http.system import SystemReading
from herdbook.operating.control import Control
from herdbook.publishing.publish import Publisher

_DESCRIPTION = """\
Publish background jobs and read what became of them. A job is accepted when it is recorded in PostgreSQL.

Errors are answered in `application/problem+json` (RFC 9457).
"""

_UNTRACED = frozenset({"/healthz", "/readyz", "/metrics", "/events", "/api/events"})


def create_app(services: Services, fault: FaultAnswer = problem_of_fault) -> FastAPI:
    """The application. Its routes are added in the order of their traffic, which is the order they are looked up in."""
    app = DescribedApp(
        title="Herdbook",
        version=herdbook.__version__,
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        # An answer of 404 is clearer than a redirect that loses the body of a POST.
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
        # Its own spans of requests, which go on with the caller's trace; made when the process has a tracer provider.
        telemetry={"auto_configure": False, "operation_spans": False, "exclude": _is_untraced},
    )
    app.add_middleware(HttpMiddleware, fault=fault)
    install(app)
    settings, registry, database = services.settings, services.registry, services.database
    publisher = Publisher(database, registry, max_job_bytes=settings.max_job_bytes, trace=services.trace)
    PublishRoutes(publisher, database, max_job_bytes=settings.max_job_bytes).add_to(app)
    JobReading(database).add_to(app)
    control = Control(database, services.artifacts)
    JobActions(control, database).add_to(app)
    QueueActions(control, services.queues).add_to(app)
    ArtifactReading(services.artifacts).add_to(app)
    JobEvents(database, services.feed).add_to(app)
    SystemReading(registry, database, services.queues).add_to(app)
    AlertReading(database, load_alerts(settings)).add_to(app)
    HealthChecks(database, services.queues, outbox_lag_limit=settings.outbox_lag_limit).add_to(app)
    MetricsReading(database, services.queues).add_to(app)
    ApiDocs(app).add_to(app)
    return app


def _is_untraced(scope: Scope) -> bool:
    """Whether a request is a probe, a stream that stays open, or for a file."""
    path: str = scope["path"]
    return path in _UNTRACED or path.startswith("/static/")


def _operation_id(route: APIRoute) -> str:
    """The function's name, as clients that are generated from the document will call it."""
    return to_camel(route.name)

"""The liveness and readiness probes, which never wait longer than a few seconds for a server."""

from collections.abc import Sequence

from fastapi import FastAPI
from starlette.responses import Response

from herdbook.http.openapi import Responses
from herdbook.http.schemas import Check, Health, Readiness
from herdbook.operating.findings import Area, Finding, Severity
from herdbook.operating.health import judge
from herdbook.operating.health_facts import read_readiness
from herdbook.operating.queue_stats import QueueStatsReader
from herdbook.record.database import Database

# Seconds that one check may take.
_TIMEOUT = 3.0
_AREAS = {"record": Area.POSTGRESQL, "migrations": Area.SCHEMA, "queue": Area.REDIS, "outbox": Area.RELAY}


class HealthChecks:
    """`GET /healthz` and `GET /readyz`."""

    def __init__(
        self, database: Database, queues: QueueStatsReader, *, outbox_lag_limit: float, timeout: float = _TIMEOUT
    ) -> None:
        self._database = database
        self._queues = queues
        self._lag_limit = outbox_lag_limit
        self._timeout = timeout

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to `app`."""
        app.get("/healthz", tags=["health"])(self.healthz)
        responses: Responses = {503: {"model": Readiness, "description": "Not ready"}}
        app.get("/readyz", response_model=Readiness, responses=responses, tags=["health"])(self.readyz)

    async def healthz(self) -> Health:
        """Whether the process is alive."""
        return Health(status="ok")

    async def readyz(self, response: Response) -> Readiness:
        """Whether PostgreSQL, its schema, Redis and the outbox between them are healthy."""
        facts = await read_readiness(self._database, self._queues, timeout=self._timeout)
        findings = judge(facts, outbox_lag_limit=self._lag_limit)
        checks = {name: _check([one for one in findings if one.area is area]) for name, area in _AREAS.items()}
        ready = all(check.ok for check in checks.values())
        response.status_code = 200 if ready else 503
        return Readiness(status="ready" if ready else "unready", checks=checks)


def _check(findings: Sequence[Finding]) -> Check:
    """What was found of one area; a warning leaves the system ready."""
    detail = " ".join(part for one in findings for part in (one.message, one.advice) if part)
    return Check(ok=all(one.severity is not Severity.PROBLEM for one in findings), detail=detail)

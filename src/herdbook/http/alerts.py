"""The route that lists alert rules and incidents; it never shows a target's URL or secret, only its name."""

from datetime import datetime
from typing import Self
from uuid import UUID

from fastapi import FastAPI
from pydantic import Field

from herdbook.alerting import Alerts
from herdbook.http.openapi import problem_responses
from herdbook.model.options import CamelModel
from herdbook.record.alerts import Incident, read_incidents, read_open_incidents
from herdbook.record.database import Database

_NEWEST = 50


class IncidentView(CamelModel):
    """A problem that a rule has detected, open or resolved."""

    incident_id: UUID
    rule: str
    kind: str
    subject: str = Field(description="The job type, queue or worker, depending on the kind of rule.")
    message: str
    opened_at: datetime
    resolved_at: datetime | None
    opening_job_id: UUID | None = Field(description="The job that sent the alert.")
    resolving_job_id: UUID | None = Field(description="The job that sent the all-clear.")

    @classmethod
    def of(cls, incident: Incident) -> Self:
        """The view of an incident."""
        return cls(
            incident_id=incident.id,
            rule=incident.rule,
            kind=incident.kind,
            subject=incident.subject,
            message=incident.message,
            opened_at=incident.opened_at,
            resolved_at=incident.resolved_at,
            opening_job_id=incident.opening_job,
            resolving_job_id=incident.resolving_job,
        )


class RuleView(CamelModel):
    """An alert rule and its state."""

    name: str
    kind: str
    fires_when: str = Field(description="A description of when it fires.")
    send_to: list[str] = Field(description="The names of its targets.")
    firing_since: datetime | None = Field(
        description="When its oldest open incident was opened; null if it is not firing."
    )


class AlertList(CamelModel):
    """The alert rules and the newest incidents."""

    rules: list[RuleView]
    incidents: list[IncidentView]


class AlertRoutes:
    """`GET /api/alerts`."""

    def __init__(self, database: Database, alerts: Alerts) -> None:
        self._database = database
        self._alerts = alerts

    def add_to(self, app: FastAPI) -> None:
        """Add the route to `app`."""
        app.get("/api/alerts", responses=problem_responses(503), tags=["system"])(self.alerts)

    async def alerts(self) -> AlertList:
        """The alert rules with their state, and the newest 50 incidents."""
        async with self._database.connection() as connection:
            opened = await read_open_incidents(connection)
            newest = await read_incidents(connection, _NEWEST)
        rules = [
            RuleView(
                name=rule.name,
                kind=rule.kind,
                fires_when=rule.words,
                send_to=list(self._alerts.targets_of(rule)),
                firing_since=next((one.opened_at for one in opened if one.rule == rule.name), None),
            )
            for rule in self._alerts.rules
        ]
        return AlertList(rules=rules, incidents=[IncidentView.of(one) for one in newest])

"""The alerts page: the rules, which of them are firing, and recent incidents.

Targets appear by name only, never with their URL or secret.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from herdbook.alerting import Rule, load_alerts
from herdbook.http.services import Services
from herdbook.record.alerts import Incident, read_incidents, read_open_incidents
from herdbook.web.render import Renderer

_MAX_INCIDENTS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleState:
    """A rule, the targets it notifies, and its open incidents, oldest first."""

    rule: Rule
    targets: Sequence[str]
    open: Sequence[Incident]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsPage:
    """The rules, firing ones first, and the newest incidents."""

    rules: Sequence[RuleState]
    incidents: Sequence[Incident]

    @property
    def firing(self) -> int:
        """The number of firing rules."""
        return sum(bool(one.open) for one in self.rules)


class AlertRoutes:
    """The route of the page."""

    def __init__(self, services: Services, render: Renderer) -> None:
        self._database = services.database
        self._alerts = load_alerts(services.settings)
        self._render = render

    def add_to(self, app: FastAPI) -> None:
        """Add the route to `app`."""
        app.get("/alerts", include_in_schema=False, response_model=None)(self.alerts)

    async def alerts(self, request: Request) -> Response:
        """The rules and the newest incidents."""
        async with self._database.connection() as connection:
            opened = await read_open_incidents(connection)
            newest = await read_incidents(connection, _MAX_INCIDENTS)
        states = [
            RuleState(
                rule=rule,
                targets=self._alerts.targets_of(rule),
                open=[one for one in opened if one.rule == rule.name],
            )
            for rule in self._alerts.rules
        ]
        page = AlertsPage(rules=sorted(states, key=lambda one: not one.open), incidents=newest)
        return self._render.page(request, "alerts.html", title="Alerts", page=page)

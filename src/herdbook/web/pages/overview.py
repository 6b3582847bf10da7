"""Takes nothing but a window of time.

Gives the state of the whole system on one page, and says in words what is wrong with it.
Never lets one server's absence hide what the other knows.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from herdbook.errors import QueueUnavailableError
from herdbook.http.services import Services
from herdbook.model.health import HealthFacts, OutboxLag, RedisFacts, Unanswered
from herdbook.model.job import JobStatus
from herdbook.operating.findings import Finding
from herdbook.operating.health import judge
from herdbook.operating.queue_stats import RunningJob
from herdbook.record.failures import FailureGroup, read_failure_groups
from herdbook.record.reads import read_outbox_lag
from herdbook.record.stats import WINDOWS, Point, Window, read_series
from herdbook.record.workers import WorkerRow
from herdbook.web.charts import BarChart, LineChart, Measure, bar_chart, line_chart
from herdbook.web.notices import Notice, notices
from herdbook.web.query_choice import choose
from herdbook.web.queue_view import QueueRow, QueueViews, view_queues
from herdbook.web.render import Renderer

_GROUPS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class OverviewPage:
    """The whole system; `running` is None while Redis is away."""

    counts: dict[JobStatus, int]
    notices: list[Notice]
    window: Window
    windows: Sequence[Window]
    ended: BarChart
    times: list[LineChart]
    queues: list[QueueRow]
    workers: list[WorkerRow]
    running: list[RunningJob] | None
    failures: list[FailureGroup]
    lag: OutboxLag

    @property
    def has_jobs(self) -> bool:
        """Whether any job was ever published."""
        return any(self.counts.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recorded:
    """What the record says."""

    points: list[Point]
    failures: list[FailureGroup]
    lag: OutboxLag


class OverviewPages:
    """The route of the first page."""

    def __init__(self, services: Services, render: Renderer) -> None:
        self._services = services
        self._render = render

    def add_to(self, app: FastAPI) -> None:
        """Add the route to `app`."""
        app.get("/", include_in_schema=False, response_model=None)(self.overview)

    async def overview(self, request: Request) -> Response:
        """The whole system."""
        window = choose(request, "window", {one.name: one for one in WINDOWS})
        recorded, queues, running = await asyncio.gather(
            self._recorded(window), view_queues(self._services), self._running()
        )
        page = OverviewPage(
            counts=_totals(queues),
            notices=notices(self._judge(recorded.lag, queues)),
            window=window,
            windows=WINDOWS,
            ended=bar_chart(recorded.points, window),
            times=[line_chart(recorded.points, window, measure) for measure in Measure],
            queues=list(queues.queues.values()),
            workers=queues.workers,
            running=running,
            failures=recorded.failures,
            lag=recorded.lag,
        )
        return self._render.page(request, "overview.html", title="Overview", page=page)

    def _judge(self, lag: OutboxLag, queues: QueueViews) -> list[Finding]:
        facts = HealthFacts(
            redis=Unanswered() if queues.is_away else RedisFacts(),
            outbox=lag,
            queues=None if queues.is_away else [one.health for one in queues.queues.values() if one.health],
            workers=queues.workers,
        )
        return judge(facts, outbox_lag_limit=self._services.settings.outbox_lag_limit)

    async def _recorded(self, window: Window) -> _Recorded:
        since = datetime.now(UTC) - window.span
        async with self._services.database.connection() as connection:
            return _Recorded(
                points=await read_series(connection, resolution=window.resolution, since=since),
                failures=await read_failure_groups(connection, _GROUPS),
                lag=await read_outbox_lag(connection),
            )

    async def _running(self) -> list[RunningJob] | None:
        try:
            return await self._services.queues.running()
        except QueueUnavailableError:
            return None


def _totals(queues: QueueViews) -> dict[JobStatus, int]:
    totals = Counter[JobStatus]()
    for queue in queues.queues.values():
        totals.update(queue.recorded)
    return {status: totals[status] for status in JobStatus}

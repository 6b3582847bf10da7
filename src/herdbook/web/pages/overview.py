"""The overview: problems, job counts, charts, queues, workers and recent failures.

While Redis is unreachable it still shows everything that PostgreSQL knows.
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
from herdbook.model.health import HealthFacts, OutboxLag, QueueLoss, RedisFacts, Unanswered
from herdbook.model.job import JobStatus
from herdbook.operating.findings import Finding
from herdbook.operating.health import judge
from herdbook.operating.queue_stats import RunningJob
from herdbook.record.failures import FailureGroup, read_failure_groups
from herdbook.record.reads import read_outbox_lag
from herdbook.record.reconciliation import read_queue_loss
from herdbook.record.stats import WINDOWS, Point, Window, read_series
from herdbook.record.workers import WorkerRow
from herdbook.web.charts import BarChart, LineChart, Measure, bar_chart, line_chart
from herdbook.web.notices import Notice, notices
from herdbook.web.query_choice import read_choice
from herdbook.web.queue_summary import QueueSummaries, QueueSummary, read_queue_summaries
from herdbook.web.render import Renderer

_MAX_FAILURE_GROUPS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class OverviewPage:
    """The state of the system; `running` is None while Redis is unreachable."""

    counts: dict[JobStatus, int]
    notices: list[Notice]
    window: Window
    windows: Sequence[Window]
    finished_chart: BarChart
    duration_charts: list[LineChart]
    queues: list[QueueSummary]
    workers: list[WorkerRow]
    running: list[RunningJob] | None
    failures: list[FailureGroup]
    outbox_lag: OutboxLag

    @property
    def has_jobs(self) -> bool:
        """Whether there are any jobs."""
        return any(self.counts.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class _RecordedState:
    """What PostgreSQL knows of the system."""

    points: list[Point]
    failures: list[FailureGroup]
    outbox_lag: OutboxLag
    loss: QueueLoss | None


class OverviewRoutes:
    """The route of the overview."""

    def __init__(self, services: Services, render: Renderer) -> None:
        self._services = services
        self._render = render

    def add_to(self, app: FastAPI) -> None:
        """Add the route to `app`."""
        app.get("/", include_in_schema=False, response_model=None)(self.overview)

    async def overview(self, request: Request) -> Response:
        """The overview."""
        window = read_choice(request, "window", {one.name: one for one in WINDOWS})
        return self._render.page(request, "overview.html", title="Overview", page=await self._page(window))

    async def _page(self, window: Window) -> OverviewPage:
        recorded, queues, running = await asyncio.gather(
            self._read_recorded(window), read_queue_summaries(self._services), self._read_running()
        )
        return OverviewPage(
            counts=_totals(queues),
            notices=notices(self._judge(recorded, queues)),
            window=window,
            windows=WINDOWS,
            finished_chart=bar_chart(recorded.points, window),
            duration_charts=[line_chart(recorded.points, window, measure) for measure in Measure],
            queues=list(queues.queues.values()),
            workers=queues.workers,
            running=running,
            failures=recorded.failures,
            outbox_lag=recorded.outbox_lag,
        )

    def _judge(self, recorded: _RecordedState, queues: QueueSummaries) -> list[Finding]:
        is_unreachable = queues.is_redis_unreachable
        facts = HealthFacts(
            redis=Unanswered() if is_unreachable else RedisFacts(),
            outbox=recorded.outbox_lag,
            loss=recorded.loss,
            queues=None if is_unreachable else [one.health for one in queues.queues.values() if one.health],
            workers=queues.workers,
        )
        return judge(facts, outbox_lag_limit=self._services.settings.outbox_lag_limit)

    async def _read_recorded(self, window: Window) -> _RecordedState:
        since = datetime.now(UTC) - window.span
        async with self._services.database.connection() as connection:
            return _RecordedState(
                points=await read_series(connection, resolution=window.resolution, since=since),
                failures=await read_failure_groups(connection, _MAX_FAILURE_GROUPS),
                outbox_lag=await read_outbox_lag(connection),
                loss=await read_queue_loss(connection, self._services.queues.prefix),
            )

    async def _read_running(self) -> list[RunningJob] | None:
        try:
            return await self._services.queues.running()
        except QueueUnavailableError:
            return None


def _totals(queues: QueueSummaries) -> dict[JobStatus, int]:
    totals = Counter[JobStatus]()
    for queue in queues.queues.values():
        totals.update(queue.status_counts)
    return {status: totals[status] for status in JobStatus}

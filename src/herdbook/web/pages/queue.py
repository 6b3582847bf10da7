"""The page of one queue: its jobs by state, its performance, and the actions on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from herdbook.http.services import Services
from herdbook.operating.queue_stats import BullState
from herdbook.record.job_rows import JobRow
from herdbook.record.queue_lookups import read_job_rows
from herdbook.record.stats import WINDOWS, Point, Window, read_series
from herdbook.web.charts import BarChart, LineChart, Measure, bar_chart, last_period, line_chart
from herdbook.web.query_choice import read_choice
from herdbook.web.queue_summary import QueueSummary, read_queue_summary
from herdbook.web.render import Renderer, query_string

_MAX_JOBS = 50
_STATES = (
    BullState.WAITING,
    BullState.ACTIVE,
    BullState.DELAYED,
    BullState.PRIORITIZED,
    BullState.COMPLETED,
    BullState.FAILED,
    BullState.CHILDREN,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StateTab:
    """A tab for one BullMQ state, with the number of jobs in it."""

    name: str
    url: str
    count: int
    is_current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueJob:
    """A job by its id in the queue; `row` is None when it is not in the record."""

    job_id: str
    row: JobRow | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePage:
    """A queue. `tabs` and `jobs` are empty while Redis is unreachable; `windows` has the URL of each."""

    queue: QueueSummary
    state: BullState
    tabs: Sequence[StateTab]
    jobs: Sequence[QueueJob]
    window: Window
    windows: Sequence[tuple[Window, str]]
    points: Sequence[Point]
    finished_chart: BarChart
    duration_charts: list[LineChart]

    @property
    def path(self) -> str:
        """The URL of the page without its query string."""
        return f"/queues/{self.queue.url_name}"

    @property
    def topics(self) -> str:
        """The topics whose changes make the page stale."""
        return f"queue:{quote(self.queue.name)} workers"

    @property
    def is_truncated(self) -> bool:
        """Whether there may be more jobs in this state than are listed."""
        return len(self.jobs) == _MAX_JOBS

    @property
    def period(self) -> str:
        """The window, such as "the last hour"."""
        return last_period(self.window)

    def total(self, counter: str) -> int:
        """The sum of a counter (`completed`, `failed` or `retries`) over the window."""
        total: int = sum(getattr(one, counter) for one in self.points)
        return total


class QueueRoutes:
    """The route of one queue."""

    def __init__(self, services: Services, render: Renderer) -> None:
        self._services = services
        self._render = render

    def add_to(self, app: FastAPI) -> None:
        """Add the route to `app`; the name of a queue created by SQL may contain a slash."""
        app.get("/queues/{name:path}", include_in_schema=False, response_model=None)(self.queue)

    async def queue(self, request: Request, name: str) -> Response:
        """The queue of this name."""
        state = read_choice(request, "state", {one.value: one for one in _STATES})
        window = read_choice(request, "window", {one.name: one for one in WINDOWS})
        return self._render.page(request, "queue.html", title=name, page=await self._page(name, state, window))

    async def _page(self, name: str, state: BullState, window: Window) -> QueuePage:
        queue = await read_queue_summary(self._services, name)
        points = await self._read_points(queue, window)
        return QueuePage(
            queue=queue,
            state=state,
            tabs=_tabs(queue, state, window),
            jobs=await self._read_jobs(queue, state),
            window=window,
            windows=[(one, _url(queue, state, one)) for one in WINDOWS],
            points=points,
            finished_chart=bar_chart(points, window),
            duration_charts=[line_chart(points, window, measure) for measure in Measure],
        )

    async def _read_points(self, queue: QueueSummary, window: Window) -> list[Point]:
        since = datetime.now(UTC) - window.span
        async with self._services.database.connection() as connection:
            return await read_series(connection, resolution=window.resolution, since=since, queue=queue.name)

    async def _read_jobs(self, queue: QueueSummary, state: BullState) -> list[QueueJob]:
        if queue.state_counts is None:
            return []
        found = await self._services.queues.jobs_in(queue.name, state, _MAX_JOBS)
        async with self._services.database.connection() as connection:
            rows = await read_job_rows(connection, [one.id for one in found if one.id is not None])
        return [QueueJob(job_id=one.job_id, row=rows.get(one.id) if one.id else None) for one in found]


def _tabs(queue: QueueSummary, state: BullState, window: Window) -> list[StateTab]:
    counts = queue.state_counts or {}
    return [
        StateTab(name=one, url=_url(queue, one, window), count=counts[one], is_current=one is state)
        for one in _STATES
        # Hidden while empty: only jobs published by other programs have children.
        if one in counts and (counts[one] or one is state or one is not BullState.CHILDREN)
    ]


def _url(queue: QueueSummary, state: BullState, window: Window) -> str:
    """The page with this state and window; the defaults are omitted."""
    parameters = {
        "state": "" if state is _STATES[0] else state.value,
        "window": "" if window is WINDOWS[0] else window.name,
    }
    return f"/queues/{queue.url_name}{query_string(**parameters)}"

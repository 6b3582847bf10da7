"""Takes a queue's name, one of its states and a window of time.

Gives its page: figures by state, the jobs of that state, how fast it goes, and what an operator can do to it.
Never talks to the queue: actions go through `control`.
"""

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
from herdbook.web.charts import BarChart, LineChart, Measure, bar_chart, line_chart
from herdbook.web.query_choice import choose
from herdbook.web.queue_view import QueueRow, view_queue
from herdbook.web.render import Renderer, query

_LISTED = 50
_PLACES = (
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
    """A state to choose, and how many jobs are in it."""

    name: str
    address: str
    count: int
    is_current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePageJob:
    """A job by the id that the queue knows; `row` is None where the record does not have it."""

    job_id: str
    row: JobRow | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePage:
    """A queue. `tabs` and `jobs` are empty while Redis is away; `windows` has the address of each."""

    queue: QueueRow
    state: BullState
    tabs: Sequence[StateTab]
    jobs: Sequence[QueuePageJob]
    window: Window
    windows: Sequence[tuple[Window, str]]
    points: Sequence[Point]
    throughput: BarChart
    times: tuple[LineChart, LineChart]

    @property
    def path(self) -> str:
        """The page's address, without its choices."""
        return f"/queues/{self.queue.address}"

    @property
    def topics(self) -> str:
        """What makes the page stale."""
        return f"queue:{quote(self.queue.name)} workers"

    @property
    def is_cut(self) -> bool:
        """Whether there are more jobs in this state than are listed."""
        return len(self.jobs) == _LISTED

    def ended(self, what: str) -> int:
        """How many attempts ended as `completed`, `failed` or `retries` in the window."""
        total: int = sum(getattr(one, what) for one in self.points)
        return total


class QueueDetailPage:
    """The route of one queue."""

    def __init__(self, services: Services, render: Renderer) -> None:
        self._services = services
        self._render = render

    def add_to(self, app: FastAPI) -> None:
        """Add the route to `app`; a queue that SQL named may have a slash in its name."""
        app.get("/queues/{name:path}", include_in_schema=False, response_model=None)(self.queue)

    async def queue(self, request: Request, name: str) -> Response:
        """One queue."""
        state = choose(request, "state", {one.value: one for one in _PLACES})
        window = choose(request, "window", {one.name: one for one in WINDOWS})
        queue = await view_queue(self._services, name)
        points = await self._points(queue, window)
        page = QueuePage(
            queue=queue,
            state=state,
            tabs=_tabs(queue, state, window),
            jobs=await self._jobs(queue, state),
            window=window,
            windows=[(one, _address(queue, state, one)) for one in WINDOWS],
            points=points,
            throughput=bar_chart(points, window),
            times=(line_chart(points, window, Measure.RUN), line_chart(points, window, Measure.WAIT)),
        )
        return self._render.page(request, "queue.html", title=name, page=page)

    async def _points(self, queue: QueueRow, window: Window) -> list[Point]:
        since = datetime.now(UTC) - window.span
        async with self._services.database.connection() as connection:
            return await read_series(connection, resolution=window.resolution, since=since, queue=queue.name)

    async def _jobs(self, queue: QueueRow, state: BullState) -> list[QueuePageJob]:
        if queue.counts is None:
            return []
        found = await self._services.queues.jobs_in(queue.name, state, _LISTED)
        async with self._services.database.connection() as connection:
            rows = await read_job_rows(connection, [one.id for one in found if one.id is not None])
        return [QueuePageJob(job_id=one.job_id, row=rows.get(one.id) if one.id else None) for one in found]


def _tabs(queue: QueueRow, state: BullState, window: Window) -> list[StateTab]:
    counts = queue.counts or {}
    return [
        StateTab(name=one, address=_address(queue, one, window), count=counts[one], is_current=one is state)
        for one in _PLACES
        # Only jobs with children, which other programs publish, ever wait for them.
        if one in counts and (counts[one] or one is state or one is not BullState.CHILDREN)
    ]


def _address(queue: QueueRow, state: BullState, window: Window) -> str:
    """The page with this choice; what it shows without one is left out."""
    wish = {"state": "" if state is _PLACES[0] else state.value, "window": "" if window is WINDOWS[0] else window.name}
    return f"/queues/{queue.address}{query(**wish)}"

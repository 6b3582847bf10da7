"""Takes a query.

Gives the list of the jobs that it wants, newest first, fresh as they change.
Never counts what the record keeps no count of.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from herdbook.http.services import Services
from herdbook.model.ids import published_at
from herdbook.model.job import JobStatus
from herdbook.model.registry import Registry
from herdbook.record.job_rows import JobRow, search_job_rows
from herdbook.record.reads import StatusCount, read_stats
from herdbook.web.bulk_actions import Choice, choices
from herdbook.web.job_query import RANGES, JobQuery
from herdbook.web.render import Renderer


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusTab:
    """A status to choose, or all; `count` of the jobs of the chosen type and queue."""

    name: str
    address: str
    count: int
    is_current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class JobsPage:
    """A list of jobs. `older` is the address of the next page; `searched` the time back to which was searched."""

    query: JobQuery
    tabs: list[StatusTab]
    types: list[str]
    queues: list[str]
    ranges: dict[str, str]
    rows: list[JobRow]
    older: str | None
    searched: datetime | None
    choices: tuple[Choice, ...]
    has_any: bool


class JobListPage:
    """The route of the list."""

    def __init__(self, services: Services, render: Renderer) -> None:
        self._registry = services.registry
        self._database = services.database
        self._render = render

    def add_to(self, app: FastAPI) -> None:
        """Add the route to `app`."""
        app.get("/jobs", include_in_schema=False, response_model=None)(self.jobs)

    async def jobs(self, request: Request) -> Response:
        """The jobs that the address asks for."""
        query = JobQuery.parse(request.query_params)
        async with self._database.connection() as connection:
            wanted = query.wanted(datetime.now(UTC))
            found = await search_job_rows(connection, wanted)
            counts = await read_stats(connection)
        is_full = len(found.rows) == wanted.limit
        page = JobsPage(
            query=query,
            tabs=_tabs(query, counts),
            types=_known(self._registry, counts, "job_type"),
            queues=_known(self._registry, counts, "queue"),
            ranges={key: words for key, (words, _) in RANGES.items()},
            rows=found.rows,
            older=query.link(before=found.next) if found.next else None,
            searched=None if is_full or found.next is None else published_at(found.next),
            choices=choices(query.status),
            has_any=any(one.count for one in counts),
        )
        return self._render.page(request, "jobs.html", title="Jobs", page=page)


def _tabs(query: JobQuery, counts: Sequence[StatusCount]) -> list[StatusTab]:
    of_status = Counter[JobStatus]()
    for one in counts:
        if query.job_type in ("", one.job_type) and query.queue in ("", one.queue):
            of_status[one.status] += one.count
    tabs = [(None, "all", of_status.total()), *((status, status.value, of_status[status]) for status in JobStatus)]
    return [
        StatusTab(name=name, address=query.link(status=status), count=count, is_current=query.status is status)
        for status, name, count in tabs
    ]


def _known(registry: Registry, counts: Sequence[StatusCount], what: str) -> list[str]:
    """The job types or queues that are declared or have jobs, by name."""
    declared = {one.name if what == "job_type" else one.queue for one in registry}
    return sorted(declared | {getattr(one, what) for one in counts})

"""The job list, filtered and newest first."""

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
from herdbook.web.bulk_actions import BulkAction, bulk_actions_for
from herdbook.web.job_query import TIME_RANGES, JobQuery
from herdbook.web.render import Renderer


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusTab:
    """A tab for one status, or all; `count` is the number of jobs of the chosen type and queue."""

    name: str
    url: str
    count: int
    is_current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class JobListPage:
    """The list. `older_url` is its next page; `searched_since` is how far back an unfinished search has looked."""

    query: JobQuery
    tabs: list[StatusTab]
    job_types: list[str]
    queues: list[str]
    rows: list[JobRow]
    older_url: str | None
    searched_since: datetime | None
    has_any_jobs: bool

    @property
    def bulk_actions(self) -> tuple[BulkAction, ...]:
        """The actions that apply to jobs of the chosen status."""
        return bulk_actions_for(self.query.status)

    @property
    def time_ranges(self) -> dict[str, str]:
        """The labels of the time ranges to choose from."""
        return {name: label for name, (label, _) in TIME_RANGES.items()}


class JobListRoutes:
    """The route of the list."""

    def __init__(self, services: Services, render: Renderer) -> None:
        self._registry = services.registry
        self._database = services.database
        self._render = render

    def add_to(self, app: FastAPI) -> None:
        """Add the route to `app`."""
        app.get("/jobs", include_in_schema=False, response_model=None)(self.jobs)

    async def jobs(self, request: Request) -> Response:
        """The jobs that the query string asks for."""
        query = JobQuery.parse(request.query_params)
        job_filter = query.to_filter(datetime.now(UTC))
        async with self._database.connection() as connection:
            found = await search_job_rows(connection, job_filter)
            counts = await read_stats(connection)
        is_full = len(found.rows) == job_filter.limit
        page = JobListPage(
            query=query,
            tabs=_tabs(query, counts),
            job_types=_known_names(self._registry, counts, "job_type"),
            queues=_known_names(self._registry, counts, "queue"),
            rows=found.rows,
            older_url=query.url(before=found.next) if found.next else None,
            searched_since=None if is_full or found.next is None else published_at(found.next),
            has_any_jobs=any(one.count for one in counts),
        )
        return self._render.page(request, "jobs.html", title="Jobs", page=page)


def _tabs(query: JobQuery, counts: Sequence[StatusCount]) -> list[StatusTab]:
    status_counts = Counter[JobStatus]()
    for one in counts:
        if query.job_type in ("", one.job_type) and query.queue in ("", one.queue):
            status_counts[one.status] += one.count
    tabs: list[tuple[JobStatus | None, str, int]] = [(None, "all", status_counts.total())]
    tabs += [(status, status.value, status_counts[status]) for status in JobStatus]
    return [
        StatusTab(name=name, url=query.url(status=status), count=count, is_current=query.status is status)
        for status, name, count in tabs
    ]


def _known_names(registry: Registry, counts: Sequence[StatusCount], kind: str) -> list[str]:
    """The job types or queues (by `kind`) that are declared or have jobs, sorted."""
    declared = {one.name if kind == "job_type" else one.queue for one in registry}
    return sorted(declared | {getattr(one, kind) for one in counts})

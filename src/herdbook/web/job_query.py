"""The query string of the job list: parsed, turned into a filter, and written again with changes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from urllib.parse import parse_qsl
from uuid import UUID

from herdbook.errors import FieldProblem
from herdbook.http.problems import INVALID_REQUEST, Refused
from herdbook.model.job import JobStatus
from herdbook.record.search import JobFilter
from herdbook.web.render import query_string

PAGE_SIZE = 50
TIME_RANGES = {
    "1h": ("Last hour", timedelta(hours=1)),
    "24h": ("Last 24 hours", timedelta(days=1)),
    "7d": ("Last 7 days", timedelta(days=7)),
    "30d": ("Last 30 days", timedelta(days=30)),
}
_MAX_LENGTH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class JobQuery:
    """What the job list shows. `within` is a key of TIME_RANGES; `since` and `until` are in UTC."""

    status: JobStatus | None = None
    job_type: str = ""
    queue: str = ""
    search: str = ""
    within: str = ""
    since: datetime | None = None
    until: datetime | None = None
    before: UUID | None = None

    @classmethod
    def parse(cls, parameters: Mapping[str, str]) -> Self:
        """Parse query parameters, ignoring empty ones; raises Refused for an invalid value."""
        found = {name: value.strip() for name, value in parameters.items() if value.strip()}
        within = found.get("within", "")
        if within not in TIME_RANGES and within:
            raise _invalid("within", f"must be one of {', '.join(TIME_RANGES)}")
        return cls(
            status=_parse("status", found, JobStatus),
            job_type=_text("type", found),
            queue=_text("queue", found),
            search=_text("q", found),
            within=within,
            since=_parse("since", found, _parse_time),
            until=_parse("until", found, _parse_time),
            before=_parse("before", found, UUID),
        )

    @classmethod
    def parse_string(cls, query_string: str) -> Self:
        """The same for a query string without its question mark."""
        return cls.parse(dict(parse_qsl(query_string)))

    def to_filter(self, now: datetime) -> JobFilter:
        """The filter for the record; time ranges end at `now`."""
        return JobFilter(
            status=self.status,
            job_type=self.job_type or None,
            queue=self.queue or None,
            words=tuple(self.search.split()),
            since=now - TIME_RANGES[self.within][1] if self.within else self.since,
            until=self.until,
            before=self.before,
            limit=PAGE_SIZE,
        )

    @property
    def is_empty(self) -> bool:
        """Whether it shows all jobs."""
        return not self.query_string(before=None)

    def query_string(self, **changes: Any) -> str:
        """The query string after the changes, with its question mark; empty when it shows all jobs."""
        one = replace(self, **changes)
        return query_string(
            status=one.status and one.status.value,
            type=one.job_type,
            queue=one.queue,
            q=one.search,
            within=one.within,
            since=one.since and f"{one.since:%Y-%m-%dT%H:%M}",
            until=one.until and f"{one.until:%Y-%m-%dT%H:%M}",
            before=one.before,
        )

    def url(self, **changes: Any) -> str:
        """The URL of the list after the changes: of its first page, unless `before` is one of them."""
        return "/jobs" + self.query_string(**{"before": None, **changes})


def _text(name: str, found: Mapping[str, str]) -> str:
    value = found.get(name, "")
    if len(value) > _MAX_LENGTH or "\0" in value:
        raise _invalid(name, "contains a NUL character" if "\0" in value else f"longer than {_MAX_LENGTH} characters")
    return value


def _parse(name: str, found: Mapping[str, str], parse: Any) -> Any:
    if name not in found:
        return None
    try:
        return parse(found[name])
    except ValueError as error:
        raise _invalid(name, str(error)) from None


def _parse_time(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _invalid(name: str, message: str) -> Refused:
    return Refused(INVALID_REQUEST, f"{name}: {message}", [FieldProblem(path=name, message=message)])

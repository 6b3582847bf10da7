"""Takes the query string of a list of jobs.

Gives the filter it means, and the addresses of lists that differ from it in one thing.
Never asks the record.
"""

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
from herdbook.web.render import query

PAGE_SIZE = 50
RANGES = {
    "1h": ("the last hour", timedelta(hours=1)),
    "24h": ("the last 24 hours", timedelta(days=1)),
    "7d": ("the last 7 days", timedelta(days=7)),
    "30d": ("the last 30 days", timedelta(days=30)),
}
_LONGEST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class JobQuery:
    """What a list of jobs shows. `within` is a key of RANGES; `since` and `until` are moments in UTC."""

    status: JobStatus | None = None
    job_type: str = ""
    queue: str = ""
    words: str = ""
    within: str = ""
    since: datetime | None = None
    until: datetime | None = None
    before: UUID | None = None

    @classmethod
    def parse(cls, parameters: Mapping[str, str]) -> Self:
        """Read the query; empty values are none. Raises Refused when a value cannot be meant."""
        found = {name: value.strip() for name, value in parameters.items() if value.strip()}
        within = found.get("within", "")
        if within not in RANGES and within:
            raise _invalid("within", f"not one of {', '.join(RANGES)}")
        return cls(
            status=_read("status", found, JobStatus),
            job_type=_text("type", found),
            queue=_text("queue", found),
            words=_text("q", found),
            within=within,
            since=_read("since", found, _moment),
            until=_read("until", found, _moment),
            before=_read("before", found, UUID),
        )

    @classmethod
    def parse_text(cls, text: str) -> Self:
        """The same, of a query string."""
        return cls.parse(dict(parse_qsl(text)))

    def wanted(self, now: datetime) -> JobFilter:
        """The filter that it means at `now`."""
        return JobFilter(
            status=self.status,
            job_type=self.job_type or None,
            queue=self.queue or None,
            words=tuple(self.words.split()),
            since=now - RANGES[self.within][1] if self.within else self.since,
            until=self.until,
            before=self.before,
            limit=PAGE_SIZE,
        )

    @property
    def is_empty(self) -> bool:
        """Whether it wants all jobs."""
        return not self.text(before=None)

    def text(self, **changes: Any) -> str:
        """Its query string, with its question mark when there is one, after the changes."""
        one = replace(self, **changes)
        return query(
            status=one.status and one.status.value,
            type=one.job_type,
            queue=one.queue,
            q=one.words,
            within=one.within,
            since=one.since and f"{one.since:%Y-%m-%dT%H:%M}",
            until=one.until and f"{one.until:%Y-%m-%dT%H:%M}",
            before=one.before,
        )

    def link(self, **changes: Any) -> str:
        """The address of the list after the changes; its first page, unless `before` is one of them."""
        return "/jobs" + self.text(**{"before": None, **changes})


def _text(name: str, found: Mapping[str, str]) -> str:
    value = found.get(name, "")
    if len(value) > _LONGEST or "\0" in value:
        raise _invalid(name, f"longer than {_LONGEST} characters" if "\0" not in value else "holds a NUL character")
    return value


def _read(name: str, found: Mapping[str, str], read: Any) -> Any:
    if name not in found:
        return None
    try:
        return read(found[name])
    except ValueError as error:
        raise _invalid(name, str(error)) from None


def _moment(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _invalid(name: str, message: str) -> Refused:
    return Refused(INVALID_REQUEST, f"{name}: {message}", [FieldProblem(path=name, message=message)])

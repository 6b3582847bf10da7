"""The content of a report, independent of the format: a title, tables and possibly a chart."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from herdbook.builtin.report.payload import RecordQuery, Scalar, column_names
from herdbook.model.job import JobStatus
from herdbook.model.summary import HourStats, JobTypeStats, RecordSummary

Row = tuple[Scalar, ...]
# Called for every row that is written, to report progress.
Advance = Callable[[], None]
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table; every row is as long as `columns`."""

    heading: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    def is_numeric(self, column: int) -> bool:
        """Whether the column contains only numbers, and so is right-aligned."""
        values = [row[column] for row in self.rows if row[column] is not None]
        # Compares types, because True is an int as well.
        return bool(values) and all(type(value) in (int, float) for value in values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A report's content. The first table is the main one; `hours` has no gaps and is drawn as a chart."""

    title: str
    made_at: datetime
    subject: str
    tables: tuple[Table, ...]
    hours: tuple[HourStats, ...] = ()

    @property
    def all_rows(self) -> int:
        """The number of rows in all tables."""
        return sum(len(table.rows) for table in self.tables)

    @property
    def byline(self) -> str:
        """What the report is about, and when it was made."""
        return f"{self.subject} · made {self.made_at:%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A finished file; `pages` is None if the format has no pages."""

    content: bytes
    pages: int | None = None


def cell_text(value: Scalar) -> str:
    """A cell as text; booleans are as in JSON, null is empty."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def rows_document(title: str, rows: Sequence[dict[str, Scalar]], made_at: datetime) -> Document:
    """A document of the given rows; missing cells stay empty."""
    columns = column_names(tuple(rows))
    cells = tuple(tuple(row.get(column) for column in columns) for row in rows)
    count = "1 row" if len(cells) == 1 else f"{len(cells):,} rows"
    return Document(
        title=title,
        made_at=made_at,
        subject=count,
        tables=(Table(heading="Rows", columns=columns, rows=cells),),
    )


def record_document(title: str, query: RecordQuery, summary: RecordSummary, made_at: datetime) -> Document:
    """A document of the record's statistics: job types, failures, and the hours for the chart."""
    failures = tuple((group.message, group.count) for group in summary.failures)
    subject = f"Jobs of the last {_period(query.hours)}"
    return Document(
        title=title,
        made_at=made_at,
        subject=f"{subject}, type {query.job_type}" if query.job_type else subject,
        tables=(
            _job_types_table(summary.job_types),
            Table(heading="Failures", columns=("Message", "Jobs"), rows=failures),
        ),
        hours=_without_gaps(summary.hours, made_at - query.hours * _HOUR, made_at),
    )


def _period(hours: int) -> str:
    if hours > 24 and hours % 24 == 0:
        return f"{hours // 24} days"
    return f"{hours} hours" if hours > 1 else "hour"


def _job_types_table(job_types: Sequence[JobTypeStats]) -> Table:
    statuses = (status.value.capitalize() for status in JobStatus)
    return Table(
        heading="Job types",
        columns=("Job type", "Total", *statuses, "p50 (s)", "p95 (s)", "Max (s)"),
        rows=tuple(
            (
                stats.job_type,
                stats.total,
                *(stats.by_status.get(status, 0) for status in JobStatus),
                *_durations(stats),
            )
            for stats in job_types
        ),
    )


def _durations(stats: JobTypeStats) -> Row:
    found = stats.durations
    return (round(found.p50, 3), round(found.p95, 3), round(found.max, 3)) if found else (None, None, None)


def _without_gaps(hours: Sequence[HourStats], since: datetime, until: datetime) -> tuple[HourStats, ...]:
    known = {_start_of_hour(one.hour): one for one in hours}
    first, last = _start_of_hour(since), _start_of_hour(until)
    starts = [first + number * _HOUR for number in range((last - first) // _HOUR + 1)]
    return tuple(known.get(start) or HourStats(hour=start, completed=0, failed=0) for start in starts)


def _start_of_hour(time: datetime) -> datetime:
    return time.astimezone(UTC).replace(minute=0, second=0, microsecond=0)

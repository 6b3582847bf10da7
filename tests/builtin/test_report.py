"""Report jobs: payloads, artifacts, progress, and the record's statistics."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import orjson
import pytest

from herdbook.builtin.report import Reporter, ReportPayload
from herdbook.builtin.report.payload import Format
from herdbook.builtin.report.reporter import MEDIA_TYPES
from herdbook.errors import InvalidJobError
from herdbook.model.artifacts import FolderArtifacts
from herdbook.model.context import JobContext
from herdbook.model.job import JobStatus
from herdbook.model.registry import Registry
from herdbook.model.summary import Durations, FailureCount, HourStats, JobTypeStats, RecordSummary

NOW = datetime(2026, 5, 4, 10, 20, tzinfo=UTC)
SUMMARY = RecordSummary(
    job_types=(
        JobTypeStats(
            job_type="email",
            total=12,
            by_status={JobStatus.COMPLETED: 10, JobStatus.FAILED: 2},
            durations=Durations(p50=0.12345, p95=1.5, max=22),
        ),
        JobTypeStats(job_type="report", total=1, by_status={JobStatus.PENDING: 1}, durations=None),
    ),
    hours=(HourStats(hour=NOW.replace(minute=0), completed=10, failed=2),),
    failures=(FailureCount(message="<b>550</b> no such user", count=2),),
)


class Record:
    """Stands in for the record: remembers its queries, and always returns the same summary."""

    def __init__(self, summary: RecordSummary = SUMMARY) -> None:
        self.queries: list[tuple[datetime, str | None]] = []
        self._summary = summary

    async def summarise(self, since: datetime, job_type: str | None) -> RecordSummary:
        self.queries.append((since, job_type))
        return self._summary


@pytest.fixture
def record() -> Record:
    return Record()


def payload(source: Any, format: str = "pdf", title: str = "Milk of the week") -> ReportPayload:
    """A payload parsed from JSON."""
    return ReportPayload.model_validate_json(orjson.dumps({"title": title, "format": format, "source": source}))


async def run(asked: ReportPayload, job: JobContext, record: Record) -> dict[str, Any]:
    return await Reporter(record.summarise, lambda: NOW).run(asked, job)


@pytest.mark.parametrize("format", get_args(Format))
async def test_a_report_is_stored_as_the_jobs_artifact(
    format: Format, job: JobContext, artifacts: FolderArtifacts, record: Record
) -> None:
    result = await run(payload({"rows": [{"animal": "Daisy"}, {"litres": 28.5}]}, format), job, record)
    found = artifacts.find(job.id)
    assert found is not None
    artifact, path = found
    assert result["artifact"] == {
        "name": f"milk-of-the-week.{format}",
        "mediaType": MEDIA_TYPES[format],
        "size": path.stat().st_size,
    }
    assert artifact.name == result["artifact"]["name"]
    assert result["rows"] == 2
    assert result.get("pages") == (1 if format == "pdf" else None)
    assert job.take_report().progress == "100"
    assert not record.queries


@pytest.mark.parametrize(
    ("title", "name"),
    [("../../etc/passwd", "etc-passwd.csv"), ("Kühe & Kälber", "kühe-kälber.csv"), ("🐄", "report.csv")],
)
async def test_a_file_is_named_after_the_title(title: str, name: str, job: JobContext, record: Record) -> None:
    result = await run(payload({"rows": [{"a": 1}]}, "csv", title), job, record)
    assert result["artifact"]["name"] == name


class ProgressRecorder(JobContext):
    """A context that records every progress report, and the threads they come from."""

    reports: list[Any]
    threads: set[int]

    def progress(self, value: Any) -> None:
        self.reports.append(value)
        self.threads.add(threading.get_ident())


@pytest.mark.parametrize("format", get_args(Format))
async def test_ten_thousand_rows_report_progress_from_a_thread(
    format: Format, artifacts: FolderArtifacts, job: JobContext, record: Record
) -> None:
    recorder = ProgressRecorder(
        id=job.id, job_type="report", queue="report", attempt=1, reported=None, artifacts=artifacts
    )
    recorder.reports, recorder.threads = [], set()
    rows = [{"number": number, "animal": f"Daisy {number}", "litres": number / 2} for number in range(10_000)]
    result = await run(payload({"rows": rows}, format), recorder, record)
    assert result["rows"] == 10_000
    assert len(recorder.reports) == 50
    assert recorder.reports == sorted(set(recorder.reports))
    assert recorder.reports[-1] == 100
    assert recorder.threads > {threading.get_ident()}


async def test_the_record_is_queried_for_the_last_hours(job: JobContext, record: Record) -> None:
    await run(payload({"record": {"hours": 48, "jobType": "email"}}), job, record)
    await run(payload({"record": {}}), job, record)
    assert record.queries == [(NOW - timedelta(hours=48), "email"), (NOW - timedelta(hours=24), None)]


@pytest.mark.parametrize("format", get_args(Format))
async def test_an_empty_record_gives_a_report_too(format: Format, job: JobContext) -> None:
    empty = Record(RecordSummary(job_types=(), hours=(), failures=()))
    result = await run(payload({"record": {"hours": 1}}, format), job, empty)
    assert result["rows"] == 0


@pytest.mark.parametrize(
    ("source", "path", "message"),
    [
        ({}, "source.rows", "either rows or record"),
        ({"rows": [{"a": 1}], "record": {}}, "source.rows", "either rows or record"),
        ({"rows": []}, "source.rows", "at least one row"),
        ({"rows": [{}]}, "source.rows", "0 different columns"),
        ({"rows": [{f"c{n}": n for n in range(51)}]}, "source.rows", "51 different columns"),
        ({"rows": [{"a": 1}] * 10_001}, "source.rows", "at most 10000 items"),
        ({"rows": [{"a": 1}, {"a": [1]}, {"a": {}}]}, "source.rows.1.a", "a cell must be a text"),
        ({"rows": [{"": 1}]}, "source.rows.0..[key]", "at least 1 character"),
        ({"rows": [7]}, "source.rows.0", "object"),
        ({"record": {"hours": 0}}, "source.record.hours", "greater than or equal to 1"),
        ({"record": {"hours": 745}}, "source.record.hours", "less than or equal to 744"),
        ({"record": {"days": 1}}, "source.record.days", "not permitted"),
        ({"table": []}, "source.table", "not permitted"),
    ],
)
def test_the_error_in_an_invalid_report_is_at_its_field(source: Any, path: str, message: str, record: Record) -> None:
    book = Registry()
    book.processor("report")(Reporter(record.summarise).run)
    with pytest.raises(InvalidJobError) as caught:
        book.get("report").validate(orjson.dumps({"title": "Milk", "source": source}))
    [problem] = caught.value.problems
    assert problem.path == f"jobData.{path}"
    assert message in problem.message


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_numbers_that_are_not_finite_are_refused(number: str) -> None:
    with pytest.raises(ValueError, match="not a finite number"):
        ReportPayload.model_validate_json(f'{{"title": "Milk", "source": {{"rows": [{{"a": {number}}}]}}}}')

"""What a running job reports, before it is recorded."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from herdbook.model.artifacts import FolderArtifacts
from herdbook.model.context import JobContext, LogLine, Report
from herdbook.model.ids import new_job_id


def context(folder: Path, max_log_lines: int | None = None) -> JobContext:
    return JobContext(
        id=new_job_id(),
        job_type="t",
        queue="q",
        attempt=1,
        reported=None,
        artifacts=FolderArtifacts(folder),
        max_log_lines=max_log_lines,
    )


def test_lines_that_a_process_reports_count_towards_the_limit(tmp_path: Path) -> None:
    job = context(tmp_path, max_log_lines=2)
    job.log("a")
    lines = [LogLine(at=datetime.now(UTC), message=message) for message in "bcd"]
    job.add_report(Report(logs=lines))
    job.add_report(Report(logs=lines))
    assert [line.message for line in job.take_report().logs] == ["a", "b"]
    (last,) = job.take_last_report().logs
    assert last.message == "lines dropped: 5, because HERDBOOK_MAX_LOG_LINES is 2"
    job.put_back(Report(logs=[last]))
    assert [line.message for line in job.take_last_report().logs] == [last.message]


def test_progress_with_a_number_that_json_lacks_is_refused_and_says_where(tmp_path: Path) -> None:
    job = context(tmp_path)
    with pytest.raises(TypeError, match=r"^progress\.done\.1 is NaN or infinite"):
        job.progress({"done": [1.5, float("nan"), None]})
    assert not job.take_report()
    job.progress({"done": None})
    assert job.take_report().progress == '{"done":null}'

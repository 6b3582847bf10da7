"""The query string of the job list."""

from datetime import UTC, datetime, timedelta

import pytest

from herdbook.http.problems import Refused
from herdbook.model.ids import new_job_id
from herdbook.model.job import JobStatus
from herdbook.web.job_query import JobQuery

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "?status=failed&type=e+mail&queue=a%26b&q=%C3%BC+b&within=24h",
        "?since=2026-05-01T10%3A00&until=2026-05-02T00%3A00",
        "?status=pending&before=0199a0b5-0000-7000-8000-000000000000",
    ],
)
def test_a_query_string_survives_parsing(text: str) -> None:
    assert JobQuery.parse_string(text.lstrip("?")).query_string() == text


def test_empty_parameters_are_ignored() -> None:
    assert JobQuery.parse({"q": " ", "status": "", "type": ""}).is_empty


def test_the_filter_for_the_record() -> None:
    wanted = JobQuery.parse({"status": "failed", "q": "no  such", "within": "1h", "queue": "mails"}).to_filter(NOW)
    assert (wanted.status, wanted.words, wanted.queue, wanted.job_type) == (
        JobStatus.FAILED,
        ("no", "such"),
        "mails",
        None,
    )
    assert wanted.since == NOW - timedelta(hours=1)
    assert JobQuery.parse({"since": "2026-05-01T10:00"}).to_filter(NOW).since == datetime(2026, 5, 1, 10, tzinfo=UTC)


def test_a_url_changes_one_thing_and_starts_at_the_first_page() -> None:
    query = JobQuery.parse({"status": "failed", "q": "x", "before": str(new_job_id())})
    assert query.url(status=None) == "/jobs?q=x"
    id = new_job_id()
    assert query.url(before=id) == f"/jobs?status=failed&q=x&before={id}"


@pytest.mark.parametrize("bad", [{"status": "x"}, {"since": "x"}, {"before": "x"}, {"within": "x"}, {"q": "a\0b"}])
def test_invalid_values_are_refused(bad: dict[str, str]) -> None:
    with pytest.raises(Refused):
        JobQuery.parse(bad)

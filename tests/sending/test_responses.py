"""HTTP responses: Retry-After, and which statuses are final."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from herdbook.sending.responses import LONGEST_WAIT, TargetResponse, parse_retry_after

DATE = "Tue, 01 Jan 2030 12:00:00 GMT"


@pytest.mark.parametrize(
    ("header", "milliseconds"),
    [
        ("7", 7_000),
        (" 0 ", 0),
        ("Tue, 01 Jan 2030 12:00:30 GMT", 30_000),
        ("Tue, 01 Jan 2030 11:00:00 GMT", 0),
        ("9" * 5_000, LONGEST_WAIT),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_WAIT),
        (None, None),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("٣", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, milliseconds: int | None) -> None:
    assert parse_retry_after(header, DATE) == milliseconds


@pytest.mark.parametrize("date", [None, "", "no date"])
def test_without_the_date_of_the_response_a_retry_counts_from_now(date: str | None) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(minutes=10), usegmt=True)
    wait = parse_retry_after(later, date)
    assert wait is not None
    assert 590_000 < wait <= 600_000


@pytest.mark.parametrize(
    ("status", "final"),
    [(400, True), (404, True), (408, False), (425, False), (429, False), (500, False), (503, False)],
)
def test_a_client_error_is_final_unless_it_is_temporary(status: int, final: bool) -> None:
    assert TargetResponse(status=status, retry_after=None).is_final is final

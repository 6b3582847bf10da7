"""HTTP responses: Retry-After, and which statuses are final."""

from datetime import UTC, datetime

import pytest

from herdbook.sending.responses import LONGEST_WAIT, TargetResponse, parse_retry_after

NOW = datetime(2030, 1, 1, 12, 0, tzinfo=UTC)


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
    assert parse_retry_after(header, NOW) == milliseconds


@pytest.mark.parametrize(
    ("status", "final"),
    [(400, True), (404, True), (408, False), (425, False), (429, False), (500, False), (503, False)],
)
def test_a_client_error_is_final_unless_it_is_temporary(status: int, final: bool) -> None:
    assert TargetResponse(status=status, retry_after=None).is_final is final

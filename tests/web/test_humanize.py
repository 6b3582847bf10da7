"""Numbers, durations and times for people."""

from datetime import UTC, datetime, timedelta

import pytest

from herdbook.web import humanize

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("milliseconds", "said"),
    [
        (None, "–"),
        (0, "0 ms"),
        (0.42, "0.42 ms"),
        (8.4, "8.4 ms"),
        (950, "950 ms"),
        (1_000, "1 s"),
        (1_540, "1.5 s"),
        (59_900, "59.9 s"),
        (60_000, "1 min"),
        (200_000, "3 min 20 s"),
        (3_600_000, "1 h"),
        (7_260_000, "2 h 1 min"),
        (86_400_000 * 2 + 3_600_000 * 4, "2 d 4 h"),
    ],
)
def test_durations(milliseconds: float | None, said: str) -> None:
    assert humanize.duration_ms(milliseconds) == said


@pytest.mark.parametrize(
    ("gap", "said"),
    [
        (timedelta(seconds=0.4), "now"),
        (timedelta(seconds=5), "5 s ago"),
        (timedelta(minutes=3, seconds=20), "3 min ago"),
        (timedelta(days=9), "9 d ago"),
        (-timedelta(hours=2, minutes=5), "in 2 h"),
    ],
)
def test_relative_times(gap: timedelta, said: str) -> None:
    assert humanize.relative_time(NOW - gap, NOW) == said


def test_numbers_and_nouns() -> None:
    assert humanize.number(1234.5) == "1,234.5"
    assert humanize.number(12.0) == "12"
    assert humanize.plural(1, "job") == "1 job"
    assert humanize.plural(2_000, "job") == "2,000 jobs"
    assert humanize.plural(2, "job waits", "jobs wait") == "2 jobs wait"
    assert humanize.file_size(1) == "1 byte"
    assert humanize.file_size(1_500) == "1.5 kB"
    assert humanize.file_size(2_500_000) == "2.5 MB"
    assert humanize.utc_time(NOW) == "2026-05-01 12:00:00 UTC"
    assert humanize.time_between(NOW, NOW + timedelta(seconds=2)) == "2 s"
    assert humanize.time_between(None, NOW) == "–"


def test_a_long_text_becomes_one_short_line() -> None:
    assert humanize.one_line("a\n b\t c") == "a b c"
    assert humanize.one_line("x" * 300) == "x" * 199 + "…"
    assert humanize.one_line("  " * 5_000 + "x") == "…"

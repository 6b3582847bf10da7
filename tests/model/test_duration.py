"""Durations as people write them."""

from typing import Any

import pytest

from herdbook.model.duration import format_duration, milliseconds, parse_duration, parse_input, parse_limit


@pytest.mark.parametrize(
    ("text", "expected"),
    [("500ms", 500), ("30s", 30_000), ("10m", 600_000), ("1.5h", 5_400_000), ("2 d", 172_800_000), (250, 250)],
)
def test_a_duration_is_milliseconds_or_a_text(text: str | int, expected: int) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "10", "m", "-5s", "10 minutes", "1m30s", "NaNs", "٣s٣", "3651d", "9" * 5_000 + "s"],
    ids=lambda text: text[:20],
)
def test_other_texts_are_not_durations(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(text)
    with pytest.raises(ValueError, match="not a duration"):
        parse_limit(text)


def test_a_time_limit_is_seconds_or_a_text() -> None:
    assert [parse_limit(limit) for limit in (1, 1.5, "1.5s", "250ms", "2m")] == [1, 1.5, 1.5, 0.25, 120]
    with pytest.raises(ValueError, match="not a duration: give seconds"):
        parse_limit("soon")


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), True, None, "later", 10**15])
def test_a_value_that_is_not_a_duration_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        milliseconds(value)


def test_a_duration_of_thousands_of_digits_is_refused() -> None:
    for value in (10**5_000, "9" * 5_000, "9" * 5_000 + "s"):
        with pytest.raises(ValueError, match="not a duration"):
            milliseconds(value)


def test_fractions_of_a_millisecond_are_rounded_up() -> None:
    assert [milliseconds(value) for value in (0, 0.2, 7, "2s")] == [0, 1, 7, 2_000]


def test_input_without_a_unit_is_a_number() -> None:
    assert [parse_input(text) for text in ("30", " 0.5 ", "30s", "soon", "", "1e3")] == [
        30,
        0.5,
        "30s",
        "soon",
        "",
        "1e3",
    ]


@pytest.mark.parametrize("value", [0, 1, 999, 1_000, 1_500, 90_000, 3_600_000, 172_800_000])
def test_a_formatted_duration_can_be_parsed_again(value: int) -> None:
    assert parse_duration(format_duration(value)) == value
    assert parse_limit(format_duration(value)) == value / 1_000


def test_a_duration_is_formatted_in_its_largest_whole_unit() -> None:
    assert [format_duration(value) for value in (7, 30_000, 1_500, 5_400_000, 86_400_000)] == [
        "7ms",
        "30s",
        "1500ms",
        "90m",
        "1d",
    ]

"""The layout of reports: columns, lines, charts, and the order of characters."""

from datetime import UTC, datetime, timedelta

import pytest

from herdbook.builtin.report.chart import lay_out
from herdbook.builtin.report.document import Table, rows_document
from herdbook.builtin.report.lines import share, wrap
from herdbook.builtin.report.typeface import visual_order
from herdbook.model.summary import HourStats

NOW = datetime(2026, 5, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", [""]),
        ("short", ["short"]),
        ("two words here", ["two words", "here"]),
        ("a verylongwordindeed", ["a", "verylongwo", "rdindeed"]),
        ("abcdefghijklmno", ["abcdefghij", "klmno"]),
        ("one two three four five six seven", ["one two", "three four", "five si..."]),
        ("x" * 300, ["x" * 10, "x" * 10, "x" * 7 + "..."]),
    ],
)
def test_lines_fit_into_ten_characters(text: str, lines: list[str]) -> None:
    assert wrap(text, 10, len, max_lines=3) == lines


def test_wrapping_ends_even_if_no_character_fits() -> None:
    assert wrap("abcdef", 0.5, len, max_lines=3) == ["a", "b", "..."]


@pytest.mark.parametrize(
    ("natural", "widths"),
    [
        ([10, 10], [25, 25]),
        ([40, 40], [50, 50]),
        ([10, 200], [10, 90]),
        ([10, 200, 300], [10, 45, 45]),
        ([20, 30, 35, 200], [20, 80 / 3, 80 / 3, 80 / 3]),
        ([200], [100]),
    ],
)
def test_a_width_is_divided_among_columns(natural: list[float], widths: list[float]) -> None:
    assert share(natural, 100) == pytest.approx(widths)


@pytest.mark.parametrize(
    ("highest", "ticks"),
    [(0, (0, 1)), (3, (0, 1, 2, 3)), (11, (0, 5, 10, 15)), (800, (0, 200, 400, 600, 800))],
)
def test_a_chart_has_round_values_up_to_the_highest(highest: int, ticks: tuple[int, ...]) -> None:
    chart = lay_out([HourStats(hour=NOW, completed=highest, failed=0)])
    assert chart.ticks == ticks
    assert 0 <= chart.bars[0].completed <= 1


@pytest.mark.parametrize("hours", [1, 2, 25, 72, 73, 200, 745])
def test_bars_stay_within_the_chart_and_include_every_hour(hours: int) -> None:
    stats = [HourStats(hour=NOW + timedelta(hours=n), completed=n, failed=1) for n in range(hours)]
    chart = lay_out(stats)
    assert len(chart.bars) <= 72
    assert all(bar.left >= 0 and bar.left + bar.width <= 1 for bar in chart.bars)
    assert all(bar.completed + bar.failed <= 1 + 1e-9 for bar in chart.bars)
    assert round(sum(bar.failed for bar in chart.bars) * chart.ticks[-1]) == hours
    assert 1 <= sum(bool(bar.label) for bar in chart.bars) <= 8


def test_columns_are_the_keys_of_all_rows_in_order_of_first_appearance() -> None:
    table = rows_document("Milk", [{"b": 1}, {"a": 2, "b": 3}, {"c": None}], NOW).tables[0]
    assert table.columns == ("b", "a", "c")
    assert table.rows == ((1, None, None), (3, 2, None), (None, None, None))


def test_only_columns_of_numbers_are_right_aligned() -> None:
    table = Table(heading="", columns=("a", "b", "c", "d"), rows=((1, "1", True, None), (None, 2, 1, None)))
    assert [table.is_numeric(column) for column in range(4)] == [True, False, False, False]


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain", "plain"),
        ("café", "café"),
        ("שלום", "םולש"),
        ("see שלום here", "see םולש here"),
        ("שלום (עולם)", "(םלוע) םולש"),
        ("מחיר 123", "123 ריחמ"),
    ],
)
def test_right_to_left_text_is_reversed(text: str, seen: str) -> None:
    assert visual_order(text) == seen

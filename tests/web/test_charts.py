"""Charts, as values and as SVG."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from jinja2 import Environment, PackageLoader, StrictUndefined

from herdbook.record.stats import WINDOWS, Point, Window
from herdbook.web.axes import count_ticks, duration_ticks, log_position, time_ticks
from herdbook.web.charts import FRAME, Measure, bar_chart, line_chart, sparkline

START = datetime(2026, 11, 24, 13, 7, tzinfo=UTC)
HOUR = WINDOWS[0]
SVG = "{http://www.w3.org/2000/svg}"


def point(index: int, completed: int = 0, failed: int = 0, *, p50: float | None = None, window: Window = HOUR) -> Point:
    p95 = None if p50 is None else p50 * 10
    return Point(
        at=START + index * timedelta(seconds=window.resolution),
        completed=completed,
        failed=failed,
        retries=failed,
        run_p50=p50,
        run_p95=p95,
        wait_p50=p50,
        wait_p95=p95,
    )


def drawn(template: str, chart: Any) -> ElementTree.Element:
    """The SVG of a chart; it must be well-formed, without inline styles, scripts or handlers."""
    environment = Environment(
        loader=PackageLoader("herdbook.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    text = environment.get_template(f"charts/{template}.html").render(chart=chart)
    root = ElementTree.fromstring(text.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))
    for element in root.iter():
        assert not {name for name in element.attrib if name == "style" or name.startswith("on")}
        assert element.tag not in (f"{SVG}style", f"{SVG}script")
    assert root.get("role") == "img"
    return root


def of_class(root: ElementTree.Element, name: str) -> Sequence[ElementTree.Element]:
    return [one for one in root.iter() if name in one.get("class", "").split()]


def test_bars_are_stacked_and_have_tooltips() -> None:
    points = [point(0, 30, 10), point(1), point(2, 40)]
    chart = bar_chart(points, HOUR)
    first, last = chart.bars
    assert chart.summary == "70 completed, 10 failed in the last hour. Peak: 40 per minute."
    assert first.tooltip == "Tue 13:07 UTC: 30 completed, 10 failed, 10 retries"
    assert (first.completed_height, first.failed_height) == (124.5, 41.5)
    assert first.failed_y + first.failed_height == first.completed_y
    assert first.completed_y + first.completed_height == FRAME.bottom
    assert (last.failed_height, last.completed_height) == (0, 166)
    assert first.x == FRAME.left
    assert last.x + last.width <= FRAME.right

    root = drawn("bars", chart)
    assert [one.findtext(f"{SVG}title") for one in of_class(root, "chart-bar")] == [first.tooltip, last.tooltip]
    (failed,) = of_class(root, "chart-failed")
    (pattern,) = root.iter(f"{SVG}pattern")
    assert failed.get("fill") == f"url(#{pattern.get('id')})"
    ids = (root.get("aria-labelledby") or "").split()
    assert [root.find(f"*[@id='{id}']").text for id in ids] == [chart.title, chart.summary]  # type: ignore[union-attr]


def test_a_single_failure_among_thousands_is_visible() -> None:
    chart = bar_chart([point(0, 100_000, 1)], HOUR)
    assert chart.bars[0].failed_height == 2


@pytest.mark.parametrize("points", [[], [point(0)], [point(0), point(1)]])
def test_empty_charts_have_axes_and_say_so(points: list[Point]) -> None:
    for template, chart in (
        ("bars", bar_chart(points, HOUR)),
        ("lines", line_chart(points, HOUR, Measure.WAIT)),
    ):
        root = drawn(template, chart)
        assert [one.text for one in of_class(root, "chart-empty")] == ["No finished jobs in this period"]
        assert len(of_class(root, "chart-axis")) == 1
        assert len(of_class(root, "chart-grid")) >= 2


def test_lines_break_where_nothing_finished() -> None:
    points = [point(0, 1, p50=10), point(1, 1, p50=20), point(2), point(3, 1, p50=40)]
    chart = line_chart(points, HOUR, Measure.RUN)
    assert (chart.p50.path.count("M"), chart.p50.path.count("L")) == (2, 1)
    assert chart.p50.dots[0].tooltip == "Tue 13:07 UTC: p50 10 ms"
    assert chart.p95.dots[-1].tooltip == "Tue 13:10 UTC: p95 400 ms"
    assert chart.summary == "Latest: p50 40 ms, p95 400 ms."
    heights = [one.y for one in chart.p50.dots]
    assert heights == sorted(heights, reverse=True)
    assert all(p95.y < p50.y for p95, p50 in zip(chart.p95.dots, chart.p50.dots, strict=True))

    root = drawn("lines", chart)
    assert len(of_class(root, "chart-point")) == 6
    assert [one.get("stroke-dasharray") is not None for one in of_class(root, "chart-p95")] == [True]
    assert [one.get("stroke-dasharray") for one in of_class(root, "chart-p50")] == [None]


@pytest.mark.parametrize(
    ("minutes", "summary"),
    [
        ([], "0 jobs finished in the last hour, peak 0 per minute"),
        ([0, 3, 1], "4 jobs finished in the last hour, peak 3 per minute"),
        ([1], "1 job finished in the last hour, peak 1 per minute"),
    ],
)
def test_a_sparkline_fits_into_its_frame(minutes: list[int], summary: str) -> None:
    chart = sparkline(minutes)
    assert chart.summary == summary
    places = [tuple(map(float, one.split(","))) for one in chart.path.removeprefix("M").split("L")]
    assert (places[0][0], places[-1][0]) == (0, chart.width)
    assert all(1 <= y <= chart.height - 1 for _, y in places)
    assert drawn("sparkline", chart).findtext(f"{SVG}title") == summary


@pytest.mark.parametrize(
    ("most", "labels"),
    [
        (0, ["0", "1"]),
        (1, ["0", "1"]),
        (4, ["0", "1", "2", "3", "4"]),
        (7, ["0", "2", "4", "6", "8"]),
        (1_234, ["0", "500", "1,000", "1,500"]),
    ],
)
def test_counts_have_round_ticks(most: int, labels: list[str]) -> None:
    ticks = count_ticks(most, lambda share: share)
    assert [one.label for one in ticks] == labels
    assert (ticks[0].position, ticks[-1].position) == (0, 1)


@pytest.mark.parametrize(
    ("times", "labels"),
    [
        ([], ["1 ms", "5 ms", "20 ms", "50 ms", "200 ms", "1 s"]),
        ([50], ["50 ms", "100 ms"]),
        ([60, 1_900], ["50 ms", "100 ms", "200 ms", "500 ms", "1 s", "2 s"]),
        ([0.2, 180_000], ["1 ms", "10 ms", "200 ms", "2 s", "30 s", "5 min"]),
        ([86_400_000 * 50_000], ["1000 d", "10000 d"]),
    ],
)
def test_durations_have_readable_ticks(times: list[float], labels: list[str]) -> None:
    ticks = duration_ticks(times, lambda share: share)
    assert len(ticks) <= 6
    assert (ticks[0].position, ticks[-1].position) == (0, 1)
    assert all(0 <= log_position(time, ticks) <= 1 for time in times)
    assert [one.label for one in ticks] == labels


@pytest.mark.parametrize(
    ("window", "labels"),
    [
        (HOUR, ["13:10", "13:20", "13:30", "13:40", "13:50", "14:00"]),
        (WINDOWS[1], ["16:00", "20:00", "00:00", "04:00", "08:00", "12:00"]),
        (WINDOWS[2], ["25 Nov", "26 Nov", "27 Nov", "28 Nov", "29 Nov", "30 Nov", "1 Dec"]),
    ],
)
def test_times_have_round_ticks(window: Window, labels: list[str]) -> None:
    count = window.span // timedelta(seconds=window.resolution)
    ticks = time_ticks([point(index, window=window) for index in range(count)], lambda share: share)
    assert [one.label for one in ticks] == labels
    assert all(0 <= one.position <= 1 for one in ticks)

"""Charts as values (positions, sizes, texts) that the templates in `charts/` render as SVG.

No chart depends on colour alone: shapes and dashes differ too, and every value is also given as text.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from herdbook.record.stats import Point, Window
from herdbook.web.axes import Tick, count_ticks, duration_ticks, log_position, time_ticks
from herdbook.web.humanize import duration_ms, number, plural

# Tall enough for one failure among a thousand jobs to be visible.
_MIN_BAR_HEIGHT = 2.0
_SPARKLINE_WIDTH, _SPARKLINE_HEIGHT = 120, 24
# By the seconds of one bucket.
_BUCKETS = {60: "minute", 900: "15 minutes", 7_200: "2 hours"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The size of a chart and the edges of its plot area, in pixels."""

    width: int = 480
    height: int = 200
    left: int = 58
    top: int = 10
    right: int = 470
    bottom: int = 176

    def x(self, share: float) -> float:
        """The x coordinate `share` (0..1) of the way from left to right."""
        return round(self.left + share * (self.right - self.left), 1)

    def y(self, share: float) -> float:
        """The y coordinate `share` (0..1) of the way from bottom to top."""
        return round(self.bottom - share * (self.bottom - self.top), 1)


FRAME = Frame()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartBar:
    """The jobs that finished in one bucket: completed ones at the bottom, failed ones stacked on top."""

    x: float
    width: float
    completed_y: float
    failed_y: float
    completed_height: float
    failed_height: float
    tooltip: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BarChart:
    """Finished jobs per `bucket`, such as `minute`. `id` tells the chart from others on its page."""

    id: str
    title: str
    summary: str
    bucket: str
    frame: Frame
    bars: list[ChartBar]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    is_empty: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartDot:
    """One value of a line."""

    x: float
    y: float
    tooltip: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartLine:
    """A line as an SVG path, with its values; it is interrupted where there are none."""

    path: str
    dots: list[ChartDot]


@dataclass(frozen=True, slots=True, kw_only=True)
class LineChart:
    """The p50 and p95 of each bucket's attempts."""

    id: str
    title: str
    summary: str
    frame: Frame
    p50: ChartLine
    p95: ChartLine
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    is_empty: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sparkline:
    """A line without axes, for a table row."""

    width: int
    height: int
    path: str
    summary: str


class Measure(StrEnum):
    """Which duration of the attempts a line chart shows."""

    RUN = "run"
    WAIT = "wait"


_TITLES = {Measure.RUN: "Run time", Measure.WAIT: "Wait time"}


def last_period(window: Window) -> str:
    """The window as "the last hour" or "the last 24 hours"."""
    return f"the last {window.label.removeprefix('1 ')}"


def bar_chart(points: Sequence[Point], window: Window) -> BarChart:
    """Completed and failed jobs of each point."""
    peak = max((one.completed + one.failed for one in points), default=0)
    y_ticks = count_ticks(peak, FRAME.y)
    completed, failed = sum(one.completed for one in points), sum(one.failed for one in points)
    bucket = _BUCKETS[window.resolution]
    busiest = f" Peak: {number(peak)} per {bucket}." if peak else ""
    return BarChart(
        id=f"jobs-{window.name}",
        title="Completed and failed jobs",
        summary=f"{number(completed)} completed, {number(failed)} failed in {last_period(window)}.{busiest}",
        bucket=bucket,
        frame=FRAME,
        bars=_bars(points, top=int(y_ticks[-1].value)),
        x_ticks=time_ticks(points, FRAME.x),
        y_ticks=y_ticks,
        is_empty=not peak,
    )


def line_chart(points: Sequence[Point], window: Window, measure: Measure) -> LineChart:
    """The run or wait times of each point's attempts, on a logarithmic scale."""
    p50, p95 = f"{measure}_p50", f"{measure}_p95"
    known = [one for one in points if getattr(one, p95) is not None]
    y_ticks = duration_ticks([getattr(one, name) for one in known for name in (p50, p95)], FRAME.y)
    summary = f"No attempts finished in {last_period(window)}."
    if known:
        latest = known[-1]
        summary = f"Latest: p50 {duration_ms(getattr(latest, p50))}, p95 {duration_ms(getattr(latest, p95))}."
    return LineChart(
        id=f"{measure}-{window.name}",
        title=_TITLES[measure],
        summary=summary,
        frame=FRAME,
        p50=_line("p50", points, lambda one: getattr(one, p50), y_ticks),
        p95=_line("p95", points, lambda one: getattr(one, p95), y_ticks),
        x_ticks=time_ticks(points, FRAME.x),
        y_ticks=y_ticks,
        is_empty=not known,
    )


def sparkline(minutes: Sequence[int]) -> Sparkline:
    """The jobs that finished in each minute; a flat line when there were none."""
    peak = max(minutes, default=0)
    values = list(minutes) if len(minutes) > 1 else [0, 0]
    step = _SPARKLINE_WIDTH / (len(values) - 1)
    # One pixel of room above and below, for the thickness of the line.
    vertices = [
        f"{round(i * step, 1):g},{round(_SPARKLINE_HEIGHT - 1 - value / max(peak, 1) * (_SPARKLINE_HEIGHT - 2), 1):g}"
        for i, value in enumerate(values)
    ]
    summary = f"{plural(sum(minutes), 'job')} finished in the last hour, peak {number(peak)} per minute"
    return Sparkline(width=_SPARKLINE_WIDTH, height=_SPARKLINE_HEIGHT, path="M" + "L".join(vertices), summary=summary)


def _bars(points: Sequence[Point], *, top: int) -> list[ChartBar]:
    return [_bar(point, i, len(points), top) for i, point in enumerate(points) if point.completed or point.failed]


def _bar(point: Point, index: int, count: int, top: int) -> ChartBar:
    height = FRAME.bottom - FRAME.top
    completed = round(max(point.completed / top * height, _MIN_BAR_HEIGHT), 1) if point.completed else 0.0
    failed = round(max(point.failed / top * height, _MIN_BAR_HEIGHT), 1) if point.failed else 0.0
    left, right = FRAME.x(index / count), FRAME.x((index + 1) / count)
    retries = f", {plural(point.retries, 'retry', 'retries')}" if point.retries else ""
    return ChartBar(
        x=left,
        # A gap between bars, except between very narrow ones.
        width=round(max((right - left) * 0.85, 1.0), 1),
        completed_y=round(FRAME.bottom - completed, 1),
        failed_y=round(FRAME.bottom - completed - failed, 1),
        completed_height=completed,
        failed_height=failed,
        tooltip=f"{_utc(point.at)}: {number(point.completed)} completed, {number(point.failed)} failed{retries}",
    )


def _line(
    name: str, points: Sequence[Point], value: Callable[[Point], float | None], ticks: Sequence[Tick]
) -> ChartLine:
    path, dots, is_interrupted = [], [], True
    for i, point in enumerate(points):
        duration = value(point)
        if duration is None:
            is_interrupted = True
            continue
        x, y = FRAME.x((i + 0.5) / len(points)), FRAME.y(log_position(duration, ticks))
        path.append(f"{'M' if is_interrupted else 'L'}{x:g},{y:g}")
        dots.append(ChartDot(x=x, y=y, tooltip=f"{_utc(point.at)}: {name} {duration_ms(duration)}"))
        is_interrupted = False
    return ChartLine(path="".join(path), dots=dots)


def _utc(at: datetime) -> str:
    return f"{at:%a %H:%M} UTC"

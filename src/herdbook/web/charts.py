"""Takes the points of a series.

Gives charts as values that the templates in `charts/` write down as SVG: places, sizes and words, no markup.
Never depends on colour: shapes and dashes tell the same, and every value is in words too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from herdbook.record.stats import Point, Window
from herdbook.web.axes import Tick, count_ticks, log_place, time_ticks, wait_ticks
from herdbook.web.humanize import duration, number, plural, seconds

# A failure among a thousand jobs has to be seen.
_LOWEST_BAR = 2.0
_SPARK_WIDTH, _SPARK_HEIGHT = 120, 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The size of a chart, and the edges of the part that is drawn in."""

    width: int = 480
    height: int = 200
    left: int = 58
    top: int = 10
    right: int = 470
    bottom: int = 176

    def across(self, share: float) -> float:
        """The place `share` (0..1) from left to right."""
        return round(self.left + share * (self.right - self.left), 1)

    def up(self, share: float) -> float:
        """The place `share` (0..1) from the bottom to the top."""
        return round(self.bottom - share * (self.bottom - self.top), 1)


FRAME = Frame()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartBar:
    """What ended in one bucket: completed jobs at the bottom, failed ones on top; `words` say the same."""

    x: float
    width: float
    completed_y: float
    failed_y: float
    completed_height: float
    failed_height: float
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BarChart:
    """Jobs that ended per bucket. `id` tells it from other charts of its page."""

    id: str
    title: str
    words: str
    frame: Frame
    bars: list[ChartBar]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    is_empty: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """One value of a line."""

    x: float
    y: float
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartLine:
    """A line as the path that SVG draws, with its values; it breaks where there are none."""

    name: str
    path: str
    dots: list[Dot]


@dataclass(frozen=True, slots=True, kw_only=True)
class LineChart:
    """The middle and the long times of a bucket's attempts."""

    id: str
    title: str
    words: str
    frame: Frame
    p50: ChartLine
    p95: ChartLine
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    is_empty: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sparkline:
    """A line without axes, for a row of a table."""

    width: int
    height: int
    path: str
    words: str


class Measure(StrEnum):
    """Which times a chart shows."""

    RUN = "run"
    WAIT = "wait"


_TITLES = {Measure.RUN: "Run time", Measure.WAIT: "Waiting time"}


def bar_chart(points: Sequence[Point], window: Window) -> BarChart:
    """Completed and failed jobs of each point."""
    most = max((one.completed + one.failed for one in points), default=0)
    y_ticks = count_ticks(most, FRAME.up)
    completed, failed = sum(one.completed for one in points), sum(one.failed for one in points)
    busiest = f"; at most {number(most)} in {seconds(window.resolution)}" if most else ""
    return BarChart(
        id=f"jobs-{window.name}",
        title="Completed and failed jobs",
        words=f"In the last {window.label}: {number(completed)} completed, {number(failed)} failed{busiest}.",
        frame=FRAME,
        bars=_bars(points, top=int(y_ticks[-1].value)),
        x_ticks=time_ticks(points, FRAME.across),
        y_ticks=y_ticks,
        is_empty=not most,
    )


def line_chart(points: Sequence[Point], window: Window, measure: Measure) -> LineChart:
    """The run or waiting times of each point, on a scale whose steps multiply."""
    middle, long = (f"{measure}_p50", f"{measure}_p95")
    known = [one for one in points if getattr(one, long) is not None]
    times = [time for one in known for time in (getattr(one, middle), getattr(one, long))]
    y_ticks = wait_ticks(times, FRAME.up)
    words = f"Nothing finished in the last {window.label}."
    if known:
        last = [duration(getattr(known[-1], name)) for name in (middle, long)]
        words = f"Most lately, half took up to {last[0]}, and 95 of 100 up to {last[1]}."
    return LineChart(
        id=f"{measure}-{window.name}",
        title=_TITLES[measure],
        words=words,
        frame=FRAME,
        p50=_line("half", points, lambda one: getattr(one, middle), y_ticks),
        p95=_line("95 of 100", points, lambda one: getattr(one, long), y_ticks),
        x_ticks=time_ticks(points, FRAME.across),
        y_ticks=y_ticks,
        is_empty=not known,
    )


def sparkline(minutes: Sequence[int]) -> Sparkline:
    """Jobs that ended in each minute; a flat line of none."""
    most = max(minutes, default=0)
    values = list(minutes) if len(minutes) > 1 else [0, 0]
    step = _SPARK_WIDTH / (len(values) - 1)
    # A pixel of room above and below, for the line's own thickness.
    places = [
        f"{round(i * step, 1):g},{round(_SPARK_HEIGHT - 1 - value / max(most, 1) * (_SPARK_HEIGHT - 2), 1):g}"
        for i, value in enumerate(values)
    ]
    words = f"{plural(sum(minutes), 'job')} in the last hour, at most {number(most)} in a minute"
    return Sparkline(width=_SPARK_WIDTH, height=_SPARK_HEIGHT, path="M" + "L".join(places), words=words)


def _bars(points: Sequence[Point], *, top: int) -> list[ChartBar]:
    return [_bar(point, i, len(points), top) for i, point in enumerate(points) if point.completed or point.failed]


def _bar(point: Point, index: int, count: int, top: int) -> ChartBar:
    height = FRAME.bottom - FRAME.top
    completed = round(max(point.completed / top * height, _LOWEST_BAR), 1) if point.completed else 0.0
    failed = round(max(point.failed / top * height, _LOWEST_BAR), 1) if point.failed else 0.0
    left, right = FRAME.across(index / count), FRAME.across((index + 1) / count)
    retries = f", {plural(point.retries, 'retry', 'retries')}" if point.retries else ""
    return ChartBar(
        x=left,
        # A gap between bars, but for the narrowest.
        width=round(max((right - left) * 0.85, 1.0), 1),
        completed_y=round(FRAME.bottom - completed, 1),
        failed_y=round(FRAME.bottom - completed - failed, 1),
        completed_height=completed,
        failed_height=failed,
        words=f"{_moment(point.at)}: {number(point.completed)} completed, {number(point.failed)} failed{retries}",
    )


def _line(
    name: str, points: Sequence[Point], value: Callable[[Point], float | None], ticks: Sequence[Tick]
) -> ChartLine:
    path, dots, is_broken = [], [], True
    for i, point in enumerate(points):
        time = value(point)
        if time is None:
            is_broken = True
            continue
        x, y = FRAME.across((i + 0.5) / len(points)), FRAME.up(log_place(time, ticks))
        path.append(f"{'M' if is_broken else 'L'}{x:g},{y:g}")
        dots.append(Dot(x=x, y=y, words=f"{_moment(point.at)}: {name} took up to {duration(time)}"))
        is_broken = False
    return ChartLine(name=name, path="".join(path), dots=dots)


def _moment(at: datetime) -> str:
    return f"{at:%a %H:%M} UTC"

"""The geometry of the bar chart of hours, as fractions of its width and height, for all formats to draw."""

from collections.abc import Sequence
from dataclasses import dataclass

from herdbook.model.summary import HourStats

COMPLETED_COLOUR = "#2f7d5b"
FAILED_COLOUR = "#c8452e"
_MAX_BARS = 72
_STEPS = (1, 2, 3, 6, 12, 24)
_MAX_LABELS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One or more hours: failed jobs stacked on completed ones. Lengths are fractions of the chart's."""

    left: float
    width: float
    completed: float
    failed: float
    label: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """The bars, and the values of the grid lines, the last of which is at full height."""

    bars: tuple[Bar, ...]
    ticks: tuple[int, ...]
    hours_per_bar: int

    @property
    def heading(self) -> str:
        """What a bar represents."""
        return "Jobs per hour" if self.hours_per_bar == 1 else f"Jobs per {self.hours_per_bar} hours"


def lay_out(hours: Sequence[HourStats]) -> Chart:
    """The chart of consecutive hours (at least one); if there are many, several share a bar."""
    step = next((step for step in _STEPS if len(hours) <= step * _MAX_BARS), _STEPS[-1])
    groups = [hours[start : start + step] for start in range(0, len(hours), step)]
    sums = [(sum(h.completed for h in group), sum(h.failed for h in group)) for group in groups]
    ticks = _ticks(max(completed + failed for completed, failed in sums))
    every = -(-len(groups) // _MAX_LABELS)
    bars = tuple(
        Bar(
            left=(number + 0.1) / len(groups),
            width=0.8 / len(groups),
            completed=completed / ticks[-1],
            failed=failed / ticks[-1],
            label=f"{group[0].hour:%d %b %H:%M}" if number % every == 0 and number + every <= len(groups) else "",
            title=f"{group[0].hour:%Y-%m-%d %H:%M} UTC: {completed:,} completed, {failed:,} failed",
        )
        for number, (group, (completed, failed)) in enumerate(zip(groups, sums, strict=True))
    )
    return Chart(bars=bars, ticks=ticks, hours_per_bar=step)


def _ticks(highest: int) -> tuple[int, ...]:
    """Up to five round numbers from 0; the last is at least `highest`."""
    size = 1
    while True:
        for step in (size, 2 * size, 5 * size):
            if step * 4 >= highest:
                return tuple(range(0, max(highest, 1) + step, step))
        size *= 10

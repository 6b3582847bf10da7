"""The ticks of a chart's axes: round counts, durations and times of day."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from herdbook.record.stats import Point
from herdbook.web.humanize import duration_ms, number

_MAX_TICKS = 6
_SECOND, _MINUTE, _HOUR, _DAY = 1_000, 60_000, 3_600_000, 86_400_000
# Round durations, in milliseconds.
_ROUND_DURATIONS = (
    *(1, 2, 5, 10, 20, 50, 100, 200, 500),
    *(step * _SECOND for step in (1, 2, 5, 10, 20, 30)),
    *(step * _MINUTE for step in (1, 2, 5, 10, 20, 30)),
    *(step * _HOUR for step in (1, 2, 6, 12)),
    *(step * _DAY for step in (1, 2, 5, 10, 30, 100, 365, 1_000, 10_000)),
)
_TIME_STEPS = [timedelta(minutes=step) for step in (5, 10, 15, 30, 60, 120, 240, 360, 720, 1_440, 2_880, 10_080)]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A mark on an axis, at `position` in pixels."""

    value: float
    position: float
    label: str


def count_ticks(maximum: int, to_pixels: Callable[[float], float]) -> list[Tick]:
    """Round numbers from 0 to `maximum` or slightly above; `to_pixels` maps 0..1 to a position on the axis."""
    step = _round_step(maximum)
    top = max(1, math.ceil(maximum / step)) * step
    return [Tick(value=one, position=to_pixels(one / top), label=number(one)) for one in range(0, top + 1, step)]


def _round_step(maximum: int) -> int:
    """1, 2 or 5 times a power of ten, so that a few steps reach `maximum`."""
    power = 1
    while True:
        for factor in (1, 2, 5):
            if factor * power * (_MAX_TICKS - 2) >= maximum:
                return factor * power
        power *= 10


def duration_ticks(durations: Sequence[float], to_pixels: Callable[[float], float]) -> list[Tick]:
    """Round durations that enclose those given (in milliseconds), on a logarithmic scale."""
    shortest, longest = min(durations, default=_ROUND_DURATIONS[0]), max(durations, default=_SECOND)
    end = len(_ROUND_DURATIONS) - 1
    first = max((i for i in range(end) if _ROUND_DURATIONS[i] <= shortest), default=0)
    last = min((i for i in range(first + 1, end) if _ROUND_DURATIONS[i] >= longest), default=end)
    steps = min(last - first, _MAX_TICKS - 1)
    chosen = [_ROUND_DURATIONS[first + round(step * (last - first) / steps)] for step in range(steps + 1)]
    ticks = [Tick(value=one, position=0, label=duration_ms(one)) for one in chosen]
    return [replace(tick, position=to_pixels(log_position(tick.value, ticks))) for tick in ticks]


def log_position(duration: float, ticks: Sequence[Tick]) -> float:
    """Where (0..1) a duration lies between the first and the last of `duration_ticks`."""
    bottom, top = math.log(ticks[0].value), math.log(ticks[-1].value)
    share = (math.log(max(duration, ticks[0].value)) - bottom) / (top - bottom)
    return min(share, 1.0)


def time_ticks(points: Sequence[Point], to_pixels: Callable[[float], float]) -> list[Tick]:
    """Round times of day, or dates where the points span several days."""
    if len(points) < 2:
        return []
    start, resolution = points[0].at, points[1].at - points[0].at
    span = resolution * len(points)
    step = next((one for one in _TIME_STEPS if span / one <= _MAX_TICKS + 1), _TIME_STEPS[-1])
    at = start + -(start - _EPOCH) % step
    ticks = []
    while at < start + span:
        label = f"{at:%H:%M}" if step < timedelta(days=1) else f"{at.day} {at:%b}"
        ticks.append(Tick(value=at.timestamp(), position=to_pixels((at - start) / span), label=label))
        at += step
    return ticks

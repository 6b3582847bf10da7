"""Takes the values that a chart shows.

Gives its ticks: round numbers, lengths of time and times of day, each with its place.
Never has more ticks than can be read.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from herdbook.record.stats import Point
from herdbook.web.humanize import duration, number

_MOST_TICKS = 6
_SECOND, _MINUTE, _HOUR, _DAY = 1_000, 60_000, 3_600_000, 86_400_000
# Lengths of time in milliseconds that people count in.
_LENGTHS = (
    *(1, 2, 5, 10, 20, 50, 100, 200, 500),
    *(step * _SECOND for step in (1, 2, 5, 10, 20, 30)),
    *(step * _MINUTE for step in (1, 2, 5, 10, 20, 30)),
    *(step * _HOUR for step in (1, 2, 6, 12)),
    *(step * _DAY for step in (1, 2, 5, 10, 30, 100, 365, 1_000, 10_000)),
)
_STEPS = [timedelta(minutes=step) for step in (5, 10, 15, 30, 60, 120, 240, 360, 720, 1_440, 2_880, 10_080)]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A mark on an axis; `at` is its place on it."""

    value: float
    at: float
    label: str


def count_ticks(most: int, place: Callable[[float], float]) -> list[Tick]:
    """Round numbers from 0 to `most` or a little more."""
    step = _round_step(most)
    top = max(1, math.ceil(most / step)) * step
    return [Tick(value=one, at=place(one / top), label=number(one)) for one in range(0, top + 1, step)]


def _round_step(most: int) -> int:
    """1, 2 or 5 times a power of ten, so that few steps reach `most`."""
    power = 1
    while True:
        for factor in (1, 2, 5):
            if factor * power * (_MOST_TICKS - 2) >= most:
                return factor * power
        power *= 10


def wait_ticks(times: Sequence[float], place: Callable[[float], float]) -> list[Tick]:
    """Lengths of time around those given in milliseconds, on a scale whose steps multiply."""
    shortest, longest = min(times, default=_LENGTHS[0]), max(times, default=_SECOND)
    end = len(_LENGTHS) - 1
    first = max((i for i in range(end) if _LENGTHS[i] <= shortest), default=0)
    last = min((i for i in range(first + 1, end) if _LENGTHS[i] >= longest), default=end)
    steps = min(last - first, _MOST_TICKS - 1)
    chosen = [_LENGTHS[first + round(step * (last - first) / steps)] for step in range(steps + 1)]
    ticks = [Tick(value=one, at=0, label=duration(one)) for one in chosen]
    return [replace(tick, at=place(log_place(tick.value, ticks))) for tick in ticks]


def log_place(time: float, ticks: Sequence[Tick]) -> float:
    """Where (0..1) a length of time lies between the first and the last of `wait_ticks`."""
    bottom, top = math.log(ticks[0].value), math.log(ticks[-1].value)
    share = (math.log(max(time, ticks[0].value)) - bottom) / (top - bottom)
    return min(share, 1.0)


def time_ticks(points: Sequence[Point], place: Callable[[float], float]) -> list[Tick]:
    """Times of day, or days where the points are spread over many."""
    if len(points) < 2:
        return []
    first, length = points[0].at, points[1].at - points[0].at
    span = length * len(points)
    step = next((one for one in _STEPS if span / one <= _MOST_TICKS + 1), _STEPS[-1])
    at = first + -(first - _EPOCH) % step
    ticks = []
    while at < first + span:
        label = f"{at:%H:%M}" if step < timedelta(days=1) else f"{at.day} {at:%b}"
        ticks.append(Tick(value=at.timestamp(), at=place((at - first) / span), label=label))
        at += step
    return ticks

"""The median and range of values from several rounds, and the 95 % confidence interval of that median."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, comb, log2

CONFIDENCE = 0.95
# With fewer values even the interval from the lowest to the highest is below that confidence.
FEWEST = ceil(1 - log2(1 - CONFIDENCE))


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A confidence interval. `confidence` is its exact level, at least 0.95."""

    low: float
    high: float
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Median, lowest and highest of `count` values; `interval` is None when they are too few for one."""

    median: float
    low: float
    high: float
    count: int
    interval: Interval | None = None

    def compared_with_one(self, above: str, below: str) -> str:
        """What a ratio shows: `above` or `below` only when the whole interval lies on that side of 1."""
        if self.interval is None:
            return f"too few rounds: {self.count} of {FEWEST}"
        if self.interval.low > 1:
            return above
        return below if self.interval.high < 1 else "no difference shown"


def spread_of(values: Iterable[float | None]) -> Spread | None:
    """The spread of the values that are not None; None when there are none."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    return Spread(
        median=statistics.median(known),
        low=min(known),
        high=max(known),
        count=len(known),
        interval=median_interval(known),
    )


def median_interval(values: Sequence[float]) -> Interval | None:
    """The exact order-statistic interval of the median; None for fewer than 6 values.

    A value is below the true median with probability 1/2, whatever the distribution. So the k-th lowest and k-th
    highest of n values miss the median with a probability that the binomial distribution gives. The largest k that
    keeps the confidence makes the narrowest interval. It assumes that rounds are independent of each other.
    """
    ordered, n = sorted(values), len(values)
    found, missed = None, 0.0
    for k in range((n + 1) // 2):
        missed += 2 * comb(n, k) / 2**n
        if 1 - missed < CONFIDENCE:
            break
        found = Interval(low=ordered[k], high=ordered[n - 1 - k], confidence=1 - missed)
    return found


def interval_text(interval: Interval | None, digits: int = 2) -> str:
    """`0.81–1.10`, or a dash when there is no interval."""
    return f"{interval.low:.{digits}f}–{interval.high:.{digits}f}" if interval else "–"

"""Takes what ended, minute by minute, as the figures of the record tell it.

Gives totals by queue, type and outcome, and histograms of times, which only grow.
Never counts a minute twice; it begins at zero with the process, as Prometheus expects of counters.
"""

import asyncio
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate
from math import log10

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.utils import floatToGoString

from herdbook.observe.buckets import SECONDS
from herdbook.record.database import Connection
from herdbook.record.histogram import middle
from herdbook.record.rollups import MINUTE, bucket_of
from herdbook.record.settled_stats import EndedInMinute, read_ended_since

# The record's bucket that ends at each limit, give or take a hundredth: 10^0.3 is 1.995, and 10^0.7 is 5.012.
_ENDS = [round(10 * log10(limit * 1_000)) for limit in SECONDS]
_LABELS = [*map(floatToGoString, SECONDS), "+Inf"]
# Other clients may name types as they like, and each name makes series that stay.
_MOST_NAMES = 200
_OTHER = "(other)"
_LATE = "Counted when its minute is settled, one to two minutes later, since this process started."
_ESTIMATED = "The sum is estimated out of fine buckets, to within an eighth."


class Names:
    """Lets a bounded number of pairs of queue and type through, the first that come; all others are one."""

    def __init__(self) -> None:
        self._known: set[tuple[str, str]] = set()

    def of(self, queue: str, job_type: str) -> tuple[str, str]:
        """The pair under which this queue and type are shown."""
        pair = (queue, job_type)
        if pair not in self._known:
            if len(self._known) >= _MOST_NAMES:
                return (_OTHER, _OTHER)
            self._known.add(pair)
        return pair


@dataclass(slots=True)
class _Total:
    outcomes: Counter[str] = field(default_factory=Counter)
    run: Counter[int] = field(default_factory=Counter)
    wait: Counter[int] = field(default_factory=Counter)

    def add(self, minute: EndedInMinute) -> None:
        self.outcomes.update(completed=minute.completed, retry=minute.retried, failed=minute.failed)
        self.run.update(minute.run)
        self.wait.update(minute.wait)


class AttemptTotals:
    """What ended since `started`; brought up to date each time somebody asks."""

    def __init__(self, started: datetime, names: Names) -> None:
        self._until = bucket_of(started, MINUTE)
        self._names = names
        self._totals: dict[tuple[str, str], _Total] = {}
        # Two that ask at once must not add the same minutes.
        self._reading = asyncio.Lock()

    async def update(self, connection: Connection) -> None:
        """Add what has settled since the last time."""
        async with self._reading:
            found = await read_ended_since(connection, self._until)
            for minute in found.minutes:
                self._totals.setdefault(self._names.of(minute.queue, minute.job_type), _Total()).add(minute)
            self._until = found.until

    def families(self) -> Iterator[Metric]:
        """The totals as metrics."""
        names = ("queue", "type")
        attempts = CounterMetricFamily(
            "herdbook_attempts", f"Attempts that ended, by outcome. {_LATE}", labels=(*names, "outcome")
        )
        run = HistogramMetricFamily(
            "herdbook_attempt_run_seconds", f"How long attempts ran. {_LATE} {_ESTIMATED}", labels=names
        )
        wait = HistogramMetricFamily(
            "herdbook_attempt_wait_seconds",
            f"From when an attempt could have run until it was claimed. {_LATE} {_ESTIMATED}",
            labels=names,
        )
        for pair, total in self._totals.items():
            for outcome, count in total.outcomes.items():
                attempts.add_metric((*pair, outcome), count)
            run.add_metric(pair, *_cumulative(total.run))
            wait.add_metric(pair, *_cumulative(total.wait))
        yield from (attempts, run, wait)


def _cumulative(histogram: Mapping[int, int]) -> tuple[list[tuple[str, float]], float]:
    """The buckets as Prometheus has them, each with all that is below it; and the estimated sum in seconds."""
    counts = [0] * len(_LABELS)
    for bucket, count in histogram.items():
        counts[bisect_left(_ENDS, bucket)] += count
    seconds = sum(middle(bucket) * count for bucket, count in histogram.items()) / 1_000
    return list(zip(_LABELS, map(float, accumulate(counts)), strict=True)), seconds

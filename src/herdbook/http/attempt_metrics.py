"""Counters and histograms of finished attempts, summed up from the record's statistics for each minute.

No minute is ever counted twice; counting starts at zero with the process, as Prometheus expects.
"""

import asyncio
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import accumulate
from math import log10
from time import monotonic

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.utils import floatToGoString

from herdbook.observe.buckets import SECONDS
from herdbook.record.clock import read_clock
from herdbook.record.database import Connection
from herdbook.record.histogram import middle
from herdbook.record.rollups import MINUTE, bucket_of
from herdbook.record.settled_stats import EndedInMinute, read_ended_since

# The record's bucket that ends at each limit, to within a hundredth: 10^0.3 is 1.995, and 10^0.7 is 5.012.
_LAST_BUCKETS = [round(10 * log10(limit * 1_000)) for limit in SECONDS]
_LABELS = [*map(floatToGoString, SECONDS), "+Inf"]
# Other clients can use any name for a type, and each name creates permanent time series.
_MAX_PAIRS = 200
_OTHER = "(other)"
_DELAY_NOTE = "Since this process started, with a delay of one to two minutes."
_SUM_NOTE = "The sum is estimated from fine-grained buckets, to within an eighth."


class LabelLimit:
    """Keeps the first 200 pairs of queue and type apart, and counts all others as one."""

    def __init__(self) -> None:
        self._known: set[tuple[str, str]] = set()

    def of(self, queue: str, job_type: str) -> tuple[str, str]:
        """The labels for this queue and type."""
        pair = (queue, job_type)
        if pair not in self._known:
            if len(self._known) >= _MAX_PAIRS:
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


class AttemptMetrics:
    """The attempts that finished since `began`, a time of `time.monotonic`, as of the last `update`."""

    def __init__(self, began: float, limit: LabelLimit) -> None:
        self._began = began
        self._until: datetime | None = None
        self._limit = limit
        self._totals: dict[tuple[str, str], _Total] = {}
        # Concurrent updates must not add the same minutes.
        self._reading = asyncio.Lock()

    async def update(self, connection: Connection) -> None:
        """Add the minutes that have become final since the last update."""
        async with self._reading:
            if self._until is None:
                # By PostgreSQL's clock, as are the times of attempts.
                started = await read_clock(connection) - timedelta(seconds=monotonic() - self._began)
                self._until = bucket_of(started, MINUTE)
            found = await read_ended_since(connection, self._until)
            for minute in found.minutes:
                self._totals.setdefault(self._limit.of(minute.queue, minute.job_type), _Total()).add(minute)
            self._until = found.until

    def families(self) -> Iterator[Metric]:
        """The metrics."""
        labels = ("queue", "type")
        attempts = CounterMetricFamily(
            "herdbook_attempts", f"Finished attempts, by outcome. {_DELAY_NOTE}", labels=(*labels, "outcome")
        )
        run = HistogramMetricFamily(
            "herdbook_attempt_run_seconds", f"How long attempts ran. {_DELAY_NOTE} {_SUM_NOTE}", labels=labels
        )
        wait = HistogramMetricFamily(
            "herdbook_attempt_wait_seconds",
            f"How long attempts waited from when they were ready to run. {_DELAY_NOTE} {_SUM_NOTE}",
            labels=labels,
        )
        for pair, total in self._totals.items():
            for outcome, count in total.outcomes.items():
                attempts.add_metric((*pair, outcome), count)
            run.add_metric(pair, *_cumulative(total.run))
            wait.add_metric(pair, *_cumulative(total.wait))
        yield from (attempts, run, wait)


def _cumulative(histogram: Mapping[int, int]) -> tuple[list[tuple[str, float]], float]:
    """Cumulative buckets, as Prometheus expects them, and the estimated sum in seconds."""
    counts = [0] * len(_LABELS)
    for bucket, count in histogram.items():
        counts[bisect_left(_LAST_BUCKETS, bucket)] += count
    seconds = sum(middle(bucket) * count for bucket, count in histogram.items()) / 1_000
    return list(zip(_LABELS, map(float, accumulate(counts)), strict=True)), seconds

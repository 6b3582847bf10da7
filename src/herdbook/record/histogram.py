"""Percentiles of durations counted in logarithmic buckets, as in the table `figures`."""

from collections.abc import Mapping

# Buckets per power of ten: bucket b holds durations up to 10^(b/10) milliseconds.
_PER_DECADE = 10


def percentile(histogram: Mapping[int, int], share: float) -> float | None:
    """Milliseconds below which `share` (0..1) of the durations lie, interpolated within a bucket; None if empty."""
    wanted = share * sum(histogram.values())
    if not wanted:
        return None
    seen, bucket = 0, 0
    for bucket in sorted(histogram):
        if seen + histogram[bucket] >= wanted:
            break
        seen += histogram[bucket]
    lowest = _limit(bucket - 1) if bucket else 0.0
    return lowest + (_limit(bucket) - lowest) * (wanted - seen) / histogram[bucket]


def middle(bucket: int) -> float:
    """The midpoint of a bucket, in milliseconds."""
    return ((_limit(bucket - 1) if bucket else 0.0) + _limit(bucket)) / 2


def _limit(bucket: int) -> float:
    """The upper bound of a bucket."""
    limit: float = 10 ** (bucket / _PER_DECADE)
    return limit

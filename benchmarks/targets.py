"""The target of each figure, and whether it is met; ratios to other systems are in `against`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A bound of one figure."""

    least: float | None = None
    most: float | None = None

    def __str__(self) -> str:
        return f"≥ {self.least:,g}" if self.least is not None else f"≤ {self.most:,g}"

    def is_met(self, value: float) -> bool:
        """Whether the figure keeps to it."""
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)

    def verdict(self, value: float) -> str:
        """The same in words; when it is missed, by how much."""
        bound = self.least if self.least is not None else self.most
        assert bound is not None
        return "met" if self.is_met(value) else f"missed by {abs(value - bound) / bound:.0%}"


# What stays the same wavers by as much from one measurement to the next.
_FLAT = Target(most=1.1)

TARGETS = {
    "single_over_http_per_s": Target(least=2_500),
    "http_p99_ms": Target(most=60),
    "bulk_per_s": Target(least=15_000),
    "single_in_process_per_s": Target(least=6_000),
    "worker_cpu_ms_per_job": Target(most=0.12),
    "idle_latency_p50_ms": Target(most=4),
    "idle_latency_p99_ms": Target(most=12),
    "idle_latency_over_http_p50_ms": Target(most=4),
    "idle_latency_over_http_p99_ms": Target(most=12),
    "sustained_per_s": Target(least=4_000),
    "publisher_mb_end_to_middle": _FLAT,
    "relay_mb_end_to_middle": _FLAT,
    "worker_mb_end_to_middle": _FLAT,
    "redis_mb_end_to_middle": _FLAT,
    # Of a relay that keeps up; one that does not lags by as many jobs as may be undone.
    "outbox_age_s": Target(most=5),
    "nap_500_of_ideal": Target(least=0.9),
    "crunch_100_ms_of_pool": Target(least=0.9),
    "crunch_20_ms_of_pool": Target(least=0.9),
    "echo_per_s": Target(least=500),
    "retry_in_queue_s": Target(most=15),
    "rss_mb_at_1000": Target(most=150),
    "most_queued_to_fewest": _FLAT,
    "most_recorded_to_fewest": _FLAT,
    "two_workers_to_one": Target(least=1),
    "redis_bytes_to_bullmq": Target(most=1),
}

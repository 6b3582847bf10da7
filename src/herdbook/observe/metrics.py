"""Prometheus metrics of one worker or relay process, served on their own port if one is set."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Histogram, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from herdbook.errors import ConfigurationError
from herdbook.observe.buckets import SECONDS
from herdbook.observe.events import AttemptTrace, ObservedAttempt, Observer, PoolUse

_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500)
# Other clients of a queue may use any job type names, and each name would add time series for good.
_UNKNOWN = "(unknown)"


class ProcessMetrics(Observer):
    """Counts what one worker or relay does; `registry` has the metrics."""

    def __init__(self, attempts: AttemptTrace | None = None) -> None:
        super().__init__(attempts)
        self.registry = CollectorRegistry()
        names = ("queue", "type")
        self._attempts = Counter(
            "herdbook_worker_attempts",
            "Attempts that this process ran and recorded, by outcome.",
            (*names, "outcome"),
            registry=self.registry,
        )
        self._run = Histogram(
            "herdbook_worker_run_seconds",
            "How long attempts ran.",
            names,
            buckets=SECONDS,
            registry=self.registry,
        )
        self._wait = Histogram(
            "herdbook_worker_wait_seconds",
            "How long attempts waited from when they were due until they were claimed.",
            names,
            buckets=SECONDS,
            registry=self.registry,
        )
        self._batch = Histogram(
            "herdbook_batch_size",
            "How many jobs one step processed together.",
            ("step",),
            buckets=_SIZES,
            registry=self.registry,
        )
        self._rejected = Counter(
            "herdbook_worker_turned_away",
            "Deliveries that did not run because their claim was rejected.",
            ("queue",),
            registry=self.registry,
        )

    def claimed(self, queue: str, deliveries: int, won: int) -> None:
        """Count a batch of claims."""
        self._batch.labels("claim").observe(deliveries)
        if won < deliveries:
            self._rejected.labels(queue).inc(deliveries - won)

    def recorded(self, queue: str, runs: Sequence[ObservedAttempt]) -> None:
        """Count attempts, and observe their durations."""
        if runs:
            self._batch.labels("record").observe(len(runs))
        for run in runs:
            job_type = run.type_name or _UNKNOWN
            assert run.outcome is not None
            self._attempts.labels(queue, job_type, run.outcome.attempt_outcome).inc()
            self._run.labels(queue, job_type).observe(run.took)
            self._wait.labels(queue, job_type).observe(run.waited)

    def acknowledged(self, queue: str, jobs: int) -> None:
        """Count a batch of acknowledgements."""
        self._batch.labels("acknowledge").observe(jobs)

    def relayed(self, entries: int) -> None:
        """Count a batch of outbox entries."""
        self._batch.labels("relay").observe(entries)

    def watch_pool(self, use: Callable[[], PoolUse]) -> None:
        """Add metrics of the connection pool."""
        self.registry.register(_Now(lambda: [pool_family(use())]))

    def watch_held(self, held: Callable[[], dict[str, int]]) -> None:
        """Add the number of jobs that the worker holds, per queue."""
        self.registry.register(_Now(lambda: [_held_family(held())]))


class _Now(Collector):
    """Metrics that are read when they are scraped."""

    def __init__(self, read: Callable[[], list[GaugeMetricFamily]]) -> None:
        self._read = read

    def collect(self) -> Iterable[GaugeMetricFamily]:
        return self._read()


def pool_family(use: PoolUse) -> GaugeMetricFamily:
    """The use of a connection pool as a metric."""
    found = GaugeMetricFamily(
        "herdbook_record_connections",
        "Connections of this process to PostgreSQL: used, idle, and free to be opened.",
        labels=("state",),
    )
    found.add_metric(("used",), use.open - use.idle)
    found.add_metric(("idle",), use.idle)
    found.add_metric(("free",), use.limit - use.open)
    return found


def _held_family(held: dict[str, int]) -> GaugeMetricFamily:
    found = GaugeMetricFamily(
        "herdbook_worker_held", "Jobs that this worker holds: from fetching to acknowledging.", labels=("queue",)
    )
    for queue, jobs in held.items():
        found.add_metric((queue,), jobs)
    return found


@contextmanager
def exposed(metrics: ProcessMetrics, host: str, port: int) -> Iterator[int]:
    """Serve the metrics from a thread for the length of the block; yields the port, a free one if `port` is 0.

    Raises ConfigurationError if the address is invalid or in use.
    """
    try:
        server, thread = start_http_server(port, host, registry=metrics.registry)
    except OSError as error:
        raise ConfigurationError(f"cannot serve metrics on {host} port {port}: {error.strerror}") from None
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join(1)

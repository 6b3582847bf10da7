"""Takes the events of this process, and its pool and worker as they are at the moment.

Gives them as Prometheus metrics on a port of their own; they begin at zero with the process.
Never is called where nobody asked for that port.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Histogram, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from herdbook.errors import ConfigurationError
from herdbook.observe.buckets import SECONDS
from herdbook.observe.events import AttemptTrace, ObservedAttempt, Observer, PoolUse

_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500)
# Other clients of a queue may name types as they like, and each name makes series that stay.
_UNKNOWN = "(unknown)"


class ProcessMetrics(Observer):
    """What one worker or relay does; `registry` has the metrics."""

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
            "From when an attempt could have run until it was claimed.",
            names,
            buckets=SECONDS,
            registry=self.registry,
        )
        self._batch = Histogram(
            "herdbook_batch_size",
            "How many jobs one step took together.",
            ("step",),
            buckets=_SIZES,
            registry=self.registry,
        )
        self._turned_away = Counter(
            "herdbook_worker_turned_away",
            "Deliveries whose claim lost, so that they did not run.",
            ("queue",),
            registry=self.registry,
        )

    def claimed(self, queue: str, deliveries: int, won: int) -> None:
        """Count a batch of claims."""
        self._batch.labels("claim").observe(deliveries)
        if won < deliveries:
            self._turned_away.labels(queue).inc(deliveries - won)

    def recorded(self, queue: str, runs: Sequence[ObservedAttempt]) -> None:
        """Count attempts, and take their times."""
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
        """Count a batch of the outbox."""
        self._batch.labels("relay").observe(entries)

    def watch_pool(self, use: Callable[[], PoolUse]) -> None:
        """Show the use of the pool, too."""
        self.registry.register(_Now(lambda: [pool_family(use())]))

    def watch_held(self, held: Callable[[], dict[str, int]]) -> None:
        """Show how many jobs of each queue the worker holds, too."""
        self.registry.register(_Now(lambda: [_held_family(held())]))


class _Now(Collector):
    """Metrics that are read when they are asked for."""

    def __init__(self, read: Callable[[], list[GaugeMetricFamily]]) -> None:
        self._read = read

    def collect(self) -> Iterable[GaugeMetricFamily]:
        return self._read()


def pool_family(use: PoolUse) -> GaugeMetricFamily:
    """The use of a pool as a metric."""
    found = GaugeMetricFamily(
        "herdbook_record_connections",
        "Connections of this process to PostgreSQL: in use, idle, and how many more it may open.",
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
    """Serve the metrics from a thread, for as long as the block lasts; gives the port, which 0 leaves open.

    Raises ConfigurationError when the address is wrong or taken.
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

"""Observes the work of a process, and serves its metrics if the settings name a port.

Without a port the Prometheus library is never imported.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from herdbook.observe.events import NULL_OBSERVER, AttemptTrace, Observer
from herdbook.record.database import Database
from herdbook.service import log
from herdbook.settings import Settings


@contextmanager
def process_observer(
    settings: Settings, database: Database, attempts: AttemptTrace | None = None
) -> Iterator[Observer]:
    """The observer for the block; `attempts` traces each attempt. Raises ConfigurationError if the port is taken."""
    if settings.metrics_port is None:
        yield NULL_OBSERVER if attempts is None else Observer(attempts)
        return
    from herdbook.observe.metrics import ProcessMetrics, exposed

    metrics = ProcessMetrics(attempts)
    metrics.watch_pool(lambda: database.use)
    with exposed(metrics, settings.metrics_host, settings.metrics_port) as port:
        log.info("serving metrics", address=f"http://{settings.metrics_host}:{port}/metrics")
        yield metrics

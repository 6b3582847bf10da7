"""Takes the settings, the pool of a process that runs for long, and who follows each attempt there.

Gives the observer of its work, whose metrics are served when the settings name a port.
Never loads the metrics' library otherwise.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from herdbook.observe.events import NULL_OBSERVER, AttemptTrace, Observer
from herdbook.record.database import Database
from herdbook.service import log
from herdbook.settings import Settings


@contextmanager
def observed(settings: Settings, database: Database, attempts: AttemptTrace | None = None) -> Iterator[Observer]:
    """An observer, for as long as the block lasts. Raises ConfigurationError when the port is taken."""
    if settings.metrics_port is None:
        yield NULL_OBSERVER if attempts is None else Observer(attempts)
        return
    from herdbook.observe.metrics import ProcessMetrics, exposed

    metrics = ProcessMetrics(attempts)
    metrics.watch_pool(lambda: database.use)
    with exposed(metrics, settings.metrics_host, settings.metrics_port) as port:
        log.info("metrics are served", address=f"http://{settings.metrics_host}:{port}/metrics")
        yield metrics
